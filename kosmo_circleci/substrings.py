"""Finds many strings in a text at once, in time that depends on neither their number nor content.

How it works. One Aho-Corasick automaton (the Rust crate, through `ahocorasick_rs`) holds all
strings and reads the text once. It reports the leftmost match and, of those, the longest; to know
the longest it may read ahead, by one string's length at most, and reads that part again after the
match. So strings must be short (`LONGEST`), or sixty near-matching ones would make the search
quadratic; `masking` cuts what is longer.

A string that is added later does not rebuild everything: it goes to an automaton of its own, and
automata of similar size are merged (as in a log-structured merge tree). Adding n strings one by
one, with a search after each, builds O(n log n) in all. What several automata find is joined.

Text is searched as UTF-8, lone surrogates included: UTF-8 never matches in mid-character.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

LONGEST: Final = 64
"""The longest string that is searched for, in characters."""

_LONGEST_BYTES: Final = 4 * LONGEST
_WINDOW_BYTES: Final = 1 << 18
"""How much is searched at once: a match takes some 150 bytes to report, and all may match."""
_GROWTH: Final = 2

Span: TypeAlias = tuple[int, int]


class _Automaton(NamedTuple):
    strings: tuple[bytes, ...]
    search: "BytesAhoCorasick"


class Substrings:
    """A growing set of strings to search for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[bytes] = []
        self._automata: list[_Automaton] = []  # large ones first

    def add(self, string: str) -> None:
        """Search for `string` from now on: new to the set, at most `LONGEST` characters long."""
        assert 0 < len(string) <= LONGEST
        with self._lock:
            self._new.append(_bytes(string))

    def replace(self, text: str, replacement: str) -> str:
        """Return `text` with `replacement` for every match; matches that touch are one."""
        raw = _bytes(text)
        if len(raw) > _WINDOW_BYTES:
            return "".join(self.replace_in_parts((text,), replacement))
        matches = [match for each in self._compiled() for match in _matches(each, raw)]
        if not matches:
            return text
        return _text(_replaced(raw, _joined(matches), _bytes(replacement)))

    def replace_in_parts(self, parts: Iterable[str], replacement: str) -> Iterator[str]:
        """Yield what `replace` returns for the joined `parts`, holding little of it at a time.

        The parts are taken as they are needed; a match may begin in one and end in another.
        """
        automata = self._compiled(into_one=True)
        if not automata:
            yield from parts
            return
        stream = _Stream(automata[0], _bytes(replacement))
        for part in parts:
            for start in range(0, len(part), _WINDOW_BYTES):
                yield stream.feed(_bytes(part[start : start + _WINDOW_BYTES]))
        yield stream.end()

    def _compiled(self, *, into_one: bool = False) -> tuple[_Automaton, ...]:
        """Return the automata, up to date; as one where the text is long enough to be worth it."""
        with self._lock:
            strings, self._new = self._new, []
            automata = self._automata
            while automata and (
                (into_one and (strings or len(automata) > 1))
                or len(automata[-1].strings) <= _GROWTH * len(strings)
            ):
                strings += automata.pop().strings
            if strings:
                automata.append(_automaton(tuple(strings)))
            return tuple(automata)


class _Stream:
    """One search through a long text that comes in parts."""

    def __init__(self, automaton: _Automaton, replacement: bytes) -> None:
        self._automaton = automaton
        self._replacement = replacement
        self._held = bytearray()
        self._after_match = False

    def feed(self, raw: bytes) -> str:
        """Take more of the text, and return as much of it as is settled."""
        self._held += raw
        if len(self._held) < _WINDOW_BYTES:
            return ""
        # A match that starts before `limit` ends within what is here: it cannot become longer.
        limit = len(self._held) - _LONGEST_BYTES
        while self._held[limit] & 0xC0 == 0x80:  # not in mid-character
            limit -= 1
        return self._settle(limit)

    def end(self) -> str:
        """Return the rest."""
        return self._settle(len(self._held))

    def _settle(self, limit: int) -> str:
        raw = bytes(self._held)
        spans = _joined([each for each in _matches(self._automaton, raw) if each[0] < limit])
        end = max(limit, spans[-1][1]) if spans else limit
        masked = _replaced(raw[:end], spans, self._replacement)
        if self._after_match and spans and spans[0][0] == 0:
            masked = masked[len(self._replacement) :]
        self._after_match = spans[-1][1] == end if spans else self._after_match and end == 0
        del self._held[:end]
        return _text(masked)


def _automaton(strings: tuple[bytes, ...]) -> _Automaton:
    # Loaded by the first search: it takes a millisecond.
    from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

    # The other implementations take ten times the memory, or twice the time, for many strings.
    search = BytesAhoCorasick(
        strings, matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
    )
    return _Automaton(strings, search)


def _matches(automaton: _Automaton, raw: bytes) -> list[Span]:
    matches = automaton.search.find_matches_as_indexes(raw)
    return [(start, end) for _, start, end in matches]


def _joined(matches: list[Span]) -> list[Span]:
    """Return the matches in order, those that overlap or touch as one."""
    joined: list[Span] = []
    for start, end in sorted(matches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _replaced(raw: bytes, spans: list[Span], replacement: bytes) -> bytes:
    parts: list[bytes] = []
    position = 0
    for start, end in spans:
        parts += (raw[position:start], replacement)
        position = end
    parts.append(raw[position:])
    return b"".join(parts)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
