"""Source -> Run: load, execute, capture, time."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from kosmo_circleci.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.calls import Calls, Clock
from kosmo_circleci.lua.extension import ExtensionSource
from kosmo_circleci.lua.host import Host, HostParts, OutputFull
from kosmo_circleci.lua.patterns import Patterns
from kosmo_circleci.lua.runtime import LuaMemoryError, Sandbox
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run

# Lua shortens longer chunk names in its messages (LUA_IDSIZE in luaconf.h, less the final zero).
_LONGEST_CHUNK_NAME: Final = 59


class Script(NamedTuple):
    """What is to be run. `name` stands in front of error lines: `eval`, `stdin`, a file's path."""

    source: str
    name: str
    args: Mapping[str, str] = MappingProxyType({})
    account: str = "default"


class RunOptions(NamedTuple):
    """How it is run.

    `on_output` gets every printed line as it is printed, masked, without its newline;
    `on_pattern` hears when a regular expression begins and ends; `notice` shows what `flow`
    waits for; `on_begin` hears when the script starts, and gets what tells the CPU seconds
    spent on its calls. `pretty` asks for a result to be read by people. `Run.output` stays
    empty without `keep_output`. Without `integrations` there is no `app.integrations`.
    """

    limits: Limits = Limits()
    on_output: Callable[[str], None] | None = None
    on_pattern: Callable[[bool], None] | None = None
    notice: Callable[[str], None] | None = None
    on_begin: Callable[[Callable[[], float]], None] | None = None
    extension: ExtensionSource | None = None
    clock: Clock = Clock()
    integrations: bool = True
    simulated: bool = False
    pretty: bool = False
    keep_output: bool = True


class Session:
    """One Lua state in which scripts run one after the other: the lines of a REPL, or just one.

    Globals, permissions given and connections stay from run to run; limits, output and call log
    begin anew. The state is made by the first run, for its account.
    """

    def __init__(self, catalog: Catalog, caller: Caller, options: RunOptions) -> None:
        self._catalog = catalog
        self._caller = caller
        self._options = options
        self._output = LimitedOutput(
            options.limits.output_bytes, caller.mask, options.on_output, keep=options.keep_output
        )
        self._stage: Stage | None = None

    def run(self, script: Script, deadline: Deadline | None = None) -> Run:
        """Run a script and return what came of it; never raises for what the script does.

        Every run but the first takes a `deadline` of its own.
        """
        started = time.perf_counter()
        caller, options = self._caller, self._options
        try:
            outcome = self._ready(script, deadline).run(script.source, script.name)
        except KosmoError as error:
            outcome = Outcome.of(error)
        except (LuaMemoryError, MemoryError):
            outcome = Outcome.of(options.limits.memory_error())
        if self._stage is not None:
            self._stage.cancel()
        return Run(
            success=outcome.error is None,
            output=self._output.text(),
            result_json=caller.mask.json_text(outcome.result_json),
            error=None if outcome.error is None else caller.mask.text(outcome.error),
            error_type=outcome.error_type,
            execution_time_ms=(time.perf_counter() - started) * 1000,
            memory_usage=0 if self._stage is None else self._stage.memory_used(),
            call_count=caller.call_count,
            call_records=tuple(caller.log),
            permission_bypassed=caller.permission_bypassed,
            simulated=options.simulated,
        )

    def close(self) -> None:
        """Call off what is in flight and let extensions go."""
        if self._stage is not None:
            self._stage.close()

    def _ready(self, script: Script, deadline: Deadline | None) -> "Stage":
        if deadline is not None:
            self._caller.reset(deadline)
            self._output.reset()
            if self._stage is not None:
                self._stage.reset()
        if self._stage is None:
            self._stage = Stage(
                self._catalog, self._caller, self._options, self._output, script.account
            )
        self._stage.set_args(script.args)
        if self._options.on_begin is not None:
            self._options.on_begin(self._stage.host_cpu_s)
        return self._stage


class Outcome(NamedTuple):
    """How one chunk ended: with the JSON text of its result, or with an error."""

    result_json: str = "null"
    error: str | None = None
    error_type: str | None = None

    @classmethod
    def of(cls, error: KosmoError) -> "Outcome":
        """Return the outcome that an error is."""
        return cls(error=error.message, error_type=error.error_type)


class Stage:
    """One Lua state with its host: where a script's chunks are run, one after the other."""

    def __init__(
        self,
        catalog: Catalog,
        caller: Caller,
        options: RunOptions,
        output: "LimitedOutput",
        account: str = "default",
    ) -> None:
        self._limits, self._pretty = options.limits, options.pretty
        self._sandbox = Sandbox(options.limits.memory_bytes)
        values = self._sandbox.values
        self._calls = Calls(catalog, caller, values, options.extension, options.clock)
        self._host = Host(
            HostParts(
                catalog,
                caller,
                values,
                options.limits,
                output,
                self._calls,
                Patterns(values, options.limits, options.on_pattern),
                options.notice,
            )
        )
        names = list(catalog.names) if options.integrations else []
        accounts = list(caller.settings.accounts) if options.integrations else []
        self._sandbox.open(self._host, names, accounts, account)

    def set_args(self, args: Mapping[str, str]) -> None:
        """Give the script its `args`."""
        self._sandbox.set_args(dict(args))

    def run(self, source: str, name: str) -> Outcome:
        """Run one chunk. Raises `LuaMemoryError` or `MemoryError` where nothing else could be."""
        self._host.restart_cpu()
        text = without_shebang(source).encode("utf-8", "surrogateescape")
        status, *details = self._sandbox.run(text, "@" + name, pretty=self._pretty)
        if status == "ok":
            return Outcome(result_json=details[0])
        message, error_type, where = details
        if error_type == "limit" and message == "not enough memory":
            return Outcome.of(self._limits.memory_error())
        text_of_error = f"{where} {message}" if where else message
        return Outcome(error=_with_full_name(text_of_error, name), error_type=error_type)

    def host_cpu_s(self) -> float:
        """Return the CPU seconds this thread has spent on the script's calls."""
        return self._calls.host_cpu_s

    def memory_used(self) -> int:
        """Return the bytes of Lua memory in use."""
        return self._sandbox.memory_used()

    def cancel(self) -> None:
        """Call off what a script left in flight."""
        self._calls.cancel()

    def reset(self) -> None:
        """Begin the next script, under the caller's new deadline."""
        self._calls.reset()

    def close(self) -> None:
        """Call off what is in flight and let extensions go."""
        self._calls.close()


def without_shebang(source: str) -> str:
    """Return the source without a byte order mark; a first line that starts with `#` is emptied."""
    source = source.removeprefix("\ufeff")
    if not source.startswith("#"):
        return source
    _, newline, rest = source.partition("\n")
    return newline + rest


def _with_full_name(text: str, name: str) -> str:
    if len(name) <= _LONGEST_CHUNK_NAME:
        return text
    shortened = "..." + name[-(_LONGEST_CHUNK_NAME - 3) :]
    return name + text[len(shortened) :] if text.startswith(shortened + ":") else text


class LimitedOutput:
    """The printed lines: masked, counted, kept if nobody else does, and passed on as they come."""

    def __init__(
        self,
        limit_bytes: int,
        mask: Mask,
        on_output: Callable[[str], None] | None,
        *,
        keep: bool = True,
    ) -> None:
        self._keep = keep
        self._limit_bytes = limit_bytes
        self._left = limit_bytes
        self._mask = mask
        self._on_output = on_output
        self._text = bytearray()  # a list of 16 million empty lines would take a gigabyte

    def write_line(self, text: str) -> None:
        """Take one `print`; raises `OutputFull` when the output has grown too long."""
        line = self._mask.text(text)
        raw = line.encode("utf-8", "surrogatepass") + b"\n"
        self._left -= len(raw)
        if self._left < 0:
            raise OutputFull(
                f"The script printed more than {self._limit_bytes:,} bytes. "
                "Print less, or return the value (Python: Limits(output_bytes=…))."
            )
        if self._keep:
            self._text += raw
        if self._on_output is not None:
            self._on_output(line)

    def reset(self) -> None:
        """Begin anew, as for the next script."""
        self._left = self._limit_bytes
        self._text.clear()

    def text(self) -> str:
        """Return all lines, joined by newlines."""
        # Once more: a secret may have been printed before the call that made it one.
        return self._mask.text(self._text[:-1].decode("utf-8", "surrogatepass"))
