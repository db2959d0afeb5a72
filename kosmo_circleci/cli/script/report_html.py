"""Text as HTML for the report: escaped, bounded, and broken where a reader expects it."""

import re
from html import escape
from typing import Final

MAX_TEXT: Final = 512 * 1024
"""How many characters of one text the page shows."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK: Final = re.compile(r"([_./:,-]+)(?=[^_./:,-])")


def escaped(text: str) -> str:
    """Return text for HTML: escaped, with the characters HTML forbids made visible."""
    return escape(_FORBIDDEN.sub(_visible, text.replace("\r\n", "\n")))


def breakable(text: str) -> str:
    """Return a name or a path for HTML; a narrow column may break it behind its punctuation."""
    return _BREAK.sub(r"\1<wbr>", escaped(text))


def block(text: str, if_empty: str) -> str:
    """Return text that keeps its lines; `if_empty` is the sentence in place of nothing."""
    if not text:
        return empty(if_empty)
    return f"<pre>{escaped(cut(text))}</pre>"


def empty(sentence: str) -> str:
    """Return a sentence that says what there is not."""
    return f'<p class="empty">{escape(sentence)}</p>'


def cut(text: str) -> str:
    """Return at most `MAX_TEXT` characters, and how many were left out."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT:,} further characters are not shown."


def duration(milliseconds: float) -> str:
    """Return a duration as people read it: `3.2 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if milliseconds < 10:
        return f"{milliseconds:.2g} ms"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def count(number: int, noun: str) -> str:
    """Return `1 call`, `2 calls`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _visible(match: re.Match[str]) -> str:
    char = match[0]
    return chr(0x2400 + ord(char)) if char < " " else "\ufffd"
