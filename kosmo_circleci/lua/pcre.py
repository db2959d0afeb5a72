r"""A PCRE pattern -> the same pattern as PyPI's `regex` writes it. Pure; imports `re` alone.

Most patterns mean the same in both and pass unread. What `regex` spells otherwise is rewritten,
what it reads as something else is made to mean what PCRE means, and what is left over is refused
by its compiler. Source of the rules: pcre2pattern and pcre2syntax of PCRE2.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

_SUSPECT: Final = re.compile(r"\\[QExoeNHhvVZkgmML]|\(\?'|\{(?!\d+(?:,\d*)?\}|,\d+\})")
"""What may mean something else to `regex`; where nothing of it stands, all is well."""

_TOKEN: Final = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    | (?P<lone>\\E)
    | \\x\{\s*(?P<hexadecimal>[0-9A-Fa-f]+)\s*\}
    | \\o\{\s*(?P<octal>[0-7]+)\s*\}
    | \\k(?:<(?P<k1>\w+)>|\{(?P<k2>\w+)\}|'(?P<k3>\w+)')
    | \\g(?:\{(?P<g1>[+-]?\d+|\w+)\}|(?P<g2>[+-]?\d+))
    | (?P<code>\\[pPN]\{[^}]*\})
    | \\(?P<letter>.)
    | (?P<named>\(\?'(?P<name>\w+)')
    | (?P<comment>\(\?\#[^)]*\))
    | (?P<open>\((?!\?|\*)|\(\?P?<(?![=!]))
    | (?P<quantifier>\{\d+(?:,\d*)?\}|\{,\d+\})
    | (?P<posix>\[[:.=]\w*[:.=]\])
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)

_HORIZONTAL: Final = r"\t \xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_VERTICAL: Final = r"\n\x0b\f\r\x85\u2028\u2029"
_OUTSIDE: Final = {
    "e": r"\x1b",
    "N": r"[^\n]",
    "h": f"[{_HORIZONTAL}]",
    "H": f"[^{_HORIZONTAL}]",
    "v": f"[{_VERTICAL}]",
    "V": f"[^{_VERTICAL}]",
    "Z": r"(?=\n?\Z)",
    "z": r"\Z",
}
_INSIDE: Final = {
    "e": r"\x1b",
    "h": _HORIZONTAL,
    "v": _VERTICAL,
    "b": r"\x08",
}
_REFUSED: Final = frozenset("mMLHVNXRBAGKZz")
"""Letters that mean nothing in PCRE there, or nothing that a class of `regex` can say."""


class PatternError(ValueError):
    """The pattern holds what PCRE does not know, or what cannot be run here."""


def translate(pattern: str, *, extended: bool = False) -> str:
    """Return the pattern for `regex`; `extended` says that the flag x is set.

    Raises `PatternError` with the position, counted from 0.
    """
    if not extended and not _SUSPECT.search(pattern):
        return pattern
    return "".join(_Reading(pattern, extended).pieces())


class _Reading:
    """One pass over a pattern: where it is inside a class, and how many groups it has opened."""

    def __init__(self, pattern: str, extended: bool) -> None:
        self._pattern = pattern
        self._extended = extended
        self._groups = 0
        self._class_at: int | None = None
        self._kinds: dict[str, Callable[[re.Match[str]], str]] = {
            "quoted": lambda found: re.escape(found["quoted"]),
            "lone": lambda found: "",
            "hexadecimal": lambda found: _character(found, found["hexadecimal"], 16),
            "octal": lambda found: _character(found, found["octal"], 8),
            "k1": self._name,
            "k2": self._name,
            "k3": self._name,
            "g1": self._reference,
            "g2": self._reference,
            "letter": self._letter,
            "name": self._open_named,
            "open": self._open,
            "other": self._other,
        }

    def pieces(self) -> Iterator[str]:
        position = 0
        while position < len(self._pattern):
            if self._extended and self._class_at is None and self._pattern[position] == "#":
                end = self._pattern.find("\n", position)
                end = len(self._pattern) if end < 0 else end
                yield self._pattern[position:end]
                position = end
                continue
            found = _TOKEN.match(self._pattern, position)
            assert found is not None  # the last alternative takes any character
            yield self._piece(found)
            position = found.end()

    def _piece(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or "other"
        kind = "name" if kind == "named" else kind
        if self._class_at is not None and kind in ("name", "open", "comment", "quantifier"):
            return found.group()
        return self._kinds.get(kind, re.Match.group)(found)

    def _name(self, found: re.Match[str]) -> str:
        self._refuse_in_class(found)
        return f"(?P={found['k1'] or found['k2'] or found['k3']})"

    def _reference(self, found: re.Match[str]) -> str:
        self._refuse_in_class(found)
        asked = found["g1"] or found["g2"]
        if not asked.lstrip("+-").isdigit():
            return f"(?P={asked})"
        number = int(asked)
        if asked[0] == "-":
            number += self._groups + 1
        elif asked[0] == "+":
            number += self._groups
        if number < 1:
            raise PatternError(f"there is no group {asked} at position {found.start()}")
        return f"(?:\\{number})"

    def _letter(self, found: re.Match[str]) -> str:
        letter = found["letter"]
        inside = self._class_at is not None
        known = _INSIDE if inside else _OUTSIDE
        if letter in known:
            return known[letter]
        if letter in (_REFUSED if inside else "mML"):
            where = " in a class" if inside and letter not in "mML" else ""
            raise PatternError(f"bad escape \\{letter}{where} at position {found.start()}")
        return found.group()

    def _open_named(self, found: re.Match[str]) -> str:
        self._groups += 1
        return f"(?P<{found['name']}>"

    def _open(self, found: re.Match[str]) -> str:
        self._groups += 1
        return found.group()

    def _other(self, found: re.Match[str]) -> str:
        character = found.group()
        if self._class_at is None:
            if character == "[":
                self._class_at = found.end() + (self._pattern[found.end() :][:1] == "^")
            # `regex` reads {e<=1} as leave for errors; PCRE, as it does any other brace, as text.
            return "\\{" if character == "{" else character
        if character == "]" and found.start() > self._class_at:
            self._class_at = None
        return "\\[" if character == "[" else character

    def _refuse_in_class(self, found: re.Match[str]) -> None:
        if self._class_at is not None:
            raise PatternError(f"a reference in a class at position {found.start()}")


def _character(found: re.Match[str], digits: str, base: int) -> str:
    code = int(digits, base)
    if code > 0x10FFFF:
        raise PatternError(f"no character {found.group()} at position {found.start()}")
    return re.escape(chr(code))
