"""Whose accounts and connections a client of the server uses."""

import threading
from typing import TYPE_CHECKING, Final

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.masking import Mask

if TYPE_CHECKING:
    from kosmo_circleci.agent.executions import ServeOptions
    from kosmo_circleci.config.configuration import Configuration
    from kosmo_circleci.runtime import Runtime

DEFAULT: Final = "default"

MAX_RUNTIMES: Final = 64
"""How many clients' connections are kept open; the ones used longest ago make room."""


class Runtimes:
    """A runtime for each client: nothing of one is used for another. Safe for several threads.

    The configuration is read when the first one is wanted. All simulated scripts of one client see
    one world.
    """

    def __init__(self, options: "ServeOptions") -> None:
        self._options = options
        self._lock = threading.Lock()
        self._runtimes: dict[tuple[str, bool], Runtime] = {}

    def of(self, client: Client, simulate: bool) -> "Runtime":
        """Return the runtime of a client. Raises `ConfigurationError`."""
        from kosmo_circleci.runtime import Runtime

        key = (client.key, simulate)
        with self._lock:
            runtime = self._runtimes.pop(key, None)
            if runtime is None:
                while len(self._runtimes) >= MAX_RUNTIMES:
                    self._runtimes.pop(next(iter(self._runtimes))).close()
                runtime = Runtime(config=self._lent_to(client), simulate=simulate)
            self._runtimes[key] = runtime  # the last one in: the first ones make room
            return runtime

    def mask(self, client: Client) -> Mask:
        """Return a mask that hides the tokens in use, as far as they can be read."""
        own = [client.token] if client.token else []
        try:
            return Mask([*self._configuration().tokens(), *own])
        except ConfigurationError:
            return Mask(own)

    def close(self) -> None:
        """End the processes, and close the connections."""
        with self._lock:
            runtimes, self._runtimes = list(self._runtimes.values()), {}
        for each in runtimes:
            each.close()

    def _lent_to(self, client: Client) -> "Configuration":
        """Return the configuration for a client: over HTTP it has one account, `default`."""
        from kosmo_circleci.config.configuration import Configuration

        configuration = self._configuration()
        policy = configuration.policy._replace(write=self._options.write)
        configuration = configuration.with_policy(policy)
        if not client.is_remote:
            return configuration
        own = configuration.accounts.get(self._options.account)
        if own is None:
            raise ConfigurationError(f"Unknown account '{self._options.account}'.")
        account = own._replace(name=DEFAULT)
        if client.token is not None:
            account = account._replace(
                token=client.token, token_source="the request", entries=(), missing=(), fault=None
            )
        return Configuration({DEFAULT: account}, policy)

    def _configuration(self) -> "Configuration":
        from kosmo_circleci.runtime import Runtime

        return Runtime().configuration
