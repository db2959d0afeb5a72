"""The sandboxed Lua state: prelude loaded, the script's globals built, nothing else reachable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import lupa.lua54 as lupa

from kosmo_circleci.jsonvalue import MAX_DEPTH, JsonValue
from kosmo_circleci.lua.host import Host
from kosmo_circleci.lua.values import LuaValues, lua_bytes, python_text, typed_bytes

_PRELUDE: Final = Path(__file__).parent / "prelude"
_FILES: Final = (
    *("trace", "error", "json", "print", "schedule", "options", "pages", "flow", "pipelines"),
    *("logs", "log", "pipeline_values", "here", "regex", "docs", "app", "mcp", "results"),
    *("encodings", "tables", "view", "sandbox", "clock", "modules", "files", "run", "hints"),
)

# A to-be-closed variable in scope keeps `return f()` from being a tail call, which would forget
# the line an error came from. Declared on the script's own first line, so lines keep their numbers.
_LINE_KEEPER: Final = b"local __kosmo_scope <close> = nil "

# The prelude as this process compiled it: loading that takes a fifth of the time. Binary chunks
# come from here alone; the sandbox's `load` takes text.
_compiled: dict[str, bytes] = {}

LuaMemoryError: Final[type[Exception]] = lupa.LuaMemoryError


def _no_attributes(_value: object, name: object, _is_setting: bool) -> object:
    # Host functions never raise, but a signal can come between lupa and their first line; then the
    # exception is an error value a script may catch.
    raise AttributeError(f"no attribute {name!r}")


class Sandbox:
    """One Lua state for one script."""

    def __init__(self, memory_bytes: int) -> None:
        self._lua = lupa.LuaRuntime(
            encoding=None,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            max_memory=0,  # counted; the limit comes and goes, see `LuaValues`
            attribute_filter=_no_attributes,
        )
        lua_globals = self._lua.globals()
        self._load: Any = lua_globals[b"load"]
        self._dump: Any = lua_globals[b"string"][b"dump"]
        self.values = LuaValues(self._lua, memory_bytes)
        self._core: Any = None

    def open(self, host: Host, names: list[str], accounts: list[str], default: str) -> None:
        """Load the prelude and build `app` for these function and account names."""
        functions = {lua_bytes(name): function for name, function in host.functions().items()}
        table = self._lua.table_from(functions | {b"max_json_depth": MAX_DEPTH})
        self._core = self._chunk("core", table)
        for name in _FILES:
            self._chunk(name, self._core)
        build = self._core[b"build_app"]
        build(self.values.strings(names), self.values.strings(accounts), lua_bytes(default))

    def set_args(self, args: Mapping[str, JsonValue]) -> None:
        """Give the script its `args`; texts are the bytes that were typed."""
        self.values.lift()
        table, marks = self.values.build(dict(args))
        for name, value in args.items():
            if isinstance(value, str) and not value.isascii():
                table[lua_bytes(name)] = typed_bytes(value)
        self._core[b"set_global"](b"args", table, marks)

    def set_global(self, name: str, value: JsonValue) -> None:
        """Give the script a global of that name, whatever it has made of its globals."""
        self.values.lift()
        self._core[b"set_global"](lua_bytes(name), *self.values.build(value))

    def show_results(self) -> None:
        """Give the script the table `results`, whose values come from the host."""
        self._core[b"show_results"]()

    def run(self, source: bytes, chunk_name: str, *, pretty: bool = False) -> tuple[str, ...]:
        """Run a script: what `core.run` of prelude/run.lua returns.

        ("ok", result as JSON), ("exit", result as JSON, exit code), each with the text of a view
        behind it if the result is one, or ("error", message, error type, where, traceback).
        """
        self.values.lift()
        try:
            answer = self._core[b"run"](source, lua_bytes(chunk_name), _LINE_KEEPER, pretty)
        except LuaMemoryError:
            raise
        except lupa.LuaError as error:
            return ("error", f"internal error of the sandbox: {error}", "runtime", "", "")
        return tuple(python_text(part) for part in answer if part is not None)

    def memory_used(self) -> int:
        """Return the bytes of Lua memory in use."""
        return int(self._lua.get_memory_used())

    def _chunk(self, name: str, argument: Any) -> Any:
        code = _compiled.get(name)
        if code is not None:
            return self._load(code, None, b"b")(argument)
        source = (_PRELUDE / f"{name}.lua").read_bytes()
        chunk = self._lua.compile(source, name=b"=[kosmo/" + name.encode() + b"]")
        _compiled[name] = self._dump(chunk)
        return chunk(argument)
