"""Session: one Lua state in which scripts run, and the `Run` that each of them gives."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted, JournalError, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua import encodings
from kosmo_circleci.lua.calls import Calls
from kosmo_circleci.lua.checkout import Checkout, HereSource
from kosmo_circleci.lua.clock import Clock, JournaledClock
from kosmo_circleci.lua.documents import Documents, WorkflowSource
from kosmo_circleci.lua.extension import ExtensionSource
from kosmo_circleci.lua.host import Host, HostFunction
from kosmo_circleci.lua.output import LimitedOutput
from kosmo_circleci.lua.patterns import Patterns
from kosmo_circleci.lua.runtime import LuaMemoryError, Sandbox
from kosmo_circleci.lua.values import LuaValues, typed_bytes
from kosmo_circleci.run.envelope import Run, with_unknown_writes
from kosmo_circleci.run.listener import GuardedListener
from kosmo_circleci.run.settings import JournalSettings, RunSettings
from kosmo_circleci.script.source import without_shebang

if TYPE_CHECKING:
    from kosmo_circleci.call.journal import RunJournal
    from kosmo_circleci.lua.files import FileFunctions
    from kosmo_circleci.script.modules import Modules

MAX_ERROR_CHARACTERS: Final = 64 * 1024
"""How much of an error message is kept: a script may raise one of any length."""

_OF_ONE_SCRIPT: Final = ("name", "args", "results", "journal", "writes", "traceparent")

# Lua shortens longer chunk names in its messages (LUA_IDSIZE in luaconf.h, less the final zero).
_MAX_CHUNK_NAME: Final = 59


JournalSource: TypeAlias = Callable[
    [JournalSettings, str, str, Mapping[str, JsonValue]], "RunJournal"
]
"""Opens the journal of a run: (settings, code, name, args). Raises `JournalError`."""


class RunParts(NamedTuple):
    """What a runtime hands to a session. `caller` reports to `listener`."""

    catalog: Catalog
    caller: Caller
    listener: GuardedListener
    clock: Clock
    extension: ExtensionSource | None = None
    simulated: bool = False
    open_journal: JournalSource | None = None
    here: HereSource | None = None
    workflows: WorkflowSource | None = None
    modules: "Modules | None" = None


class Session:
    """One Lua state in which scripts run one after the other: the lines of a REPL, or just one.

    Globals, consent given and connections stay from run to run; limits, output and call log start
    afresh. The state is made by the first run, for its account.
    """

    def __init__(self, settings: RunSettings, parts: RunParts) -> None:
        self._settings = settings
        self._parts = parts
        self._caller = parts.caller
        self._output = LimitedOutput(
            settings.limits.output_bytes,
            parts.caller.mask,
            parts.listener,
            keep=settings.keep_output,
        )
        self._sandbox: Sandbox | None = None
        self._calls: Calls | None = None
        self._host: Host | None = None
        self._files: FileFunctions | None = None

    def run(
        self,
        code: str,
        name: str | None = None,
        args: Mapping[str, JsonValue] | None = None,
        deadline: Deadline | None = None,
    ) -> Run:
        """Run a script and return its outcome; never raises for what the script does.

        `name` and `args` are those of the settings unless given. Every run but the first takes a
        `deadline` of its own. Raises what the listener raised.
        """
        started = time.perf_counter()
        settings = self._settings
        name, args = name or settings.name, settings.args if args is None else args
        try:
            if deadline is not None:
                self._reset(deadline)
            self._start_journal(code, name, args)
            outcome = self._execute(code, name, args)
        except KosmoError as error:
            outcome = Outcome.of(error)
        except (LuaMemoryError, MemoryError):
            outcome = Outcome.of(settings.limits.memory_error())
        if self._calls is not None:
            self._calls.cancel()
        if self._files is not None:
            self._files.cancel()
        self._caller.log.abandon_rest()
        try:
            self._parts.listener.reraise()
            return self._journaled(self._finished(outcome, code, started))
        finally:
            self._close_journal()

    def run_next(self, code: str, settings: RunSettings, deadline: Deadline) -> Run:
        """Run a further script in this state, as `run` does.

        Its name, arguments, results, journal, span and the writes its header allows are its own;
        account, limits and policy are those of the first one. A person's yes to the scripts before
        it holds with `keep_consent` only.
        """
        own = {name: getattr(settings, name) for name in _OF_ONE_SCRIPT}
        self._settings = self._settings._replace(**own)
        self._caller.continue_with(settings)
        return self.run(code, deadline=deadline)

    def close(self) -> None:
        """Cancel what is in flight, and close files and extensions."""
        if self._calls is not None:
            self._calls.close()
        if self._files is not None:
            self._files.close()

    def _start_journal(self, code: str, name: str, args: Mapping[str, JsonValue]) -> None:
        if self._parts.open_journal is not None:
            self._caller.journal = self._parts.open_journal(
                self._settings.journal, code, name, args
            )
            if isinstance(self._parts.clock, JournaledClock):
                self._parts.clock.journal = self._caller.journal

    def _journaled(self, run: Run) -> Run:
        """Record how a run ended, and add to its outcome what the journal says."""
        journal = self._caller.journal
        if journal is None:
            return run
        try:
            meta = journal.meta()
            error = run.error
            if error is None and not run.success:
                error = f"exit({run.script_exit_code})"
            journal.finish(error, run.error_type)
            return run._replace(journal=meta)
        except JournalError as error:
            if run.error is not None:
                return run
            return run._replace(success=False, error=error.message, error_type=error.error_type)

    def _close_journal(self) -> None:
        journal, self._caller.journal = self._caller.journal, None
        if journal is not None:
            journal.close()

    def _reset(self, deadline: Deadline) -> None:
        self._caller.reset(deadline)
        self._parts.listener.reset(deadline)
        self._output.reset()
        if self._calls is not None:
            self._calls.reset()

    def _execute(
        self,
        code: str,
        name: str,
        args: Mapping[str, JsonValue],
    ) -> "Outcome":
        sandbox, host, calls = self._opened()
        sandbox.set_args(args)
        if self._settings.item_index is not None:
            sandbox.set_global("item", self._settings.item)
            sandbox.set_global("item_index", self._settings.item_index)
        if self._settings.results is not None:
            host.results = self._settings.results
            sandbox.show_results()
        self._parts.listener.began(lambda: calls.host_cpu_s)
        host.restart_cpu()
        text = typed_bytes(without_shebang(code))
        status, *details = sandbox.run(text, "@" + name, pretty=self._settings.pretty)
        if status == "ok":
            result_json, *view = details
            return Outcome(result_json, result_text=view[0] if view else None)
        if status == "exit":
            result_json, exit_code, *view = details
            return Outcome(
                result_json, exit_code=int(exit_code), result_text=view[0] if view else None
            )
        message, error_type, where, traceback = details
        if error_type == "limit" and message == "not enough memory":
            return Outcome.of(self._settings.limits.memory_error())
        text_of_error = f"{where} {message}" if where else message
        return Outcome(
            error=self._with_full_name(text_of_error, name),
            error_type=error_type,
            traceback=tuple(traceback.split("\n")) if traceback else (),
        )

    def _opened(self) -> tuple[Sandbox, Host, Calls]:
        """Return the Lua state with its host, made on first use."""
        settings, parts = self._settings, self._parts
        if self._sandbox is None or self._host is None or self._calls is None:
            sandbox = Sandbox(settings.limits.memory_bytes)
            values = sandbox.values
            self._calls = Calls(parts.catalog, parts.caller, values, parts.extension, parts.clock)
            self._host = Host(
                settings,
                parts.catalog,
                parts.caller,
                values,
                self._output,
                self._calls,
                {
                    **Patterns(values, settings.limits, parts.listener).functions(),
                    **Documents(parts.catalog, values, parts.workflows).functions(),
                    **Checkout(parts.caller, values, parts.here).functions(),
                    **encodings.functions(),
                    **self._further_functions(values, self._calls),
                },
            )
            names = list(parts.catalog.names) if settings.integrations else []
            accounts = list(parts.caller.accounts) if settings.integrations else []
            sandbox.open(self._host, names, accounts, settings.account)
            self._sandbox = sandbox
        return self._sandbox, self._host, self._calls

    def _further_functions(self, values: LuaValues, calls: Calls) -> dict[str, HostFunction]:
        """Return the host's functions that only some runs have: modules, files."""
        settings, parts = self._settings, self._parts
        functions: dict[str, HostFunction] = {}
        if parts.modules is not None and (settings.lua_path or settings.modules):
            from kosmo_circleci.lua import modules

            functions |= modules.functions(parts.modules)
        if settings.files is not None:
            from kosmo_circleci.caller.downloads import Downloads
            from kosmo_circleci.lua.files import FileFunctions

            downloads = Downloads(parts.caller, parts.catalog.credential_hosts)
            self._files = FileFunctions(settings, values, calls, downloads)
            functions |= self._files.functions()
        return functions

    def _with_full_name(self, text: str, name: str) -> str:
        """Return an error with the whole name of its file, which Lua has shortened."""
        modules = self._parts.modules
        paths = [] if modules is None else [module.path for module in modules.loaded.values()]
        for full in (name, *paths):
            shortened = "..." + full[-(_MAX_CHUNK_NAME - 3) :]
            if len(full) > _MAX_CHUNK_NAME and text.startswith(shortened + ":"):
                return full + text[len(shortened) :]
        return text

    def _finished(self, outcome: "Outcome", code: str, started: float) -> Run:
        caller, log, mask = self._caller, self._caller.log, self._caller.mask
        error = outcome.error
        if error is not None:
            error = capped(mask.text(error))
            error = with_unknown_writes(error, log.records, log.writes)
        reason = caller.deadline.reason()
        return Run(
            success=error is None and not outcome.exit_code,
            output=self._output.text(),
            result_json=caller.result_mask.json_text(outcome.result_json),
            result_text=None if outcome.result_text is None else mask.text(outcome.result_text),
            error=error,
            error_type=outcome.error_type,
            execution_time_ms=(time.perf_counter() - started) * 1000,
            memory_usage=0 if self._sandbox is None else self._sandbox.memory_used(),
            call_count=log.call_count,
            call_records=tuple(log.records),
            writes=log.writes,
            permission_bypassed=log.permission_bypassed,
            mcp_trust_bypassed=self._settings.trust_mcp,
            workflows_trust_bypassed=self._settings.workflows_trust_bypassed,
            simulated=self._parts.simulated,
            traceback=tuple(mask.text(line) for line in outcome.traceback),
            log=self._output.log(),
            script_exit_code=outcome.exit_code,
            signal_number=reason.signal_number if isinstance(reason, Interrupted) else None,
            masked_source=mask.text(code) if self._settings.mask_source else None,
        )


class Outcome(NamedTuple):
    """How one chunk ended: with the JSON text of its result, or with an error.

    `exit_code` is the one that the script gave to `exit`, `result_text` the text of a view.
    """

    result_json: str = "null"
    error: str | None = None
    error_type: str | None = None
    traceback: tuple[str, ...] = ()
    exit_code: int | None = None
    result_text: str | None = None

    @classmethod
    def of(cls, error: KosmoError) -> "Outcome":
        """Return the outcome that an error is."""
        return cls(error=error.message, error_type=error.error_type)


def capped(message: str) -> str:
    """Return an error message of bounded length, which says what was left out."""
    left_out = len(message) - MAX_ERROR_CHARACTERS
    if left_out <= 0:
        return message
    return f"{message[:MAX_ERROR_CHARACTERS]}… ({left_out:,} more characters)"
