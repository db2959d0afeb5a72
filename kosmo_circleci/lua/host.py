"""The functions Lua may call. Each answers (True, value, marks) or (False, fields, marks).

A Python exception that entered Lua would be userdata with readable attributes, so none ever does:
`_answering` is the door every function goes through. What most scripts never ask for is loaded by
the function that needs it.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import (
    Interrupted,
    KosmoError,
    LimitExceeded,
    ScriptError,
    ValidationError,
)
from kosmo_circleci.jsonvalue import JsonError, JsonLimitError
from kosmo_circleci.lua.calls import Calls
from kosmo_circleci.lua.output import LimitedOutput, OutputFull
from kosmo_circleci.lua.values import Answer, LuaValues, lua_bytes, python_text
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.wording import printable, shorten

if TYPE_CHECKING:
    from kosmo_circleci.lua.tables import TextTables

HostFunction: TypeAlias = Callable[..., Answer]


class Host:
    """The host's side of one run."""

    def __init__(
        self,
        settings: RunSettings,
        catalog: Catalog,
        caller: Caller,
        values: LuaValues,
        output: LimitedOutput,
        calls: Calls,
        further: Mapping[str, HostFunction],
    ) -> None:
        """Serve a run; `further` are functions with a module of their own, by name."""
        self._limits = settings.limits
        self._catalog = catalog
        self._caller = caller
        self._values = values
        self._output = output
        self._calls = calls
        self._further = further
        self.results: Mapping[str, str] = {}
        self._cpu_started = time.thread_time()

    @property
    def _deadline(self) -> Deadline:
        return self._caller.deadline

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return the table the prelude calls by name."""
        answering: dict[str, HostFunction] = {
            **self._calls.functions(),
            **self._further,
            "unknown_name": self._unknown_name,
            "print": self._print,
            "log": self._log,
            "notice": self._notice,
            "waiting": self._waiting,
            "json_decode": self._json_decode,
            "render_log": self._render_log,
            "kept_result": self._kept_result,
            "csv_encode": lambda *arguments: self._tables().csv_encode(*arguments),
            "csv_decode": lambda text: self._tables().csv_decode(text),
            "text_table": lambda *arguments: self._tables().text_table(*arguments),
            "text_markdown": lambda *arguments: self._tables().text_markdown(*arguments),
        }
        table = {name: self._answering(function) for name, function in answering.items()}
        return table | {
            "tick": self._tick,
            "explain": self._explain,
            "bound": self._values.bound,
        }

    def restart_cpu(self) -> None:
        """Count the script's CPU time from now on."""
        self._cpu_started = time.thread_time() - self._calls.host_cpu_s

    def _answering(self, function: Callable[..., Answer]) -> Callable[..., Answer]:
        def answer(*arguments: Any) -> Answer:
            self._values.lift()
            try:
                self._deadline.check()
                return (True, *function(*arguments))
            except BaseException as error:
                return (False, *self._refusal(error))

        return answer

    def _explain(self, error: object) -> Answer:
        """Return what an exception means that reached Lua because a signal raised it too early."""
        self._values.lift()
        return self._refusal(error)

    def _interrupted(self) -> KosmoError:
        reason = Interrupted("Interrupted by Ctrl-C.")
        self._deadline.note(reason)
        return reason

    def _refusal(self, error: object) -> Answer:
        if isinstance(error, KeyboardInterrupt):
            error = self._interrupted()
        elif not isinstance(error, KosmoError | MemoryError):
            error = ScriptError(f"internal error: {type(error).__name__}: {error}")
        if isinstance(error, MemoryError):
            return (None,)
        fatal = error is self._deadline.reason() or isinstance(error, Interrupted | OutputFull)
        try:
            return self._values.build(error.fields() | ({"fatal": True} if fatal else {}))
        except MemoryError:
            return (None,)

    def _tick(self) -> Answer:
        """Answer True while the run may continue, otherwise as a refusal."""
        self._values.lift()
        try:
            self._check_limits()
        except BaseException as error:
            return (False, *self._refusal(error))
        return (True,)

    def _check_limits(self) -> None:
        """Raise the reason why the run has to end, if there is one."""
        self._deadline.check()
        used_s = time.thread_time() - self._cpu_started - self._calls.host_cpu_s
        if used_s > self._limits.cpu_s:
            raise self._limits.cpu_error()

    def _unknown_name(self, path: bytes, name: bytes) -> NoReturn:
        from kosmo_circleci.catalog.lookup import HELPERS, nearest, suggestions

        where, unknown = path.decode(), python_text(name)
        depth = where.count(".")
        if depth == 0 and unknown == "integrations":
            raise ValidationError(
                "app.integrations is not part of this run: `kosmo mcp:lua` has app.mcp alone. Use "
                "`kosmo integrations:lua`, which has both."
            )
        accounts = tuple(self._caller.accounts) if depth == 2 else ()
        names = (("integrations", "mcp"), ("circleci",), ())[min(depth, 2)]
        what = "function" if depth >= 2 else "name"
        near = (
            suggestions(unknown, self._catalog, (*HELPERS, *accounts))
            if depth >= 2
            else nearest(unknown, names)
        )
        if near:
            hint = f"Did you mean: {', '.join(near)}?"
        elif depth < 2:
            hint = f"There is: {', '.join(names)}."
        else:
            hint = 'Find functions with docs.search("…").'
            if accounts:
                hint = f"Accounts: {', '.join(accounts)}. {hint}"
        raise ValidationError(f"Unknown {what}: {where}.{unknown}. {hint}")

    def _print(self, text: bytes) -> Answer:
        self._output.write_line(python_text(text))
        return ()

    def _log(self, text: bytes) -> Answer:
        self._output.log_line(python_text(text))
        return ()

    def _notice(self, text: bytes) -> Answer:
        self._caller.listener.notice(self._caller.mask.text(python_text(text)))
        return ()

    def _waiting(self, text: bytes) -> Answer:
        self._caller.listener.waiting(self._caller.mask.text(python_text(text)))
        return ()

    def _json_decode(self, text: bytes) -> Answer:
        try:
            return self._values.build(jsonvalue.decode(text))
        except JsonLimitError as error:
            raise LimitExceeded(f"json.decode: {error}", function_name="json.decode") from None
        except JsonError as error:
            raise ScriptError(f"json.decode: {error}", function_name="json.decode") from None

    def _kept_result(self, result_id: bytes) -> Answer:
        text = self.results.get(python_text(result_id))
        if text is None:
            shown = printable(shorten(python_text(result_id)))
            raise ValidationError(
                f"Unknown result: '{shown}'. An ID comes with an answer that was cut; results are "
                "kept for the session, and the oldest go first. Run the script again that made it.",
                function_name="results",
            )
        return self._values.build(jsonvalue.decode(text))

    def _render_log(self, stdout: bytes, stderr: bytes, most_lines: Any = None) -> Answer:
        """Answer the text, its number of lines, and whether lines are left out."""
        from kosmo_circleci.lua.terminal import render_log

        most = None if most_lines is None or most_lines == math.inf else int(most_lines)
        log = render_log(python_text(stdout), python_text(stderr), most)
        return (lua_bytes(log.text), log.line_count, log.is_cut)

    def _tables(self) -> "TextTables":
        from kosmo_circleci.lua.tables import TextTables

        return TextTables(self._values, self._limits, self._check_limits)
