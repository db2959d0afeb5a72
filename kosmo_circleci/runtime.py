"""The composition root: configuration, transport, caller, extensions and Lua make a run.

Internal: `Bridge` is the public door. Nothing is read, imported or connected before it is needed.
"""

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kosmo_circleci.call.model import Account, ApiRequest, ApiResponse
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import Catalog, load_catalog
from kosmo_circleci.catalog.lookup import Resolved, reserved_names
from kosmo_circleci.config.accounts import Configuration, home_folder, load_configuration
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, KosmoError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run, failure
from kosmo_circleci.run.listener import GuardedListener, RunListener
from kosmo_circleci.run.resources import Resources
from kosmo_circleci.run.settings import NO_JOURNAL, RunSettings, RuntimeSettings
from kosmo_circleci.run.surroundings import Surroundings
from kosmo_circleci.transport.wire import Transport

if TYPE_CHECKING:
    from kosmo_circleci.lua.extension import Extension
    from kosmo_circleci.lua.session import Session
    from kosmo_circleci.run.pool import IsolatedState, Pool


class Runtime:
    """What runs share: the configuration, the connections, the simulated world.

    `config` is a path (in place of `$KOSMO_CONFIG`) or a mapping of the file's structure (in place
    of every other source). `environ` stands in for the process's environment wherever accounts,
    configuration and MCP servers are looked up; proxies and certificates are the process's own.
    `transport` stays the caller's: it is never closed here. `budget` is a file of requests shared
    with other processes; `warm_processes` are kept for isolated runs; `folder` stands in for the
    current folder. Safe for several threads; after a fork the child process opens connections and
    processes of its own.
    """

    def __init__(
        self,
        *,
        config: "Path | Mapping[str, JsonValue] | Configuration | None" = None,
        simulate: bool = False,
        environ: Mapping[str, str] | None = None,
        transport: Transport | None = None,
        budget: Path | None = None,
        warm_processes: int = 1,
        folder: Path | None = None,
    ) -> None:
        self.simulate = simulate
        self._explicit = config
        self._environ = os.environ if environ is None else environ
        self._warm_processes = warm_processes
        self.surroundings = Surroundings(self._environ, folder, self._origin_of, simulate=simulate)
        self._resources = Resources(transport, budget, simulate=simulate)
        self._lock = threading.RLock()
        self._configuration: Configuration | None = None

    def close(self) -> None:
        """Close the connections and end idle processes. Used again, it opens new ones."""
        self._resources.close()

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
                    reserved_names=reserved_names(self.catalog),
                    explicit=self._explicit,
                )
            return self._configuration

    def account(self, name: str) -> Account:
        """Return the account of that name. Raises `ConfigurationError` for an unknown one."""
        accounts = self.configuration.accounts
        if name in accounts:
            return self.configuration.account(name)
        shown = self.mask().text(name)
        way_out = f", or set CIRCLECI_TOKEN_{name.upper()}." if name.isidentifier() else "."
        raise ConfigurationError(
            f"Unknown account '{shown}'. Configured accounts: {', '.join(accounts)}. "
            f"Add it to the configuration file{way_out if shown == name else '.'}"
        )

    def mask(self, listener: RunListener | None = None) -> Mask:
        """Return a mask that hides the configured tokens; `listener` hears of what is added."""
        on_secret = None if listener is None else listener.secret
        return Mask(self.configuration.tokens(), on_secret)

    def send(self, request: ApiRequest, account: str, deadline: Deadline) -> ApiResponse:
        """Send one request as it is, once, whatever the policy says, and return the answer.

        An account without a token sends none. Raises `ConfigurationError`, `NetworkError`, or the
        deadline's reason.
        """
        return self._resources.executor().perform(
            request, self.account(account), deadline, attempts=1
        )

    def caller(self, settings: RunSettings, listener: RunListener, deadline: Deadline) -> Caller:
        """Return the calls of one run. Raises `ConfigurationError`."""
        configuration = self.configuration
        settings = settings._replace(rehearsal=settings.rehearsal and self.simulate)
        accounts = {name: partial(self._resolved, name) for name in configuration.accounts}
        mask = self.mask(listener)
        mask.add(list(settings.secrets))
        return Caller(
            settings,
            listener,
            accounts,
            configuration.policy,
            self._resources.executor,
            deadline,
            mask,
        )

    def session(
        self,
        settings: RunSettings,
        listener: RunListener | None = None,
        deadline: Deadline | None = None,
    ) -> "Session":
        """Return a Lua state in this process; its caller closes it. Raises `ConfigurationError`."""
        from kosmo_circleci.lua.clock import JournaledClock
        from kosmo_circleci.lua.session import RunParts, Session

        if settings.integrations:
            self.account(settings.account)
        deadline = run_deadline(settings, deadline)
        guarded = GuardedListener(listener or RunListener(), deadline)
        caller = self.caller(settings, guarded, deadline)
        clock = self._resources.clock()
        modules = open_journal = None
        if settings.journal != NO_JOURNAL or settings.lua_path or settings.modules:
            from kosmo_circleci.script.modules import Modules

            modules = Modules(settings.lua_path, settings.modules)
        if settings.journal != NO_JOURNAL and modules is not None:
            from kosmo_circleci.run.journals import JournalOpener

            opener = JournalOpener(settings.account, caller, clock, modules, self.simulate)
            open_journal, clock = opener.open, JournaledClock(clock)
        parts = RunParts(
            self.catalog,
            caller,
            guarded,
            clock,
            extension=partial(self._mcp_functions, settings) if settings.mcp else None,
            simulated=self.simulate,
            open_journal=open_journal,
            here=partial(self._here, caller) if settings.here else None,
            workflows=self.surroundings.workflows if settings.here else None,
            modules=modules,
        )
        return Session(settings, parts)

    def run(
        self,
        code: str,
        settings: RunSettings,
        listener: RunListener | None = None,
        deadline: Deadline | None = None,
    ) -> Run:
        """Run a script in this process. Raises only what the listener raises."""
        return self._traced(self._run, code, settings, listener, deadline)

    def _traced(
        self,
        run: Callable[[str, RunSettings, RunListener, Deadline | None], Run],
        code: str,
        settings: RunSettings,
        listener: RunListener | None,
        deadline: Deadline | None,
    ) -> Run:
        from kosmo_circleci.telemetry.tracing import traced  # a script's process needs none of it

        return traced(
            settings,
            listener,
            lambda settings, listener: run(code, settings, listener, deadline),
            simulated=self.simulate,
        )

    def _run(
        self, code: str, settings: RunSettings, listener: RunListener, deadline: Deadline | None
    ) -> Run:
        try:
            session = self.session(settings, listener, deadline)
        except ConfigurationError as error:
            return failure(error.message, error.error_type, simulated=self.simulate)
        try:
            return session.run(code)
        finally:
            session.close()

    def run_isolated(
        self,
        code: str,
        settings: RunSettings,
        listener: RunListener | None = None,
        deadline: Deadline | None = None,
    ) -> Run:
        """Run a script in a process of its own. Raises only what the listener raises."""
        return self._traced(self._run_isolated, code, settings, listener, deadline)

    def _run_isolated(
        self, code: str, settings: RunSettings, listener: RunListener, deadline: Deadline | None
    ) -> Run:
        from kosmo_circleci.run.protocol import RunMessage

        try:
            message = RunMessage(code, settings, self._travelling())
            pool, world = self._isolated_pool(), self._resources.world() if self.simulate else None
        except KosmoError as error:
            return failure(error.message, error.error_type, simulated=self.simulate)
        deadline = run_deadline(settings, deadline)
        return pool.run(message, listener, deadline, world)

    def isolated_state(self) -> "IsolatedState":
        """Return a process whose Lua state stays from script to script; its caller closes it.

        Raises `ConfigurationError`, or `OSError` where no process can be started.
        """
        from kosmo_circleci.run.child import spawn_child
        from kosmo_circleci.run.pool import IsolatedState

        runtime, world = self._travelling(), self._resources.world() if self.simulate else None
        child = spawn_child(self._environ, self.configuration.tokens())
        return IsolatedState(child, runtime, world)

    def call(
        self,
        resolved: Resolved,
        arguments: Mapping[str, JsonValue],
        *,
        force: bool = False,
        listener: RunListener | None = None,
        deadline: Deadline,
    ) -> JsonValue:
        """Call one function and return its decoded answer. Raises the `KosmoError` of the call."""
        from kosmo_circleci.telemetry.tracing import traced_calls

        listener, traceparent = traced_calls(listener, simulated=self.simulate)
        caller = self.caller_of(resolved, force, listener, deadline)
        caller.traceparent = traceparent
        try:
            return caller.call_resolved(resolved, arguments)
        except KosmoError as error:
            caller.mask.hide_in_error(error)
            raise

    def caller_of(
        self, resolved: Resolved, force: bool, listener: RunListener, deadline: Deadline
    ) -> Caller:
        """Return what makes one call. Raises `ConfigurationError`, for an unknown account too."""
        self.account(resolved.account)
        settings = RunSettings(account=resolved.account, force=force)
        return self.caller(settings, listener, deadline)

    def sibling(self, budget: Path | None, warm_processes: int) -> "Runtime":
        """Return a runtime of the same accounts and world, with a budget and processes of its own.

        Its caller closes it. Raises `ConfigurationError`.
        """
        resources = self._resources
        return Runtime(
            config=self.configuration,
            simulate=self.simulate,
            environ=self._environ,
            transport=resources.world() if self.simulate else resources.host_transport,
            budget=budget,
            warm_processes=warm_processes,
        )

    def _travelling(self) -> RuntimeSettings:
        """Return what a script's own process needs to build its runtime like this one."""
        resources = self._resources
        if resources.host_transport is not None and not resources.is_simulated_time():
            raise ConfigurationError(
                "isolate=True cannot use a transport object of this process. Run the script "
                "without isolate=True, or let the bridge open its own connections."
            )
        config = self.configuration.to_plain()
        budget = None if resources.budget is None else str(resources.budget)
        folder = str(self.surroundings.folder())
        environ = dict(self._environ)
        return RuntimeSettings(self.simulate, config, environ, self.simulate, budget, folder)

    def _isolated_pool(self) -> "Pool":
        from kosmo_circleci.run.child import spawn_child

        tokens = self.configuration.tokens()
        return self._resources.pool(
            lambda: spawn_child(self._environ, tokens), self._warm_processes
        )

    def _resolved(self, name: str) -> Account:
        if not self.simulate:
            return self.configuration.account(name)
        from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

        return Account(name, self.configuration.accounts[name].origin, SIMULATED_TOKEN)

    def _origin_of(self, account: str) -> str | None:
        configured = self.configuration.accounts.get(account)
        return None if configured is None else configured.origin

    def _here(self, caller: Caller, account: str) -> JsonValue:
        # The caller's deadline: a session that is kept gets another one for each run.
        return self.surroundings.here(caller.deadline, account)

    def _mcp_functions(self, settings: RunSettings) -> "Extension":
        from kosmo_circleci.mcp_client.functions import McpFunctions

        home = home_folder(self._environ)
        return McpFunctions(
            self._environ, home, self.surroundings.folder(), trust=settings.trust_mcp
        )


def run_deadline(settings: RunSettings, deadline: Deadline | None) -> Deadline:
    """Return when a run ends: at its own time limit, or with `deadline` if that is earlier."""
    if deadline is None:
        return Deadline(settings.limits.timeout_s)
    return deadline.limited(settings.limits.timeout_s)
