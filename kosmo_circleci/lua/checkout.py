"""`circleci.here` as Lua calls it. A journal keeps its answer, as it keeps those of reads."""

from collections.abc import Callable
from typing import Final, TypeAlias

from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.errors import ConfigurationError, JournalError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua.values import Answer, LuaValues, python_text

HereSource: TypeAlias = Callable[[str], JsonValue]
"""Returns what the checkout says to an account of that name. Raises `ConfigurationError`."""

NAME: Final = "circleci.here"


class Checkout:
    """The checkout a run is in. `source` None means that its folder is not the caller's.

    It is asked once a run: each question starts programs, whose time no limit on the script's CPU
    counts.
    """

    def __init__(self, caller: Caller, values: LuaValues, source: HereSource | None) -> None:
        self._caller = caller
        self._values = values
        self._source = source
        self._answers: dict[str, JsonValue] = {}
        self._run = caller.deadline  # each run has one of its own

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {"here": self._here}

    def _here(self, account: bytes) -> Answer:
        source = self._source
        if source is None:
            raise ConfigurationError(
                f"{NAME}: not available over HTTP, where the checkout would be the server's. "
                "Name the project and the branch.",
                function_name=NAME,
            )
        answer = self._answer(python_text(account), source)
        assert isinstance(answer, dict)
        if "error" in answer:
            raise ConfigurationError(f"{NAME}: {answer['error']}", function_name=NAME)
        return self._values.build(answer)

    def _answer(self, account: str, source: HereSource) -> JsonValue:
        if self._run is not self._caller.deadline:
            self._run = self._caller.deadline
            self._answers.clear()
        if account not in self._answers:
            self._answers[account] = self._recorded(account, source)
        return self._answers[account]

    def _recorded(self, account: str, source: HereSource) -> JsonValue:
        """Return the fields, or `{"error": …}`: a resumed run gets the recorded answer."""

        def perform() -> JsonValue:
            try:
                return source(account)
            except ConfigurationError as error:
                return {"error": error.message}

        journal = self._caller.journal
        if journal is None or journal.calls is None:
            return perform()
        from kosmo_circleci.call.external import external_answer
        from kosmo_circleci.call.journal import CallContent, JournalCall
        from kosmo_circleci.catalog.lookup import call_path

        call = JournalCall(
            content=CallContent("here", account, "git", ""),
            call_path=call_path("here", account),
            kind="read",
            request="git",
            arguments="{}",
            is_repeatable=True,
        )
        try:
            return external_answer(journal.calls, call, perform)
        except JournalError as error:
            raise self._caller.end_with(error) from None
