"""The scripts a server runs for its client: whose accounts, what they may do, how far they go."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.agent import cut
from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.kept_results import KeptResults
from kosmo_circleci.agent.runtimes import DEFAULT, Runtimes
from kosmo_circleci.agent.script_sessions import ScriptSessions, SessionKey
from kosmo_circleci.agent.tool_result import Link, Shown, ToolCall
from kosmo_circleci.agent.workflows import SHIPPED_ONLY, ReadyMade, WorkflowSource
from kosmo_circleci.catalog.lookup import resolve
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import ConfigurationError, ValidationError
from kosmo_circleci.jsonvalue import JsonValue, decode
from kosmo_circleci.limits import Limits
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.settings import NO_JOURNAL, JournalSettings, RunSettings

if TYPE_CHECKING:
    from kosmo_circleci.check.report import Report
    from kosmo_circleci.workflows.library import Workflow

_REMEDY: Final = " Run it with --force"
"""How the way out begins in the message of `call/permission.py`."""

_NO_OF_THE_TERMINAL: Final = "you answered no"

CALL_S: Final = 300.0
"""How long a client is kept waiting for a call."""

TASK_S: Final = 3600.0
"""How long a call may take that its client polls as a task."""

Write: TypeAlias = Literal["deny", "ask", "allow"]


class ServeOptions(NamedTuple):
    """How a server was started. `write` takes the place of the configured policy for writes.

    With `simulate` every script talks to the simulator; otherwise one that asks for it. `journal`
    is a folder where every run is recorded. `limits` are those of a call; one that becomes a task
    may take `task_timeout_s`.
    """

    write: Write = "deny"
    simulate: bool = False
    account: str = "default"
    limits: Limits = Limits(timeout_s=CALL_S)
    journal: Path | None = None
    task_timeout_s: float = TASK_S


class Script(NamedTuple):
    """A script as a client asks for it; its `args` are bound already.

    Without an `account` it is the one the server was started with. `session` names the scripts it
    shares globals with, `resume` the run that it continues. `name` precedes error lines. `writes`
    are the only functions that may write, None for no such limit.
    """

    code: str
    account: str | None = None
    simulate: bool = False
    args: Mapping[str, JsonValue] = MappingProxyType({})
    session: str | None = None
    resume: str | None = None
    name: str = "script"
    writes: tuple[str, ...] | None = None


class Execution(NamedTuple):
    """The outcome of a script. `new_session` is None without a session, `lost_session` tells that
    its process ended, and its globals with it.
    """

    run: Run
    new_session: bool | None = None
    lost_session: bool = False


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

    The configuration is read when the first script runs. All simulated scripts of one client see
    one world.
    """

    def __init__(self, options: ServeOptions, source: WorkflowSource = SHIPPED_ONLY) -> None:
        self.options = options
        self.ready_made = ReadyMade(source, options.simulate)
        self.results = KeptResults()
        self._sessions = ScriptSessions()
        self._lock = threading.Lock()
        self._runtimes = Runtimes(options)

    def run(self, script: Script, listener: CallListener, call: ToolCall) -> Execution:
        """Run a script and return its outcome, without its output.

        A script that asks to be simulated needs no permission for what it does to the simulated
        CircleCI. Raises `ConfigurationError`, and `ValidationError` for a session or a run that
        cannot be continued.
        """
        simulate = script.simulate or self.options.simulate
        runtime = self._runtimes.of(call.client, simulate)
        settings = RunSettings(
            name=script.name,
            account=self._account(script.account, call.client),
            args=dict(script.args),
            # The call's own deadline stops while a person is asked.
            limits=self.options.limits._replace(timeout_s=None),
            keep_output=False,
            rehearsal=script.simulate,
            # MCP servers run with the rights of the user who started this one.
            mcp=not call.client.is_remote,
            here=not call.client.is_remote,
            results=self.results.named_in(call.client.key, script.code),
            journal=self._journal(script, call.client),
            writes=script.writes,
        )
        if script.session is None:
            return Execution(runtime.run_isolated(script.code, settings, listener, call.deadline))
        key = SessionKey(call.client.key, script.session)
        state, is_new = self._sessions.take(key, settings.account, simulate, runtime.isolated_state)
        run = state.run(script.code, settings, listener, call.deadline)
        return Execution(run, is_new, state.lost)

    def read_doc(self, page: str, client: Client) -> str:
        """Return a documentation page, whatever the configuration is. Raises `ValidationError`."""
        from kosmo_circleci.catalog.load import load_catalog
        from kosmo_circleci.docs import pages

        return pages.read(page, load_catalog(), self.workflows(client))

    def search_docs(self, query: str, client: Client) -> str:
        """Return the pages whose meaning is nearest to `query`."""
        from kosmo_circleci.catalog.load import load_catalog
        from kosmo_circleci.docs import search

        return search.search(query, load_catalog(), workflows=self.workflows(client))

    def workflows(self, client: Client) -> "Sequence[Workflow] | None":
        """Return the workflows that `client` may read about; None for the shipped ones."""
        from kosmo_circleci.runtime import Runtime

        if client.is_remote:
            return None
        try:
            return Runtime(config={}).surroundings.workflows()
        except ConfigurationError:
            return None

    def shown_result(self, result_json: str, client: Client, advice: str) -> Shown:
        """Return `{"result": value}`; of a result that is too long its beginning, `advice`, and
        where it is kept.
        """
        value = decode(result_json)
        length = cut.size(value)
        if length <= cut.LIMIT_BYTES:
            return Shown({"result": value})
        shown: dict[str, JsonValue] = {
            "result_beginning": cut.beginning(value, cut.LIMIT_BYTES // 2),
            "cut": f"The result has {length:,} bytes of JSON; {cut.LIMIT_BYTES:,} can be shown, so "
            f"only its beginning is. {advice}",
        }
        kept = self.results.add(client.key, result_json)
        if kept is None:
            return Shown(shown)
        shown["kept"] = (
            f'All of it is results["{kept.result_id}"] in the next script, and '
            f"{kept.uri}?offset=0&length=30000 in ranges of bytes."
        )
        return Shown(shown, (Link(kept.uri, kept.result_id, len(kept.text)),))

    def check(self, code: str, client: Client) -> "Report":
        """Return what is wrong with a script. Raises `ConfigurationError`."""
        from kosmo_circleci.catalog.load import load_catalog
        from kosmo_circleci.check.check import check

        return check(code, "script", load_catalog(), self.accounts(client))

    def accounts(self, client: Client) -> tuple[str, ...]:
        """Return the names of the accounts that `client` may use. Raises `ConfigurationError`."""
        return tuple(self._runtimes.of(client, self.options.simulate).configuration.accounts)

    def explained(self, message: str) -> str:
        """Return an error's message with a way out for this server: a model has no --force."""
        refused, remedy, _ = message.partition(_REMEDY)
        if not remedy or self.options.write == "allow":
            return message.replace(_NO_OF_THE_TERMINAL, "the user answered no")
        why = (
            "This server asks the user before writes (--write=ask), and this client cannot put "
            "questions to its user; a person can allow writes"
            if self.options.write == "ask"
            else "This server was started with --write=deny; a person can allow writes"
        )
        return f"{refused} {why} with `kosmo mcp:serve --write=allow`."

    def mask(self, client: Client) -> Mask:
        """Return a mask that hides the tokens in use, as far as they can be read."""
        return self._runtimes.mask(client)

    def read(
        self, function: str, arguments: Mapping[str, JsonValue], client: Client, deadline: Deadline
    ) -> JsonValue:
        """Return the answer of a function that reads, for `client`. Raises `KosmoError`."""
        runtime = self._runtimes.of(client, self.options.simulate)
        resolved = resolve(runtime.catalog, function, self._account(None, client))
        return runtime.call(resolved, arguments, deadline=deadline)

    def close(self) -> None:
        """End the processes."""
        self._sessions.close()
        self._runtimes.close()

    def _account(self, account: str | None, client: Client) -> str:
        if account is not None:
            return account
        return DEFAULT if client.is_remote else self.options.account

    def _journal(self, script: Script, client: Client) -> JournalSettings:
        if self.options.journal is None:
            if script.resume is not None:
                raise ValidationError(
                    "'resume' continues a recorded run, and this server records none; a person can "
                    "start it with `kosmo mcp:serve --journal DIR`."
                )
            return NO_JOURNAL
        file = str(self.options.journal / f"{client.key}.journal")
        return JournalSettings(file, resume=script.resume is not None, run_id=script.resume)
