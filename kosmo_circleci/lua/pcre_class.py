"""Characters, properties and bracketed classes of a PCRE2 pattern, as `regex` writes them.

Each function reads at an offset of the pattern and returns what it made and where it stopped; each
raises `PatternError`.
"""

import re
from collections.abc import Iterator

from kosmo_circleci.lua import pcre_syntax as syntax
from kosmo_circleci.lua.pcre_syntax import PatternError


def literal(character: str) -> str:
    """Return the pattern of a character, inside a class and outside."""
    if character.isascii() and not character.isalnum() and character != "_":
        return "\\" + character
    return character


def read_character(text: str, at: int) -> tuple[str, int]:
    """Return the character that the escape at `at` stands for."""
    letter = text[at + 1 : at + 2]
    if not letter:
        raise PatternError("\\ at the end of the pattern", text, at)
    if letter in syntax.CONTROLS:
        return syntax.CONTROLS[letter], at + 2
    if match := syntax.CODE.match(text, at + 1):
        return _numbered(text, at, match), match.end()
    if letter == "c":
        control = text[at + 2 : at + 3]
        if not (control and control.isascii() and control.isprintable()):
            raise PatternError("\\c must be followed by a printable ASCII character", text, at)
        return chr(ord(control.upper()) ^ 0x40), at + 3
    if letter.isascii() and letter.isalnum():
        hint = "; write \\x{…}" if letter in "uUN" else ""
        raise PatternError(f"bad escape \\{letter}{hint}", text, at)
    return letter, at + 2


def _numbered(text: str, at: int, match: re.Match[str]) -> str:
    octal = match[3] or match[4]
    digits = (octal or match[1] or match[2] or "0").lstrip("0") or "0"
    code = int(digits, 8 if octal else 16) if len(digits) < 9 else 0x110000
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise PatternError(f"{text[at : match.end()]} is the number of no character", text, at)
    return chr(code)


def read_property(text: str, at: int, in_class: bool = False) -> tuple[str, int]:
    r"""Return the property at `at`, such as `\p{Lu}`."""
    letter = text[at + 1]
    match = syntax.PROPERTY.match(text, at + 2)
    if match is None:
        raise PatternError(f"bad escape \\{letter}: write \\{letter}{{name}}", text, at)
    if match[1] is None:
        return f"\\{letter}{match[0]}", match.end()
    positive = (letter == "p") != ("^" in match[0])
    members = syntax.X_PROPERTIES.get(re.sub("[ _-]", "", match[1]).upper())
    if members is None:
        return f"\\{'p' if positive else 'P'}{{{match[1].strip()}}}", match.end()
    if members == r"\s":
        return members if positive else r"\S", match.end()
    if not in_class:
        return f"[{'' if positive else '^'}{members}]", match.end()
    if not positive:
        raise PatternError(f"{text[at : match.end()]} is not supported in a class", text, at)
    return members, match.end()


def read_class(text: str, at: int) -> tuple[str, int]:
    """Return the class whose opening bracket is at `at`."""
    if syntax.POSIX.match(text, at):
        raise PatternError(
            "a POSIX class such as [:alpha:] belongs inside a class: [[:alpha:]]", text, at
        )
    negated = text.startswith("^", at + 1)
    members, end = _ranges(text, at + 1 + negated)
    return "[" + "^" * negated + "".join(members) + "]", end


def _ranges(text: str, start: int) -> tuple[list[str], int]:
    """Join `low`, hyphen, `high` to a range; every other hyphen is one of the members."""
    made: list[str] = []
    low: str | None = None
    hyphen = False
    end = start
    for kind, member, end in _members(text, start):
        if kind == "hyphen" and low is not None and not hyphen:
            hyphen = True
            continue
        if kind in ("set", "end"):
            made += [*["\\-"] * hyphen, member]
            low = None
        elif hyphen and low is not None:
            if member < low:
                raise PatternError("range out of order in a class", text, end - 1)
            made[-1] += "-" + literal(member)
            low = None
        else:
            made.append(literal(member))
            low = member
        hyphen = False
    return made, end


def _members(text: str, start: int) -> Iterator[tuple[str, str, int]]:
    """Yield ("character" | "hyphen" | "set" | "end", text, offset after it)."""
    at = start
    first = True
    while at < len(text):
        if text.startswith("\\E", at):
            at += 2
        elif text.startswith("\\Q", at):
            end = text.find("\\E", at + 2)
            quoted = text[at + 2 : len(text) if end < 0 else end]
            at += 2
            for character in quoted:
                at += 1
                first = False
                yield "character", character, at
        elif text[at] == "]" and not first:
            yield "end", "", at + 1
            return
        else:
            first = False
            kind, member, at = _member(text, at)
            yield kind, member, at
    raise PatternError("missing ] of a class", text, start - 1)


def _member(text: str, at: int) -> tuple[str, str, int]:
    letter = text[at + 1 : at + 2]
    if match := syntax.POSIX.match(text, at):
        return "set", _posix(text, match), match.end()
    if text[at] != "\\":
        return ("hyphen" if text[at] == "-" else "character"), text[at], at + 1
    if letter and letter in "pP":
        return "set", *read_property(text, at, in_class=True)
    if letter in syntax.MEMBERS:
        return "set", syntax.MEMBERS[letter], at + 2
    if letter and letter in "b89":
        return "character", "\b" if letter == "b" else letter, at + 2
    return "character", *read_character(text, at)


def _posix(text: str, match: re.Match[str]) -> str:
    negated, name = match[2].startswith("^"), match[2].removeprefix("^")
    if match[1] != ":" or name not in syntax.POSIX_NAMES:
        raise PatternError(f"unknown POSIX class {match[0]}", text, match.start())
    if name != "punct":
        return match[0]
    if negated:
        message = "[:^punct:] is not supported; write [^[:punct:]]"
        raise PatternError(message, text, match.start())
    return syntax.PUNCTUATION
