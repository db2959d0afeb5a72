"""Numbers and strings as Lua reads them (reference manual 5.4, section 3.1)."""

import re
from typing import Final

from kosmo_circleci.check.tree import Fault

_ESCAPE: Final = re.compile(
    rb"\\(?:([abfnrtv\\\"'])|(\r\n|\n\r|\n|\r)|x([0-9a-fA-F]{2})|(\d{1,3})|u\{([0-9a-fA-F]+)\}|z\s*)"
)
_SIMPLE: Final = {
    **{letter: ord(code) for letter, code in zip(b"abfnrtv", "\a\b\f\n\r\t\v", strict=True)},
    **{char: char for char in b"\\\"'"},
}
_DECIMAL: Final = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?")
_HEXADECIMAL: Final = re.compile(
    r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?"
)
_LARGEST_CODE_POINT: Final = 0x7FFFFFFF


def number(text: str, start: int) -> int | float:
    """Return the value of a numeral; raises `Fault` for a malformed one.

    A decimal integer past 64 bits is a float, a hexadecimal one wraps around.
    """
    if _HEXADECIMAL.fullmatch(text):
        if not set(text) & set(".pP"):
            return (int(text, 16) + 2**63) % 2**64 - 2**63
        return _hexadecimal_float(text)
    if not _DECIMAL.fullmatch(text):
        raise Fault(start, f"malformed number '{text}'")
    if text.isdigit():
        integer = int(text) if len(text) < 20 else 2**63
        return integer if integer < 2**63 else float(text)
    return float(text)


def _hexadecimal_float(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return float("inf")


def string(raw: bytes, start: int) -> str:
    """Return the value of a string token, quotes included.

    Bytes that are not UTF-8 are kept as surrogates. Raises `Fault` for an escape that Lua does not
    know and for a line that ends inside quotes.
    """
    if raw[:1] == b"[":
        return _long(raw).decode("utf-8", "surrogateescape")
    content = raw[1:-1]
    if b"\\" not in content and b"\n" not in content and b"\r" not in content:
        return content.decode("utf-8", "surrogateescape")
    out, position = bytearray(), 0
    while position < len(content):
        byte = content[position]
        if byte in b"\r\n":
            raise Fault(start, "this string has no end on its line")
        if byte != 0x5C:
            out.append(byte)
            position += 1
            continue
        match = _ESCAPE.match(content, position)
        code = None if match is None else _escaped(match)
        if match is None or code is None:
            at = start + 1 + position
            raise Fault(at, f"invalid escape sequence '{_shown(content[position:])}'")
        out += code
        position = match.end()
    return out.decode("utf-8", "surrogateescape")


def _escaped(match: re.Match[bytes]) -> bytes | None:
    simple, line_break, hexadecimal, decimal, code_point = match.groups()
    if simple:
        return bytes([_SIMPLE[simple[0]]])
    if line_break:
        return b"\n"
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if decimal:
        return bytes([int(decimal)]) if int(decimal) < 256 else None
    if code_point:
        code = int(code_point, 16)
        return _utf8(code) if code <= _LARGEST_CODE_POINT else None
    return b""


def _utf8(code: int) -> bytes:
    """Return a code point in UTF-8; past Unicode, any bytes that are not (Lua goes up to 2^31)."""
    try:
        return chr(code).encode("utf-8", "surrogatepass")
    except (ValueError, OverflowError):
        return b"\xff"


def _long(raw: bytes) -> bytes:
    bracket = raw.index(b"[", 1) + 1
    content = raw[bracket : len(raw) - bracket].replace(b"\r\n", b"\n").replace(b"\n\r", b"\n")
    content = content.replace(b"\r", b"\n")
    return content.removeprefix(b"\n")


def _shown(rest: bytes) -> str:
    return rest[:2].decode("ascii", "replace")
