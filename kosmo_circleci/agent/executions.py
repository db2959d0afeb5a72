"""The scripts a server runs for its client: whose accounts, what they may do, how far they go."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.agent.tool_result import ToolCall
from kosmo_circleci.limits import Limits
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener

if TYPE_CHECKING:
    from kosmo_circleci.bridge import Bridge
    from kosmo_circleci.config.configuration import Configuration

_REMEDY: Final = " Run it with --force"
"""How the way out begins in the message of `call/permission.py`."""

Write: TypeAlias = Literal["deny", "allow"]


class ServeOptions(NamedTuple):
    """How a server was started. `write` takes the place of the configured policy for writes.

    With `simulate` every script talks to the simulator; otherwise one that asks for it.
    """

    write: Write = "deny"
    simulate: bool = False
    account: str = "default"
    limits: Limits = Limits(timeout_s=300.0)


class _CallListener(RunListener):
    """Passes what a run prints and waits for on to the client that called."""

    def __init__(self, call: ToolCall, on_output: Callable[[str], None] | None) -> None:
        self._call = call
        self._on_output = on_output

    def output(self, line: str) -> None:
        if self._on_output is not None:
            self._on_output(line)

    def notice(self, text: str) -> None:
        if self._call.notice is not None:
            self._call.notice(text)


class Executions:
    """Runs scripts, each in a process of its own. Safe for several threads.

    The configuration is read when the first script runs.
    """

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._bridges: dict[bool, Bridge] = {}
        self._documents: Bridge | None = None

    def run(
        self,
        code: str,
        call: ToolCall,
        *,
        account: str | None = None,
        simulate: bool = False,
        args: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> Run:
        """Run a script and return what came of it. Raises `ConfigurationError`.

        Without an `account` it is the one the server was started with.
        """
        return self._bridge(simulate or self.options.simulate).run(
            code,
            account=account or self.options.account,
            args=args,
            limits=self.options.limits,
            isolate=True,
            listener=_CallListener(call, on_output),
            deadline=call.deadline,
        )

    def documents(self) -> "Bridge":
        """Return a bridge that answers from the documentation, whatever the configuration is."""
        from kosmo_circleci.bridge import Bridge

        with self._lock:
            if self._documents is None:
                self._documents = Bridge(config={})
            return self._documents

    def explained(self, message: str) -> str:
        """Return an error's message with a way out that somebody has: a model has no --force."""
        refused, remedy, _ = message.partition(_REMEDY)
        if not remedy or self.options.write == "allow":
            return message
        return (
            f"{refused} This server was started with --write=deny; a person can allow writes with "
            "`kosmo mcp:serve --write=allow`."
        )

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            bridges, self._bridges = list(self._bridges.values()), {}
        for each in bridges:
            each.close()

    def _bridge(self, simulate: bool) -> "Bridge":
        from kosmo_circleci.bridge import Bridge

        with self._lock:
            if simulate not in self._bridges:
                self._bridges[simulate] = Bridge(config=self._configuration(), simulate=simulate)
            return self._bridges[simulate]

    def _configuration(self) -> "Configuration":
        from kosmo_circleci.runtime import Runtime

        configuration = Runtime().configuration
        policy = configuration.policy._replace(write=self.options.write)
        return configuration.with_policy(policy)
