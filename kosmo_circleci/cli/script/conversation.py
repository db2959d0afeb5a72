"""The interactive prompt without its keyboard: lines in, answers out, one Lua state in between.

The state lives in the script's own process, as for every script: a line is a job, has its limits,
and can be interrupted. A process that had to be killed takes the state with it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import click

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.lookup import bare_name
from kosmo_circleci.cli import ask
from kosmo_circleci.cli.app import App
from kosmo_circleci.cli.markdown import show_page
from kosmo_circleci.cli.outcome import show
from kosmo_circleci.cli.output import warn
from kosmo_circleci.cli.script.execution import TerminalListener, run_in
from kosmo_circleci.cli.script.lua_words import Word, word_before
from kosmo_circleci.cli.script.session_locals import with_session_locals
from kosmo_circleci.cli.workflows import library
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.docs import guides, pages
from kosmo_circleci.docs import search as doc_search
from kosmo_circleci.errors import ConfigurationError, KosmoError, UsageError
from kosmo_circleci.run.child import Child, fork_child
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.protocol import RunMessage
from kosmo_circleci.run.settings import RunSettings, RuntimeSettings
from kosmo_circleci.run.supervisor import supervise
from kosmo_circleci.script.names import LUA_KEYWORDS
from kosmo_circleci.wording import printable_lines

HELP: Final = """\
Type Lua. An expression shows its value; a line that is not complete continues in the next one.
Variables stay from line to line, those declared local too.

  :doc NAME      the documentation page of a function, or a guide (:doc circleci)
  :search WORDS  functions by what they do
  :reset         start again with an empty state
  :quit          leave, as Ctrl-D does

Ctrl-C ends what is running, or empties the line. Tab completes names and parameters. Several lines
can be pasted. What is typed is kept in your history file, except lines that start with a blank."""

_NAME: Final = "repl"
_COMMANDS: Final = ("doc", "help", "quit", "reset", "search")
_INCOMPLETE: Final = "near <eof>"
# A call may return nothing at all; anything else that shows nothing is nil.
_MAY_RETURN_NOTHING: Final = re.compile(r"""[)}"'\]]\s*;?\s*$""")
_COMPLETION_S: Final = 2.0
_LIST_NAMES: Final = """\
local names, value = {}, %s
if type(value) == "table" then
  for name in pairs(value) do if type(name) == "string" then names[#names + 1] = name end end
end
return json.array(names)
"""


class Offer(NamedTuple):
    """Where a completed word begins in the text, and what it may become."""

    start: int
    words: tuple[str, ...]


class Conversation:
    """One session at the prompt; `settings` say how its lines are run."""

    def __init__(self, app: App, settings: RunSettings, runtime: RuntimeSettings) -> None:
        self._settings = settings._replace(
            name=_NAME, pretty=True, keep_state=True, keep_consent=True, keep_output=False
        )
        self._runtime = runtime
        self._child: Child = app.take_child()
        self._terminal = TerminalListener(asker=ask.asker())
        self._pending = ""
        self._failed = False
        self.over = False

    def start(self) -> None:
        """Make the Lua state. Raises `ConfigurationError`, which no further line could escape."""
        run = self._evaluate("")
        if run.error_type == ConfigurationError.error_type:
            raise ConfigurationError(run.error or "")

    def close(self) -> None:
        """End the script's process."""
        self._child.kill()

    @property
    def continues(self) -> bool:
        """Whether the next line continues what the last one began."""
        return bool(self._pending)

    def forget_line(self) -> None:
        """Drop what has been typed and not been run."""
        self._pending = ""

    def take(self, text: str) -> str | None:
        """Take a line, or several that were pasted; return the entry that is complete now, or None.

        Pasted lines are one chunk if they are one; else each is taken as if it was typed, up to the
        first that fails.
        """
        if "\n" not in text or self._pending:
            return self._take_line(text)
        if self._is_chunk(text):
            return self._take_line(text)
        for line in text.split("\n"):
            self._failed = False
            self._take_line(line)
            if self._failed:
                self._pending = ""
                break
        return None if self._pending else text

    def _is_chunk(self, text: str) -> bool:
        """Say whether the lines are one chunk, or the beginning of one."""
        if text.lstrip().startswith(":") and not text.lstrip().startswith("::"):
            return False
        run = self._silent(f"return function() {text}\nend")
        return run.error_type != "syntax" or _is_incomplete(run)

    def _take_line(self, line: str) -> str | None:
        if not self._pending and line.lstrip().startswith(":") and not line.startswith("::"):
            self._command(line.strip()[1:])
            return line
        text = f"{self._pending}\n{line}" if self._pending else line
        if not text.strip():
            return None
        if not self._run(text):
            self._pending = text
            return None
        self._pending = ""
        return text

    def offer(self, text: str) -> Offer:
        """Return what the word at the end of `text` may become; `text` is the line so far."""
        if not self._pending and text.startswith(":"):
            return _offer_command(text)
        before = f"{self._pending}\n" if self._pending else ""
        word = word_before(before + text)
        if word is None:
            return Offer(len(text), ())
        words = sorted({each for each in self._words(word) if each.startswith(word.text)})
        return Offer(word.start - len(before), tuple(words))

    def _words(self, word: Word) -> Iterator[str]:
        if word.table:
            yield from self._names(word.table)
            return
        if word.function is not None:
            function = load_catalog().get(bare_name(word.function))
            if function is not None:
                names = (each.name for each in function.parameters)
                yield from (f"{name} = " for name in names if name not in word.keys)
                return
        if word.text:
            yield from LUA_KEYWORDS
        yield from self._names("_G")

    def _names(self, path: str) -> Iterable[str]:
        """Return the names in a table of the state as it is now."""
        run = self._silent(_LIST_NAMES % path)
        result = run.result if run.success else None
        return (
            [each for each in result if isinstance(each, str)] if isinstance(result, list) else []
        )

    def _silent(self, code: str) -> Run:
        """Run code of ours in the state, for a moment at most and with nothing shown."""
        message = RunMessage(code, self._settings, self._runtime)
        run = supervise(self._child, message, RunListener(), Deadline(_COMPLETION_S))
        self._reset_if_killed()
        return run

    def _run(self, text: str) -> bool:
        """Run a chunk and show its outcome; False when it is not complete yet."""
        run = self._evaluate(f"return {text}")
        expression = run.error_type != "syntax"
        if not expression:
            begun = _is_incomplete(run)  # `{1,` is not a statement, but may become an expression
            run = self._evaluate(with_session_locals(text))
            if run.error_type == "syntax" and (begun or _is_incomplete(run)):
                return False
        self._failed = not run.success
        show(run, as_json=False)
        is_nil = run.success and run.result_json == "null" and run.result_text is None
        if expression and is_nil and not _MAY_RETURN_NOTHING.search(text):
            click.echo("nil")
        self._reset_if_killed()
        return True

    def _evaluate(self, code: str) -> Run:
        message = RunMessage(code, self._settings, self._runtime)
        return run_in(self._child, message, self._terminal)

    def _reset_if_killed(self) -> None:
        if self._child.exit_status is not None:
            self._reset()
            warn("that line had to be killed, and the state went with it: globals are gone")

    def _reset(self) -> None:
        self._child.kill()
        from kosmo_circleci.run.worker import serve

        self._child = fork_child(serve)
        self.start()

    def _command(self, text: str) -> None:
        name, _, rest = text.partition(" ")
        try:
            if name in ("q", "quit", "exit"):
                self.over = True
            elif name in ("h", "help", "?"):
                click.echo(HELP)
            elif name == "doc":
                show_page(_page(rest.strip() or "circleci"))
            elif name == "search" and rest.strip():
                click.echo(_found(rest))
            elif name == "reset":
                self._reset()
            else:
                raise UsageError(_no_command(name))
        except KosmoError as error:
            click.echo(f"error: {printable_lines(error.message)}", err=True)


def _page(name: str) -> str:
    return pages.read(name, load_catalog(), library().documented())


def _found(query: str) -> str:
    return doc_search.search(query, load_catalog(), workflows=library().documented()).rstrip()


def _is_incomplete(run: Run) -> bool:
    return run.error_type == "syntax" and (run.error or "").endswith(_INCOMPLETE)


def _no_command(name: str) -> str:
    import difflib

    if name == "search":
        return "Say what to search for: :search cancel a running job"
    near = difflib.get_close_matches(name, _COMMANDS, n=1)
    return f"There is no command ':{name}'. " + (
        f"Did you mean ':{near[0]}'?" if near else "See :help."
    )


def _offer_command(text: str) -> Offer:
    command, blank, rest = text[1:].partition(" ")
    if not blank:
        words = tuple(each for each in _COMMANDS if each.startswith(command))
        return Offer(1, words)
    if command != "doc":
        return Offer(len(text), ())
    catalog = load_catalog()
    known = (*guides.names(), *catalog.names, *(f"circleci.{name}" for name in catalog.names))
    start = len(text) - len(rest.lstrip())
    return Offer(start, tuple(each for each in known if each.startswith(rest.lstrip())))
