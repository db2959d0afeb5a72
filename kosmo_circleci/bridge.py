"""Bridge: wires configuration, transport, caller and Lua; the door for Python programs."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse, RawArguments
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.caller import Caller, CallerSettings, CallObserver
from kosmo_circleci.catalog.load import Catalog, load_catalog
from kosmo_circleci.config.accounts import Configuration, home_folder, load_configuration
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.transport.wire import Transport
from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from kosmo_circleci.lua.calls import Clock
    from kosmo_circleci.lua.extension import Extension
    from kosmo_circleci.lua.run import Session
    from kosmo_circleci.run.supervisor import Job, Pool
    from kosmo_circleci.simulator.transport import SimulatorTransport
    from kosmo_circleci.transport.executor import Executor


class Door(NamedTuple):
    """What the place a script is started from adds to its run.

    `on_output` gets each printed line as it is printed, masked, without its newline. `ask` shows a
    permission question to a person; None means that nobody can answer. `deadline` lets a signal
    handler or another thread end the run; its time limit wins over `Limits.timeout_s`. `notice`
    shows what `flow` waits for; `observer` hears of every request, `on_secret` of every value that
    must not be shown from now on. The rest is as in `RunOptions`.
    """

    on_output: Callable[[str], None] | None = None
    ask: Callable[[str], bool] | None = None
    deadline: Deadline | None = None
    notice: Callable[[str], None] | None = None
    observer: CallObserver | None = None
    on_pattern: Callable[[bool], None] | None = None
    on_begin: Callable[[Callable[[], float]], None] | None = None
    on_secret: Callable[[JsonValue], None] | None = None
    integrations: bool = True
    pretty: bool = False
    keep_output: bool = True


class Bridge:
    """CircleCI for Lua scripts, and the same functions for Python.

    Configuration comes from the environment, the configuration file and the official CLI's file, as
    the documentation says. `config` is a path (used in place of `$KOSMO_CONFIG`) or a mapping
    shaped like that file (used in place of every other source), or the configuration of another
    bridge. `simulate=True` talks to the
    embedded simulator: no token, no network. `transport` replaces the HTTP client.

    Safe to use from several threads: each run has its own Lua state, the connection pool is shared.
    Nothing is read, imported or connected before it is needed. Close it, or use it as a context
    manager.
    """

    def __init__(
        self,
        *,
        config: str | Path | Mapping[str, JsonValue] | Configuration | None = None,
        simulate: bool = False,
        environ: Mapping[str, str] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._explicit = Path(config) if isinstance(config, str) else config
        self._simulate = simulate
        self._environ = os.environ if environ is None else environ
        self._lock = threading.RLock()
        self._configuration: Configuration | None = None
        self._transport = transport
        self._given_transport = transport is not None
        self._executor: Executor | None = None
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. A closed bridge opens new ones if it is used again."""
        with self._lock:
            transport, self._transport, self._executor = self._transport, None, None
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        if transport is not None:
            transport.close()

    def run(
        self,
        code: str,
        *,
        name: str = "script",
        account: str = "default",
        force: bool = False,
        args: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        isolate: bool = False,
        door: Door | None = None,
    ) -> Run:
        """Run a Lua script and return what came of it. Whatever the script does, this returns.

        `name` stands in front of error lines; `account` is the one the bare
        `app.integrations.circleci.*` uses; `force` lifts the read/write policy; `args` are the
        strings of the script's `args` table. A configuration that cannot be used is a `Run` with
        `error_type` "configuration".

        `isolate=True` runs the script in a process of its own that is killed at its limits: the
        mode for code that is not trusted. In-process, a single C call of Lua (a pattern that never
        ends, a huge `table.move`) cannot be interrupted.
        """
        if not isinstance(code, str):
            raise TypeError(f"Bridge.run: code is Lua text (str), got {type(code).__name__}")
        limits, door = limits or Limits(), door or Door()
        if isolate:
            from kosmo_circleci.run.supervisor import Job

            job = Job(
                code,
                name,
                account,
                force,
                dict(args or {}),
                limits,
                integrations=door.integrations,
                pretty=door.pretty,
                can_ask=door.ask is not None,
            )
            return self._run_isolated(job, door)
        from kosmo_circleci.lua.run import Script

        try:
            session = self.session(account=account, force=force, limits=limits, door=door)
        except ConfigurationError as error:
            return failure(error.message, error.error_type, simulated=self._simulate)
        try:
            return session.run(Script(code, name, args or {}, account))
        finally:
            session.close()

    def session(
        self,
        *,
        account: str = "default",
        force: bool = False,
        limits: Limits | None = None,
        door: Door | None = None,
    ) -> "Session":
        """Return a Lua state in this process whose globals stay from script to script.

        Its caller closes it. Raises `ConfigurationError`.
        """
        from kosmo_circleci.lua.run import RunOptions, Session

        limits, door = limits or Limits(), door or Door()
        if door.integrations:
            self._known_account(account)
        options = RunOptions(
            limits=limits,
            on_output=door.on_output,
            on_pattern=door.on_pattern,
            on_begin=door.on_begin,
            notice=door.notice,
            extension=self._mcp_functions,
            clock=self._clock(),
            integrations=door.integrations,
            simulated=self._simulate,
            pretty=door.pretty,
            keep_output=door.keep_output,
        )
        caller = self._caller(force, door, door.deadline or Deadline(limits.timeout_s))
        return Session(self.catalog, caller, options)

    def _run_isolated(self, job: "Job", door: Door) -> Run:
        from kosmo_circleci.run.supervisor import Watcher

        if self._given_transport:
            raise ConfigurationError("isolate=True cannot use a transport object of this process.")
        try:
            job = job._replace(bridge=self._settings())
            pool = self._isolated()
        except ConfigurationError as error:
            return failure(error.message, error.error_type, simulated=self._simulate)
        watcher = Watcher(
            on_output=door.on_output, ask=door.ask, notice=door.notice, deadline=door.deadline
        )
        return pool.run(job, watcher)

    def call(
        self,
        function: str,
        arguments: Mapping[str, JsonValue] | None = None,
        *,
        account: str = "default",
        force: bool = False,
    ) -> JsonValue:
        """Call one function and return its decoded answer.

        `function` is any accepted spelling: `circleci.get_pipeline`, `get_pipeline`, … Raises
        `ValidationError`, `PermissionDenied`, `ConfigurationError`, `NetworkError` or `ApiError`.
        """
        from kosmo_circleci.catalog.lookup import find

        known = find(self.catalog, function)
        if not isinstance(arguments, Mapping | None):
            raise ValidationError(
                f"{known.name}: the arguments are an object of names and values, "
                f"got {type(arguments).__name__}",
                function_name=known.name,
            )
        self._known_account(account)
        caller = self._caller(force, Door(), Deadline())
        raw = RawArguments(named=dict(arguments or {}))
        try:
            return caller.call(known, account, _call_path(known.name, account), raw)
        except KosmoError as error:
            caller.mask.hide_in_error(error)
            raise

    def run_call(
        self,
        function: str,
        arguments: Mapping[str, JsonValue] | None = None,
        *,
        account: str = "default",
        force: bool = False,
        door: Door | None = None,
    ) -> Run:
        """Call one function and return what came of it, masked, as `run` does for a script."""
        from kosmo_circleci.catalog.lookup import find

        door = door or Door()
        began = time.perf_counter()
        caller: Caller | None = None
        result: JsonValue = None
        fault: KosmoError | None = None
        try:
            known = find(self.catalog, function)
            self._known_account(account)
            caller = self._caller(force, door, door.deadline or Deadline())
            raw = RawArguments(named=dict(arguments or {}))
            result = caller.call(known, account, _call_path(known.name, account), raw)
        except KosmoError as error:
            fault = error
        mask = caller.mask if caller else Mask()
        return Run(
            success=fault is None,
            result_json=jsonvalue.encode(mask.json(result)),
            error=mask.text(fault.message) if fault else None,
            error_type=fault.error_type if fault else None,
            execution_time_ms=(time.perf_counter() - began) * 1000,
            call_count=caller.call_count if caller else 0,
            call_records=tuple(caller.log) if caller else (),
            permission_bypassed=bool(caller and caller.permission_bypassed),
            simulated=self._simulate,
        )

    def read_doc(self, page: str) -> str:
        """Return a documentation page as Markdown. Raises `ValidationError` for an unknown one."""
        from kosmo_circleci.docs import pages

        return pages.read(page, self.catalog)

    def list_docs(self) -> str:
        """Return the names of all pages, one a line."""
        from kosmo_circleci.docs import pages

        return pages.listing(self.catalog)

    def search_docs(self, query: str) -> str:
        """Return the functions whose meaning is nearest to `query`: at most ten lines."""
        from kosmo_circleci.docs import search

        return search.search(query, self.catalog)

    def agent_tools(self) -> list[dict[str, JsonValue]]:
        """Return the tools an agent host offers its model: name, description, input_schema."""
        from kosmo_circleci.agent import tools

        return tools.definitions()

    def call_agent_tool(self, name: str, arguments: Mapping[str, JsonValue]) -> str:
        """Carry out one of `agent_tools()` as the model asked, and return the text for it."""
        from kosmo_circleci.agent import tools

        return tools.dispatch(self, name, arguments)

    @property
    def catalog(self) -> Catalog:
        """Every function there is."""
        return load_catalog()

    @property
    def configuration(self) -> Configuration:
        """Accounts and policy, read once. Raises `ConfigurationError`."""
        with self._lock:
            if self._configuration is None:
                self._configuration = load_configuration(
                    self._environ,
                    home_folder(self._environ),
                    reserved_names=self.catalog.names,
                    explicit=self._explicit,
                )
            return self._configuration

    def account(self, name: str) -> Account:
        """Return the account of that name. Raises `ConfigurationError` for one that is unknown."""
        self._known_account(name)
        return self.configuration.account(name)

    def send(self, request: ApiRequest, account: str, deadline: Deadline) -> ApiResponse:
        """Send one request as it is, once, whatever the policy says, and return the answer.

        An account without a token sends none. Raises `ConfigurationError`, `NetworkError`, or the
        deadline's reason.
        """
        return self._open().perform(request, self.account(account), deadline, attempts=1)

    def _mcp_functions(self) -> "Extension":
        from kosmo_circleci.mcp_client.functions import McpFunctions

        return McpFunctions(self._environ, home_folder(self._environ), Path.cwd())

    def _known_account(self, name: str) -> None:
        known = self.configuration.accounts
        if name not in known:
            shown = self.mask().text(name)
            way_out = f", or set CIRCLECI_TOKEN_{name.upper()}." if name.isidentifier() else "."
            raise ConfigurationError(
                f"Unknown account '{shown}'. Configured accounts: {', '.join(known)}. "
                f"Add it to the configuration file{way_out if shown == name else '.'}"
            )

    def _caller(self, force: bool, door: Door, deadline: Deadline) -> Caller:
        configuration = self.configuration
        accounts = {name: partial(self._resolved, name) for name in configuration.accounts}
        mask = self.mask(door.on_secret)
        policy: Policy = configuration.policy
        settings = CallerSettings(accounts, policy, force, door.ask, door.observer)
        return Caller(settings, self._open, deadline, mask)

    def mask(self, on_secret: Callable[[JsonValue], None] | None = None) -> Mask:
        """Return a mask that hides the configured tokens; `on_secret` hears of what is added."""
        return Mask(self.configuration.tokens(), on_secret)

    def _resolved(self, name: str) -> Account:
        if not self._simulate:
            return self.configuration.account(name)
        from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

        return Account(name, self.configuration.accounts[name].origin, SIMULATED_TOKEN)

    def _settings(self) -> dict[str, JsonValue]:
        return {
            "simulate": self._simulate,
            "config": self.configuration.to_plain(),
            "environ": dict(self._environ),
        }

    def _isolated(self) -> "Pool":
        from kosmo_circleci.run.child import spawn_child
        from kosmo_circleci.run.supervisor import Pool

        with self._lock:
            if self._pool is None:
                tokens = self.configuration.tokens()
                self._pool = Pool(lambda: spawn_child(self._environ, tokens))
            return self._pool

    def _clock(self) -> "Clock":
        from kosmo_circleci.lua.calls import Clock

        if not self._simulate:
            return Clock()
        from kosmo_circleci.simulator.transport import SimulatorTransport

        if self._given_transport and not isinstance(self._transport, SimulatorTransport):
            return Clock()
        return Clock(
            now_s=lambda: self._simulator().now_s(),
            advance=lambda seconds: self._simulator().advance(seconds),
        )

    def _simulator(self) -> "SimulatorTransport":
        self._open()
        return cast("SimulatorTransport", self._transport)

    def _open(self) -> "Executor":
        with self._lock:
            if self._executor is None:
                from kosmo_circleci.transport.executor import Executor

                if self._transport is None:
                    self._transport = self._new_transport()
                self._executor = Executor(
                    self._transport,
                    user_agent=f"kosmo-circleci/{__version__}",
                    sleep=self._clock().sleep,
                )
            return self._executor

    def _new_transport(self) -> Transport:
        if self._simulate:
            from kosmo_circleci.simulator.transport import SimulatorTransport

            return SimulatorTransport()
        from kosmo_circleci.transport.live import LiveTransport

        return LiveTransport()


def _call_path(function: str, account: str) -> str:
    segment = "" if account == "default" else f"{account}."
    return f"app.integrations.circleci.{segment}{function}"
