"""What the pieces of a PCRE2 pattern look like, and what `regex` calls them."""

import re
from typing import Final, NamedTuple


class PatternError(ValueError):
    """A pattern PCRE2 refuses, or one that cannot run here. `position`: 0-based, in characters."""

    def __init__(self, message: str, pattern: str, position: int) -> None:
        where = f" at position {position}"
        if "\n" in pattern:
            line = pattern.count("\n", 0, position) + 1
            where += f" (line {line}, column {position - pattern.rfind(chr(10), 0, position)})"
        super().__init__(message + where)
        self.position = position


class Translation(NamedTuple):
    """A pattern for `regex`: `flags` are the letters it still needs, of i, m and s.

    `marks`: (offset in `pattern`, offset in the source) of each step, in order.
    """

    pattern: str
    flags: str
    marks: tuple[tuple[int, int], ...] = ()

    def source_position(self, position: int) -> int:
        """Return where in the source the given offset of `pattern` came from."""
        made, read = 0, 0
        for mark in self.marks:
            if mark[0] > position:
                return read
            made, read = mark
        return read if self.marks and position > made else read + position - made


PLAIN: Final = re.compile(r"[^\\\[\](){}|^$.*+?\s\u0085\u200e\u200f\u2028\u2029#]+")
QUANTIFIER: Final = re.compile(
    r"([*+?])|\{[ \t]*+(?:([0-9]++)[ \t]*+(?:(,)[ \t]*+([0-9]*+))?+|,[ \t]*+([0-9]++))[ \t]*+\}"
)
_NAME: Final = r"[^\W\d]\w*+"
_NUMBER_OR_NAME: Final = rf"[+-]?[0-9]++|{_NAME}"
OPTIONS: Final = re.compile(r"\(\?(\^?)([A-Za-z]*+)(-?)([A-Za-z]*+)([:)])")
GROUP_NAME: Final = re.compile(rf"\(\?(?:P?<({_NAME})>|'({_NAME})')")
CALL: Final = re.compile(rf"\(\?(?:(R|[+-]?[0-9]++)|(?:&|P>)({_NAME}))\)")
NAMED_REFERENCE: Final = re.compile(rf"\(\?P=({_NAME})\)")
CONDITION: Final = re.compile(rf"\(\?\((?:<({_NAME})>|'({_NAME})'|({_NUMBER_OR_NAME}))\)")
LOOKAROUND_CONDITION: Final = re.compile(r"\(\?(?=\(\?(?:[=!]|<[=!]))")
UNSUPPORTED_CONDITION: Final = re.compile(r"R[0-9]*$|VERSION$")
VERB: Final = re.compile(r"\(\*([A-Za-z0-9_]*+)(:?)")
POSIX: Final = re.compile(r"\[([:.=])((?:(?!\1\]|\[\1)[^\]\\])*+)\1\]")
PROPERTY: Final = re.compile(
    r"[CLMNPSZ]|\{\s*+\^?\s*+([A-Za-z0-9_&. -]++(?:[:=][A-Za-z0-9_&. -]++)?+)\}"
)
NAME_REFERENCE: Final = re.compile(rf"k(?:\{{[ \t]*+({_NAME})[ \t]*+\}}|<({_NAME})>|'({_NAME})')")
ANY_REFERENCE: Final = re.compile(
    rf"g(?:\{{[ \t]*+({_NUMBER_OR_NAME})[ \t]*+\}}|([+-]?[0-9]++)"
    rf"|<({_NUMBER_OR_NAME})>|'({_NUMBER_OR_NAME})')"
)
CODE: Final = re.compile(
    r"(?:x\{[ \t]*+|N\{U\+)([0-9A-Fa-f]++)[ \t]*+\}|x(?!\{)([0-9A-Fa-f]{0,2})"
    r"|o\{[ \t]*+([0-7]++)[ \t]*+\}|([0-7]{1,3})"
)
DIGITS: Final = re.compile(r"[0-9]++")

SPACE: Final = " \t\n\v\f\r\x85\u200e\u200f\u2028\u2029"
CONTROLS: Final = {"a": "\a", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HORIZONTAL: Final = r"\t \xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_VERTICAL: Final = r"\n-\r\x85\u2028\u2029"

MEMBERS: Final = {
    **{letter: "\\" + letter for letter in "dDwWsS"},
    "h": _HORIZONTAL,
    "v": _VERTICAL,
    "H": r"\x00-\x08\n-\x1f!-\x9f\xa1-\u167f\u1681-\u180d\u180f-\u1fff\u200b-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff",
    "V": r"\x00-\t\x0e-\x84\x86-\u2027\u202a-\U0010ffff",
}
"""What an escaped letter stands for inside a class."""

ITEMS: Final = {
    **{letter: "\\" + letter for letter in "dDwWsSRX"},
    "h": f"[{_HORIZONTAL}]",
    "H": f"[^{_HORIZONTAL}]",
    "v": f"[{_VERTICAL}]",
    "V": f"[^{_VERTICAL}]",
    "N": r"[^\n]",
}
"""What an escaped letter stands for outside, where a quantifier may follow it."""

# `\z` came late to `regex`; its `\Z` is PCRE's `\z` in every release.
ASSERTIONS: Final = {
    **{letter: "\\" + letter for letter in "bBAGK"},
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
}
LINE_START: Final = r"^(?!(?<=\n)\Z)"
"""PCRE's `^` with the m flag: not after a newline that ends the text."""

POSIX_NAMES: Final = frozenset(
    ["alpha", "lower", "upper", "alnum", "ascii", "blank", "cntrl", "digit", "graph", "print",
     "punct", "space", "word", "xdigit"]
)  # fmt: skip
PUNCTUATION: Final = r"\p{P}$+<=>\^`|\~"
X_PROPERTIES: Final = {"XAN": r"\p{L}\p{N}", "XWD": r"\p{L}\p{N}_", "XSP": r"\s", "XPS": r"\s"}
WORD_EDGES: Final = {"[[:<:]]": r"\b(?=\w)", "[[:>:]]": r"\b(?<=\w)"}

LOOKAROUNDS: Final = {
    "pla": "(?=", "positive_lookahead": "(?=", "nla": "(?!", "negative_lookahead": "(?!",
    "plb": "(?<=", "positive_lookbehind": "(?<=", "nlb": "(?<!", "negative_lookbehind": "(?<!",
    "atomic": "(?>",
}  # fmt: skip
VERBS: Final = {"F": "(?!)", "FAIL": "(?!)", "PRUNE": "(*PRUNE)", "SKIP": "(*SKIP)"}
START_VERBS: Final = frozenset(
    ("UTF", "UTF8", "UCP", "LF", "BSR_UNICODE", "NO_JIT", "NO_START_OPT", "NO_AUTO_POSSESS")
)
LARGEST_NUMBER: Final = 65535
"""Of a group, and of repeats."""
LONGEST_NAME: Final = 128
