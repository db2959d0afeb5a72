"""The functions Lua may call. Each answers (True, value, marks) or (False, fields, marks).

A Python exception that entered Lua would be userdata with readable attributes, so none ever does:
`_answering` is the door every function goes through.
"""

import time
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeAlias

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import RawArguments
from kosmo_circleci.caller import Caller
from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.lookup import nearest
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.docs import pages, search
from kosmo_circleci.errors import (
    Interrupted,
    KosmoError,
    LimitExceeded,
    ScriptError,
    ValidationError,
)
from kosmo_circleci.jsonvalue import JsonError, JsonLimitError, JsonValue
from kosmo_circleci.lua.limits import Limits
from kosmo_circleci.lua.values import LuaValues, python_text

Answer: TypeAlias = tuple[Any, ...]


class Output(Protocol):
    """Where printed text goes."""

    def write_line(self, text: str) -> None:
        """Take one `print`; raises `LimitExceeded` when the output has grown too long."""
        ...


class Host:
    """The host's side of one run."""

    def __init__(
        self,
        catalog: Catalog,
        caller: Caller,
        values: LuaValues,
        limits: Limits,
        output: Output,
    ) -> None:
        self._catalog = catalog
        self._caller = caller
        self._values = values
        self._limits = limits
        self._output = output
        self._cpu_started = time.thread_time()
        self._cpu_of_host = 0.0
        self._patterns: Any = None

    @property
    def _deadline(self) -> Deadline:
        return self._caller.deadline

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return the table the prelude calls by name."""
        answering: dict[str, Callable[..., Answer]] = {
            "call": self._call,
            "unknown_name": self._unknown_name,
            "print": self._print,
            "json_decode": self._json_decode,
            "regex_match": self._regex_match,
            "regex_match_all": self._regex_match_all,
            "regex_gsub": self._regex_gsub,
            "regex_split": self._regex_split,
            "regex_pieces": self._regex_pieces,
            "docs_list": lambda: self._text(pages.listing(self._catalog)),
            "docs_search": lambda query: self._text(
                search.search(python_text(query), self._catalog)
            ),
            "docs_read": lambda page: self._text(pages.read(python_text(page), self._catalog)),
        }
        table: dict[str, Callable[..., Any]] = {
            name: self._answering(function) for name, function in answering.items()
        }
        return table | {"tick": self._tick}

    def _answering(self, function: Callable[..., Answer]) -> Callable[..., Answer]:
        def answer(*arguments: Any) -> Answer:
            try:
                self._deadline.check()
                return (True, *function(*arguments))
            except KosmoError as error:
                return self._refusal(error)
            except KeyboardInterrupt:
                self._deadline.note(Interrupted("Interrupted by Ctrl-C."))
                return self._refusal(Interrupted("Interrupted by Ctrl-C."))
            except MemoryError:
                return (False, None)
            except Exception as error:
                return self._refusal(
                    ScriptError(f"internal error: {type(error).__name__}: {error}")
                )

        return answer

    def _refusal(self, error: KosmoError) -> Answer:
        fatal = error is self._deadline.reason() or isinstance(error, Interrupted | OutputFull)
        try:
            fields, marks = self._values.build(error.fields() | ({"fatal": True} if fatal else {}))
        except MemoryError:
            return (False, None)
        return (False, fields, marks)

    def _tick(self) -> Any:
        try:
            self._deadline.check()
            used = time.thread_time() - self._cpu_started - self._cpu_of_host
            if used > self._limits.cpu_s:
                raise LimitExceeded(
                    f"The script used more than {self._limits.cpu_s:g} s of CPU time. "
                    "Raise the limit with --cpu-limit SECONDS (Python: Limits(cpu_s=…))."
                )
        except KosmoError as error:
            return self._values.build(error.fields())[0]
        except KeyboardInterrupt:
            self._deadline.note(Interrupted("Interrupted by Ctrl-C."))
            return self._values.build(Interrupted("Interrupted by Ctrl-C.").fields())[0]
        return None

    def _call(self, name: bytes, account: bytes, spoken: bytes, named: bool, text: bytes) -> Answer:
        started = time.thread_time()
        try:
            function = self._catalog.get(name.decode())
            assert function is not None
            given = jsonvalue.decode(text)
            raw = _raw_arguments(function.name, given, named)
            value = self._caller.call(function, account.decode(), spoken.decode(), raw)
            return self._values.build(value)
        finally:
            self._cpu_of_host += time.thread_time() - started

    def _unknown_name(self, path: bytes, name: bytes) -> NoReturn:
        where, unknown = path.decode(), python_text(name)
        depth = where.count(".")
        known: tuple[str, ...]
        if depth >= 2:
            accounts = tuple(self._caller.settings.accounts) if depth == 2 else ()
            known = (*self._catalog.names, *accounts)
            what = "function"
        else:
            known = ("integrations",) if depth == 0 else ("circleci",)
            what = "name"
        near = nearest(unknown, known)
        if near:
            hint = f"Did you mean: {', '.join(near)}?"
        elif depth == 2:
            hint = (
                f"Accounts: {', '.join(self._caller.settings.accounts)}. "
                'Find functions with docs.search("…").'
            )
        else:
            hint = (
                'Find functions with docs.search("…").' if depth > 2 else f"There is: {known[0]}."
            )
        raise ValidationError(f"Unknown {what}: {where}.{unknown}. {hint}")

    def _print(self, text: bytes) -> Answer:
        self._output.write_line(python_text(text))
        return ()

    def _json_decode(self, text: bytes) -> Answer:
        try:
            return self._values.build(jsonvalue.decode(text))
        except JsonLimitError as error:
            raise LimitExceeded(f"json.decode: {error}", function_name="json.decode") from None
        except JsonError as error:
            raise ScriptError(f"json.decode: {error}", function_name="json.decode") from None

    def _regex(self) -> Any:
        if self._patterns is None:
            from kosmo_circleci.lua.regex import Regex

            self._patterns = Regex(self._limits.regex_s)
        return self._patterns

    def _regex_match(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        found = self._regex().match(subject, pattern, _flags(flags))
        return (None,) if found is None else (self._piece(found),)

    def _regex_match_all(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        found = self._regex().match_all(subject, pattern, _flags(flags))
        return self._marked_list([self._piece(each) for each in found])

    def _regex_split(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        parts = self._regex().split(subject, pattern, _flags(flags))
        return self._marked_list([self._piece(each) for each in parts])

    def _regex_gsub(
        self,
        subject: bytes,
        pattern: bytes,
        replacement: bytes,
        limit: Any = None,
        flags: Any = None,
    ) -> Answer:
        text = self._regex().gsub(subject, pattern, replacement, _limit(limit), _flags(flags))
        return (self._piece(text),)

    def _regex_pieces(
        self, subject: bytes, pattern: bytes, limit: Any = None, flags: Any = None
    ) -> Answer:
        pieces = self._regex().pieces(subject, pattern, _limit(limit), _flags(flags))
        return (self._values.list([self._piece(each) for each in pieces]),)

    def _piece(self, piece: Any) -> Any:
        if isinstance(piece, str):
            return _matched_bytes(piece)
        return self._values.mapping(
            {
                key if isinstance(key, int) else key.encode(): _matched_bytes(text)
                for key, text in piece.items()
            }
        )

    def _marked_list(self, items: list[Any]) -> Answer:
        table = self._values.list(items)
        return (table, self._values.array_marks(table))

    def _text(self, text: str) -> Answer:
        return self._values.build(text)


class OutputFull(LimitExceeded):
    """The printed text passed its limit; the run ends."""


def _raw_arguments(function: str, given: JsonValue, named: bool) -> RawArguments:
    if not named:
        assert isinstance(given, list)
        return RawArguments(positional=tuple(given))
    if isinstance(given, dict):
        return RawArguments(named=given)
    if not given:
        return RawArguments()
    raise ValidationError(
        f"{function}: the arguments are a list; write {function}({{name = value}}), "
        f"or positional arguments without the braces: {function}(value, …)",
        function_name=function,
    )


def _flags(flags: Any) -> bytes | None:
    if flags is None or isinstance(flags, bytes):
        return flags
    raise ScriptError(
        'regex: flags must be a string of letters such as "im"', function_name="regex"
    )


def _limit(limit: Any) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, int | float) and not isinstance(limit, bool) and limit == int(limit) >= 0:
        return int(limit)
    raise ScriptError(
        "regex.gsub: the limit must be a whole number, 0 or more", function_name="regex.gsub"
    )


def _matched_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
