"""`regex.*` as Lua calls it: arguments checked, matches turned into tables."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kosmo_circleci.errors import ScriptError
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.values import Answer, LuaValues
from kosmo_circleci.run.listener import RunListener

if TYPE_CHECKING:
    from kosmo_circleci.lua.regex import Regex


class Patterns:
    """The patterns of one run; `listener` hears when a match begins and has ended."""

    def __init__(self, values: LuaValues, limits: Limits, listener: RunListener) -> None:
        self._values = values
        self._limits = limits
        self._listener = listener
        self._regex: Regex | None = None

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """Return the functions by the names the prelude calls."""
        return {
            "regex_match": self._watched(self._match),
            "regex_match_all": self._watched(self._match_all),
            "regex_gsub": self._watched(self._gsub),
            "regex_split": self._watched(self._split),
            "regex_pieces": self._watched(self._pieces),
        }

    def _watched(self, function: Callable[..., Answer]) -> Callable[..., Answer]:
        # A match can run away where no hook and no time limit of the library reaches it.
        def watched(*arguments: Any) -> Answer:
            self._listener.pattern(True)
            try:
                return function(*arguments)
            finally:
                self._listener.pattern(False)

        return watched

    def _engine(self) -> "Regex":
        if self._regex is None:
            from kosmo_circleci.lua.regex import Regex

            self._regex = Regex(self._limits)
        return self._regex

    def _match(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        match = self._engine().match(subject, pattern, _flags(flags))
        return (None,) if match is None else (self._piece(match),)

    def _match_all(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        match = self._engine().match_all(subject, pattern, _flags(flags))
        return self._marked_list([self._piece(each) for each in match])

    def _split(self, subject: bytes, pattern: bytes, flags: Any = None) -> Answer:
        parts = self._engine().split(subject, pattern, _flags(flags))
        return self._marked_list([self._piece(each) for each in parts])

    def _gsub(
        self,
        subject: bytes,
        pattern: bytes,
        replacement: bytes,
        limit: Any = None,
        flags: Any = None,
    ) -> Answer:
        text = self._engine().gsub(subject, pattern, replacement, _limit(limit), _flags(flags))
        return (self._piece(text),)

    def _pieces(
        self, subject: bytes, pattern: bytes, limit: Any = None, flags: Any = None
    ) -> Answer:
        pieces = self._engine().pieces(subject, pattern, _limit(limit), _flags(flags))
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


def _flags(flags: Any) -> bytes | None:
    if flags is None or isinstance(flags, bytes):
        return flags
    raise ScriptError(
        'regex: flags must be a string of letters such as "im"', function_name="regex"
    )


def _limit(limit: Any) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, int | float) and not isinstance(limit, bool) and limit == limit // 1 >= 0:
        return int(limit)
    raise ScriptError(
        "regex.gsub: the limit must be a whole number, 0 or more", function_name="regex.gsub"
    )


def _matched_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
