"""Finds many strings in a text at once, in time that depends on neither their number nor content.

How it works. One Aho-Corasick automaton (the Rust crate, through `ahocorasick_rs`) holds all
strings and reads the text once. It reports the leftmost match and, of those, the longest; to know
the longest it may read ahead, by one string's length at most, and reads that part again after the
match. So strings must be short (`LONGEST`), or sixty near-matching ones would make the search
quadratic; `masking` cuts what is longer into pieces.

The pieces of what was cut are in an automaton of their own and all of one length, `PIECE`. A match
may take the beginning of another piece with it, whose rest the search then does not find: strings
that begin alike do that to each other. What is missed so begins inside a match and ends less than
`PIECE` after it, so a second search, for matches that overlap, looks at the ends of matches alone.

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

PIECE: Final = 32
"""The length of the pieces of longer strings, in characters."""

_PIECE_BYTES: Final = 4 * PIECE
_LONGEST_BYTES: Final = 4 * LONGEST
_WINDOW_BYTES: Final = 1 << 18
"""How much is searched at once: a match takes some 150 bytes to report, and all may match."""
_GROWTH: Final = 2

Span: TypeAlias = tuple[int, int]


class _Automaton(NamedTuple):
    strings: tuple[bytes, ...]
    search: "BytesAhoCorasick"
    overlapping: bool


class Substrings:
    """A growing set of strings to search for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._whole = _Family(overlapping=False)
        self._pieces = _Family(overlapping=True)

    def add(self, string: str) -> None:
        """Search for `string` from now on: new to the set, at most `LONGEST` characters long."""
        assert 0 < len(string) <= LONGEST
        with self._lock:
            self._whole.new.append(_bytes(string))

    def add_piece(self, piece: str) -> None:
        """Search for a piece of a longer string from now on: `PIECE` characters, new to the set."""
        assert len(piece) == PIECE
        with self._lock:
            self._pieces.new.append(_bytes(piece))

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
        stream = _Stream(automata, _bytes(replacement))
        for part in parts:
            for start in range(0, len(part), _WINDOW_BYTES):
                yield stream.feed(_bytes(part[start : start + _WINDOW_BYTES]))
        yield stream.end()

    def _compiled(self, *, into_one: bool = False) -> tuple[_Automaton, ...]:
        """Return the automata, up to date; few where the text is long enough to be worth it."""
        with self._lock:
            whole = self._whole.compiled(into_one)
            return (*whole, *self._pieces.compiled(into_one))


class _Family:
    """The strings that are searched for in one way, in automata of growing size."""

    def __init__(self, *, overlapping: bool) -> None:
        self.new: list[bytes] = []
        self._automata: list[_Automaton] = []  # large ones first
        self._overlapping = overlapping

    def compiled(self, into_one: bool) -> list[_Automaton]:
        """Return the automata with what is new; as one where that is asked for."""
        strings, self.new = self.new, []
        automata = self._automata
        while automata and (
            (into_one and (strings or len(automata) > 1))
            or len(automata[-1].strings) <= _GROWTH * len(strings)
        ):
            strings += automata.pop().strings
        if strings:
            automata.append(_automaton(tuple(strings), self._overlapping))
        return list(automata)


class _Stream:
    """One search through a long text that comes in parts."""

    def __init__(self, automata: tuple[_Automaton, ...], replacement: bytes) -> None:
        self._automata = automata
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
        matches = [match for each in self._automata for match in _matches(each, raw)]
        spans = _joined([each for each in matches if each[0] < limit])
        end = max(limit, spans[-1][1]) if spans else limit
        masked = _replaced(raw[:end], spans, self._replacement)
        if self._after_match and spans and spans[0][0] == 0:
            masked = masked[len(self._replacement) :]
        self._after_match = spans[-1][1] == end if spans else self._after_match and end == 0
        del self._held[:end]
        return _text(masked)


def _automaton(strings: tuple[bytes, ...], overlapping: bool) -> _Automaton:
    # Loaded by the first search: it takes a millisecond.
    from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

    # The other implementations take ten times the memory, or twice the time, for many strings.
    kind = MatchKind.Standard if overlapping else MatchKind.LeftmostLongest
    search = BytesAhoCorasick(strings, matchkind=kind, implementation=Implementation.ContiguousNFA)
    return _Automaton(strings, search, overlapping)


def _matches(automaton: _Automaton, raw: bytes) -> list[Span]:
    matches = [(start, end) for _, start, end in automaton.search.find_matches_as_indexes(raw)]
    if not automaton.overlapping:
        return matches
    return [(start, _end(automaton, raw, start, end)) for start, end in _joined(matches)]


def _end(automaton: _Automaton, raw: bytes, start: int, end: int) -> int:
    """Return where the pieces end that begin between `start` and `end`, the joined matches."""
    first = max(start, end - _PIECE_BYTES)
    window = raw[first : end + _PIECE_BYTES]
    matches = automaton.search.find_matches_as_indexes(window, overlapping=True)
    ends = (first + last for _, begin, last in matches if first + begin < end)
    return max(ends, default=end)


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
