"""Bridge: wires configuration, transport, caller and Lua; the door for Python programs."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from kosmo_circleci.agent import tools
from kosmo_circleci.call.model import RawArguments
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.caller import Caller, CallerSettings
from kosmo_circleci.catalog.load import Catalog, load_catalog
from kosmo_circleci.catalog.lookup import find
from kosmo_circleci.config.accounts import Configuration, load_configuration
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.docs import pages, search
from kosmo_circleci.envelope import Run, failure
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.limits import Limits
from kosmo_circleci.masking import Mask
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.wire import Transport
from kosmo_circleci.version import __version__


@dataclass(frozen=True, slots=True)
class Door:
    """What the place a script is started from adds to its run.

    `on_output` gets each printed line as it is printed, masked, without its newline. `ask` shows a
    permission question to a person; None means that nobody can answer. `deadline` lets a signal
    handler end the run; its time limit wins over `Limits.timeout_s`.
    """

    on_output: Callable[[str], None] | None = None
    ask: Callable[[str], bool] | None = None
    deadline: Deadline | None = None


class Bridge:
    """CircleCI for Lua scripts, and the same functions for Python.

    Configuration comes from the environment, the configuration file and the official CLI's file, as
    the documentation says. `config` is a path (used in place of `$KOSMO_CONFIG`) or a mapping
    shaped like that file (used in place of every other source). `simulate=True` talks to the
    embedded simulator: no token, no network. `transport` replaces the HTTP client.

    Safe to use from several threads: each run has its own Lua state, the connection pool is shared.
    Nothing is read, imported or connected before it is needed. Close it, or use it as a context
    manager.
    """

    def __init__(
        self,
        *,
        config: str | Path | Mapping[str, JsonValue] | None = None,
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
        self._executor: Executor | None = None

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
        door: Door | None = None,
    ) -> Run:
        """Run a Lua script and return what came of it. Whatever the script does, this returns.

        `name` stands in front of error lines; `account` is the one the bare
        `app.integrations.circleci.*` uses; `force` lifts the read/write policy; `args` are the
        strings of the script's `args` table. A configuration that cannot be used is a `Run` with
        `error_type` "configuration".
        """
        from kosmo_circleci.lua.run import Script, run_script

        limits, door = limits or Limits(), door or Door()
        deadline = door.deadline or Deadline(limits.timeout_s)
        try:
            self._known_account(account)
            caller = self._caller(force, door.ask, deadline)
        except ConfigurationError as error:
            return failure(error.message, error.error_type, simulated=self._simulate)
        return run_script(
            Script(code, name, dict(args or {}), account),
            self.catalog,
            caller,
            limits,
            on_output=door.on_output,
            simulated=self._simulate,
        )

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
        known = find(self.catalog, function)
        self._known_account(account)
        caller = self._caller(force, None, Deadline())
        segment = "" if account == "default" else f"{account}."
        spoken_name = f"app.integrations.circleci.{segment}{known.name}"
        return caller.call(known, account, spoken_name, RawArguments(named=dict(arguments or {})))

    def read_doc(self, page: str) -> str:
        """Return a documentation page as Markdown. Raises `ValidationError` for an unknown one."""
        return pages.read(page, self.catalog)

    def list_docs(self) -> str:
        """Return the names of all pages, one a line."""
        return pages.listing(self.catalog)

    def search_docs(self, query: str) -> str:
        """Return the functions whose meaning is nearest to `query`: at most ten lines."""
        return search.search(query, self.catalog)

    def agent_tools(self) -> list[dict[str, JsonValue]]:
        """Return the tools an agent host offers its model: name, description, input_schema."""
        return tools.definitions()

    def call_agent_tool(self, name: str, arguments: Mapping[str, JsonValue]) -> str:
        """Carry out one of `agent_tools()` as the model asked, and return the text for it."""
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
                    _home(self._environ),
                    reserved_names=self.catalog.names,
                    explicit=self._explicit,
                )
            return self._configuration

    def _known_account(self, name: str) -> None:
        known = self.configuration.accounts
        if name not in known:
            raise ConfigurationError(
                f"Unknown account '{name}'. Configured accounts: {', '.join(known)}. Add it to the "
                f"configuration file, or set CIRCLECI_TOKEN_{name.upper()}."
            )

    def _caller(self, force: bool, ask: Callable[[str], bool] | None, deadline: Deadline) -> Caller:
        accounts = self.configuration.accounts
        mask = Mask(each.token for each in accounts.values() if each.token)
        if self._simulate:
            from kosmo_circleci.simulator.transport import SIMULATED_TOKEN

            accounts = {
                name: replace(account, token=SIMULATED_TOKEN) for name, account in accounts.items()
            }
        policy: Policy = self.configuration.policy
        return Caller(CallerSettings(accounts, policy, force, ask), self._open, deadline, mask)

    def _open(self) -> Executor:
        with self._lock:
            if self._executor is None:
                if self._transport is None:
                    self._transport = self._new_transport()
                self._executor = Executor(
                    self._transport, user_agent=f"kosmo-circleci/{__version__}"
                )
            return self._executor

    def _new_transport(self) -> Transport:
        if self._simulate:
            from kosmo_circleci.simulator.transport import SimulatorTransport

            return SimulatorTransport()
        from kosmo_circleci.transport.live import LiveTransport

        return LiveTransport()


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()
