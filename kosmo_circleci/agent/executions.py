"""The scripts a server runs for its client: whose accounts, what they may do, how far they go."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.agent.tool_result import ToolCall
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.limits import Limits
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.settings import RunSettings

if TYPE_CHECKING:
    from kosmo_circleci.bridge import Bridge
    from kosmo_circleci.runtime import Runtime

_REMEDY: Final = " Run it with --force"
"""How the way out begins in the message of `call/permission.py`."""

_YES_OF_THE_TERMINAL: Final = "you answered no"

Write: TypeAlias = Literal["deny", "ask", "allow"]


class ServeOptions(NamedTuple):
    """How a server was started. `write` takes the place of the configured policy for writes.

    With `simulate` every script talks to the simulator; otherwise one that asks for it.
    """

    write: Write = "deny"
    simulate: bool = False
    account: str = "default"
    limits: Limits = Limits(timeout_s=300.0)


class CallListener(RunListener):
    """Passes what a run prints, waits for and asks on to the client that called."""

    def __init__(self, call: ToolCall, on_output: Callable[[str], None] | None = None) -> None:
        self.secrets: list[JsonValue] = []
        self._call = call
        self._on_output = on_output

    def output(self, line: str) -> None:
        if self._on_output is not None:
            self._on_output(line)

    def waiting(self, text: str) -> None:
        self.notice(text)

    def notice(self, text: str) -> None:
        if text and self._call.notice is not None:
            self._call.notice(text)

    def secret(self, value: JsonValue) -> None:
        self.secrets.append(value)

    def ask(self, question: str) -> Consent | None:
        return None if self._call.ask is None else self._call.ask(question)


class Executions:
    """Runs scripts, each in a process of its own. Safe for several threads.

    The configuration is read when the first script runs. All simulated scripts of one server see
    one world.
    """

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._runtimes: dict[bool, Runtime] = {}
        self._documents: Bridge | None = None

    def run(
        self,
        code: str,
        listener: CallListener,
        call: ToolCall,
        *,
        account: str | None = None,
        simulate: bool = False,
        args: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a script and return its outcome, without its output. Raises `ConfigurationError`.

        Without an `account` it is the one the server was started with. A script that asks to be
        simulated needs no permission for what it does to the simulated CircleCI.
        """
        settings = RunSettings(
            account=account or self.options.account,
            args=dict(args or {}),
            # The call's own deadline stops while a person is asked.
            limits=self.options.limits._replace(timeout_s=None),
            keep_output=False,
            rehearsal=simulate,
        )
        runtime = self._runtime(simulate or self.options.simulate)
        return runtime.run_isolated(code, settings, listener, call.deadline)

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
            return message.replace(_YES_OF_THE_TERMINAL, "the user answered no")
        why = (
            "This server asks the user before writes (--write=ask), and this client cannot put "
            "questions to its user; a person can allow writes"
            if self.options.write == "ask"
            else "This server was started with --write=deny; a person can allow writes"
        )
        return f"{refused} {why} with `kosmo mcp:serve --write=allow`."

    def mask(self) -> Mask:
        """Return a mask that hides the configured tokens, as far as they can be read."""
        try:
            return self._runtime(self.options.simulate).mask()
        except ConfigurationError:
            return Mask()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            runtimes, self._runtimes = list(self._runtimes.values()), {}
        for each in runtimes:
            each.close()

    def _runtime(self, simulate: bool) -> "Runtime":
        from kosmo_circleci.runtime import Runtime

        with self._lock:
            if simulate not in self._runtimes:
                configuration = Runtime().configuration
                policy = configuration.policy._replace(write=self.options.write)
                self._runtimes[simulate] = Runtime(
                    config=configuration.with_policy(policy), simulate=simulate
                )
            return self._runtimes[simulate]
