"""The interactive prompt: `integrations:lua --repl`, on prompt_toolkit or on plain lines."""

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from kosmo_circleci.cli.accounts.status import home
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.script.conversation import Conversation
from kosmo_circleci.cli.script.history import History, history_file
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings
from kosmo_circleci.version import __version__

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer, Completion

_FIRST: Final = "> "
_FURTHER: Final = ">> "


class Reader(Protocol):
    """Where lines come from."""

    def read(self, prompt: str) -> str:
        """Return the next line; raises `EOFError` at the end, `KeyboardInterrupt` on Ctrl-C."""
        ...


def converse(app: App, settings: RunSettings, runtime: RuntimeSettings) -> int:
    """Hold one session at the prompt; return the exit code."""
    history = History(history_file(os.environ, home()))
    conversation = Conversation(app, settings, runtime)
    try:
        conversation.start()
        reader = _reader(conversation, history)
        if sys.stdin.isatty():
            click.echo(f"kosmo {__version__}, Lua 5.4. :help for help, :quit or Ctrl-D to leave.")
        while not conversation.over:
            _one_line(conversation, reader, history)
    except EOFError:
        if conversation.continues:
            click.echo("error: the input ends before the last chunk is complete", err=True)
            return 1
        return 0
    finally:
        conversation.close()
    return 0


def _one_line(conversation: Conversation, reader: Reader, history: History) -> None:
    try:
        line = reader.read(_FURTHER if conversation.continues else _FIRST)
        entry = conversation.take(line)
        if entry is not None and sys.stdin.isatty():
            history.add(entry)
    except KeyboardInterrupt:
        # At the prompt, or in the moment between two lines; a running line takes note by itself.
        conversation.forget_line()
        click.echo()


def _reader(conversation: Conversation, history: History) -> Reader:
    can_draw = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if sys.stdin.isatty() and can_draw:
        with contextlib.suppress(ImportError):  # without the extra `repl`
            return _PromptToolkit(conversation, history)
    return _Plain()


class _Plain:
    """Lines of a terminal that edits them itself, of a file or a pipe; these have no prompts."""

    def read(self, prompt: str) -> str:
        if sys.stdin.isatty():
            click.echo(prompt, nl=False)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")


class _PromptToolkit:
    """Editing, history search and a menu of completions."""

    def __init__(self, conversation: Conversation, history: History) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(history.entries),
            completer=_menu(conversation),
            complete_while_typing=False,
            enable_history_search=True,
            enable_open_in_editor=True,
        )

    def read(self, prompt: str) -> str:
        return self._session.prompt(prompt)


def _menu(conversation: Conversation) -> "Completer":
    from prompt_toolkit.completion import Completer, Completion

    class Menu(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> "Iterable[Completion]":
            line = document.text_before_cursor
            offer = conversation.offer(line)
            for word in offer.words:
                yield Completion(word, start_position=offer.start - len(line))

    return Menu()
