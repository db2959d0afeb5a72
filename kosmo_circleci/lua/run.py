"""Source -> Run: load, execute, capture, time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kosmo_circleci import jsonvalue
from kosmo_circleci.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.envelope import Run
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.host import Host, OutputFull
from kosmo_circleci.lua.limits import Limits
from kosmo_circleci.lua.runtime import LuaMemoryError, Sandbox
from kosmo_circleci.masking import Mask

# Lua shortens longer chunk names in its messages (LUA_IDSIZE in luaconf.h, less the final zero).
_LONGEST_CHUNK_NAME: Final = 59


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be run. `name` stands in front of error lines: `eval`, `stdin`, a file's path."""

    source: str
    name: str
    args: dict[str, str] = field(default_factory=dict)
    account: str = "default"


def run_script(
    script: Script,
    catalog: Catalog,
    caller: Caller,
    limits: Limits,
    *,
    on_output: Callable[[str], None] | None = None,
    simulated: bool = False,
) -> Run:
    """Run a script to its end and return what came of it; never raises for what the script does.

    `on_output` gets every printed line as it is printed, masked, without its newline.
    """
    started = time.perf_counter()
    output = _Output(limits.output_bytes, caller.mask, on_output)
    sandbox = Sandbox(limits.memory_bytes)
    try:
        outcome = _execute(sandbox, script, catalog, caller, limits, output)
    except KosmoError as error:
        outcome = _Outcome(error=error.message, error_type=error.error_type)
    except (LuaMemoryError, MemoryError):
        outcome = _out_of_memory(limits)
    return Run(
        success=outcome.error is None,
        output=output.text(),
        result=caller.mask.json(outcome.result),
        error=None if outcome.error is None else caller.mask.text(outcome.error),
        error_type=outcome.error_type,
        execution_time_ms=(time.perf_counter() - started) * 1000,
        memory_usage=sandbox.memory_used(),
        call_count=caller.call_count,
        call_records=tuple(caller.log),
        permission_bypassed=caller.permission_bypassed,
        simulated=simulated,
    )


def _execute(
    sandbox: Sandbox,
    script: Script,
    catalog: Catalog,
    caller: Caller,
    limits: Limits,
    output: "_Output",
) -> "_Outcome":
    host = Host(catalog, caller, sandbox.values, limits, output)
    accounts = list(caller.settings.accounts)
    sandbox.open(host, list(catalog.names), accounts, script.account)
    sandbox.set_args(script.args)
    source = without_shebang(script.source).encode("utf-8", "surrogateescape")
    status, *details = sandbox.run(source, "@" + script.name)
    if status == "ok":
        return _Outcome(result=jsonvalue.decode(details[0]))
    return _failed(script.name, limits, *details)


def without_shebang(source: str) -> str:
    """Return the source with a first line that starts with `#` emptied."""
    if not source.startswith("#"):
        return source
    _, newline, rest = source.partition("\n")
    return newline + rest


def _failed(name: str, limits: Limits, message: str, error_type: str, where: str) -> "_Outcome":
    if error_type == "limit" and message == "not enough memory":
        return _out_of_memory(limits)
    text = f"{where} {message}" if where else message
    return _Outcome(error=_with_full_name(text, name), error_type=error_type)


def _with_full_name(text: str, name: str) -> str:
    if len(name) <= _LONGEST_CHUNK_NAME:
        return text
    shortened = "..." + name[-(_LONGEST_CHUNK_NAME - 3) :]
    return name + text[len(shortened) :] if text.startswith(shortened + ":") else text


def _out_of_memory(limits: Limits) -> "_Outcome":
    message = (
        f"The script needed more than {limits.memory_bytes:,} bytes of Lua memory. "
        "Raise the limit with --memory-limit SIZE (Python: Limits(memory_bytes=…))."
    )
    return _Outcome(error=message, error_type="limit")


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: JsonValue = None
    error: str | None = None
    error_type: str | None = None


class _Output:
    """The printed lines: masked, counted, kept, and passed on as they come."""

    def __init__(
        self, limit_bytes: int, mask: Mask, on_output: Callable[[str], None] | None
    ) -> None:
        self._limit_bytes = limit_bytes
        self._left = limit_bytes
        self._mask = mask
        self._on_output = on_output
        self._lines: list[str] = []

    def write_line(self, text: str) -> None:
        line = self._mask.text(text)
        self._left -= len(line.encode("utf-8", "surrogatepass")) + 1
        if self._left < 0:
            raise OutputFull(
                f"The script printed more than {self._limit_bytes:,} bytes. "
                "Print less, or return the value (Python: Limits(output_bytes=…))."
            )
        self._lines.append(line)
        if self._on_output is not None:
            self._on_output(line)

    def text(self) -> str:
        return "\n".join(self._lines)
