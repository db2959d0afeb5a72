r"""PCRE matching with a time limit, over PyPI's `regex`.

Subjects and patterns are bytes from Lua; bytes that are not UTF-8 travel as lone surrogates, so
that what was not matched comes back unchanged.

Why not libpcre2 itself (PyPI's `pcre2`, tried at 0.7.1 with PCRE2 10.47): it holds the GIL while it
matches and takes no time limit. Its match limit counts afresh at each start position, so a pattern
that is quadratic or worse runs to its end, deaf to Ctrl-C and to every limit: `(.*)\1\1z?$(?<!b)`
takes 4 s on 6 kB and 35 s on 12 kB. Its JIT refuses `"(?:[^"\\]|\\.)*"` on a string of 24 kB
(the stack cannot be enlarged), and 100,000 matches in 300 kB take 10 s, here 0.2 s.
"""

from collections.abc import Iterator
from typing import Any, Final

import regex

from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.limits import Limits, shown_size
from kosmo_circleci.lua.pcre import translate
from kosmo_circleci.lua.pcre_syntax import PatternError, Translation

_FLAGS: Final = {"i": regex.I, "m": regex.M, "s": regex.S}
_TEMPLATE: Final = regex.compile(
    r"\$(?:(?P<n>[0-9]{1,2})|\{(?P<name>\w+)\}|(?P<dollar>\$))"
    r"|\\(?:(?P<b>[0-9])|(?P<backslash>\\))"
)

_LONGEST_NUMBER: Final = 9
"""Digits of a group's number in a replacement; a longer one names no group."""

_PATTERNS_KEPT: Final = 200

MatchTable = dict[int | str, str]

_PIECE_BYTES: Final = 64
"""What a piece of text costs beyond its characters."""


class Regex:
    """Compiled patterns of one run: each operation bounded in time and in what it builds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._compiled: dict[tuple[str, str], Any] = {}

    def match(self, subject: bytes, pattern: bytes, flags: bytes | None) -> MatchTable | None:
        """Return the first match: {1: whole, 2: first group, …, name: group}, or None."""
        match = next(self._matches(subject, pattern, flags, 1), None)
        return None if match is None else groups(match)

    def match_all(self, subject: bytes, pattern: bytes, flags: bytes | None) -> list[MatchTable]:
        """Return every match that does not overlap an earlier one."""
        budget = _Budget(self._limits)
        return [budget.groups(match) for match in self._matches(subject, pattern, flags, None)]

    def pieces(
        self, subject: bytes, pattern: bytes, limit: int | None, flags: bytes | None
    ) -> list[str | MatchTable]:
        """Return the text before, the match, the text before, the match, …, the rest."""
        budget = _Budget(self._limits)
        text = _text(subject)
        pieces: list[str | MatchTable] = []
        end = 0
        for match in self._matches(subject, pattern, flags, limit):
            pieces += (text[end : match.start()], budget.groups(match))
            end = match.end()
        return [*pieces, text[end:]]

    def gsub(
        self,
        subject: bytes,
        pattern: bytes,
        replacement: bytes,
        limit: int | None,
        flags: bytes | None,
    ) -> str:
        r"""Return the text with matches replaced; `$1`, `${name}`, `\1` and `$0` name groups."""
        budget = _Budget(self._limits)
        template = _text(replacement)
        text = _text(subject)
        parts: list[str] = []
        end = 0
        for match in self._matches(subject, pattern, flags, limit):
            parts += (text[end : match.start()], budget.text(expand(template, match)))
            end = match.end()
        return "".join([*parts, text[end:]])

    def split(self, subject: bytes, pattern: bytes, flags: bytes | None) -> list[str]:
        """Return the texts between the matches; what groups captured is left out."""
        return [
            piece
            for piece in self.pieces(subject, pattern, None, flags)
            if not isinstance(piece, dict)
        ]

    def _matches(
        self, subject: bytes, pattern: bytes, flags: bytes | None, limit: int | None
    ) -> Iterator[Any]:
        compiled = self._pattern(_text(pattern), _text(flags or b""))
        # `concurrent` releases the GIL: the other threads of an embedding host run on.
        matches = compiled.finditer(_text(subject), timeout=self._limits.regex_s, concurrent=True)
        try:
            for count, match in enumerate(matches, 1):
                if limit is not None and count > limit:
                    return
                yield match
        except TimeoutError:
            raise self._limits.regex_error() from None
        except MemoryError:
            # A pattern that calls itself without end, such as `(?R)?`.
            raise self._limits.memory_error() from None

    def _pattern(self, pattern: str, flags: str) -> Any:
        compiled = self._compiled.get((pattern, flags))
        if compiled is None:
            if len(self._compiled) >= _PATTERNS_KEPT:
                self._compiled.clear()
            compiled = self._compiled[pattern, flags] = compile_pattern(pattern, flags)
        return compiled


class _Budget:
    """How much text one operation may build: as much as the script may hold anyway."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.memory_bytes

    def text(self, text: str) -> str:
        self._left -= len(text) + _PIECE_BYTES
        if self._left < 0:
            raise LimitExceeded(
                "regex: the result is larger than the memory limit of "
                f"{shown_size(self._limits.memory_bytes)}. Raise it with --memory-limit SIZE "
                "(Python: Limits(memory_bytes=…)).",
                function_name="regex",
            )
        return text

    def groups(self, match: Any) -> MatchTable:
        table = groups(match)
        for text in table.values():
            self.text(text)
        return table


def compile_pattern(pattern: str, flags: str) -> Any:
    """Return `regex`'s pattern for a PCRE pattern and letters of "imsx".

    Raises `ScriptError` for a letter that is not a flag, and for a bad pattern.
    """
    for letter in flags:
        if letter not in "imsx":
            raise ScriptError(
                f"Unknown regex flag '{letter}'; the flags are i, m, s and x",
                function_name="regex",
            )
    try:
        return _compiled(translate(pattern, flags), pattern)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ScriptError(f"Bad pattern: {error}", function_name="regex") from None


def _compiled(translation: Translation, source: str) -> Any:
    bits = regex.V0
    for letter in translation.flags:
        bits |= _FLAGS[letter]
    try:
        return regex.compile(translation.pattern, bits)
    except regex.error as error:
        position = 0 if error.pos is None else translation.source_position(error.pos)
        raise PatternError(error.msg, source, position) from None


def groups(match: Any) -> MatchTable:
    """Return a match as Lua sees it; a group that took no part is absent."""
    table: MatchTable = {1: match.group()}
    for index, text in enumerate(match.groups(), 2):
        if text is not None:
            table[index] = text
    for name, text in match.groupdict().items():
        if text is not None:
            table[name] = text
    return table


def expand(template: str, match: Any) -> str:
    """Return the replacement text of one match.

    Raises `ScriptError` when the template names a group the pattern does not have.
    """

    def value(part: Any) -> str:
        if part["dollar"] or part["backslash"]:
            return str(part["dollar"] or part["backslash"])
        name = part["name"]
        if name is None or (name.isdecimal() and len(name) <= _LONGEST_NUMBER):
            name = int(name or part["n"] or part["b"])
        try:
            return match.group(name) or ""
        except IndexError:
            raise ScriptError(
                f"regex.gsub: the pattern has no group '{name}', which the replacement names",
                function_name="regex.gsub",
            ) from None

    return str(_TEMPLATE.sub(value, template))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
