"""The pass over a pattern that may need rewriting; `pcre.translate` decides which do."""

import re
from typing import NoReturn

from kosmo_circleci.lua import pcre_syntax as syntax
from kosmo_circleci.lua.pcre_class import literal, read_character, read_class, read_property
from kosmo_circleci.lua.pcre_syntax import PatternError, Translation


class Frame:
    """An open parenthesis, or the whole pattern. `look`: it is in a lookaround."""

    __slots__ = ("base", "branches", "closing", "condition", "flags", "highest", "look", "start")

    def __init__(self, flags: frozenset[str], closing: str, look: bool) -> None:
        self.base = self.flags = flags
        self.closing = closing
        self.look = look
        self.condition = False
        self.branches: int | None = None
        """How many more `|` may come, where that is limited."""
        self.start: int | None = None
        """The number of groups before a branch reset, which each of its branches starts from."""
        self.highest = 0


class Translator:
    """One pass over one pattern; `run` may be called once."""

    def __init__(self, text: str, flags: str) -> None:
        self._text = text
        self._flags = "".join(letter for letter in flags if letter != "x")
        self._at = 0
        self._out: list[str] = []
        self._length = 0
        self._marks: list[tuple[int, int]] = []
        self._frames = [Frame(frozenset(flags), "", False)]
        self._groups = self._highest = 0
        self._names: dict[str, int] = {}
        self._named_groups: set[int] = set()
        self._references: list[tuple[int | str, int]] = []
        self._repeatable = False

    def run(self) -> Translation:
        """Return the whole pattern. Raises `PatternError`."""
        self._start_verbs()
        while self._at < len(self._text):
            self._marks.append((self._length, self._at))
            self._step()
        if len(self._frames) > 1:
            self._fail("missing )", len(self._text))
        self._end_options()
        self._marks.append((self._length, len(self._text)))
        highest = max(self._highest, self._groups)
        for group, position in self._references:
            if not (group in self._names if isinstance(group, str) else group <= highest):
                self._fail(f"the pattern has no group '{group}'", position)
        return Translation("".join(self._out), self._flags, tuple(self._marks))

    def _step(self) -> None:
        text, at = self._text, self._at
        if "x" in self._frames[-1].flags and self._skip_space():
            return
        if plain := syntax.PLAIN.match(text, at):
            self._item(plain[0], plain.end())
        elif quantifier := syntax.QUANTIFIER.match(text, at):
            self._quantifier(quantifier)
        elif text[at] == "\\":
            self._escape()
        elif text[at] == "(":
            self._parenthesis()
        elif text[at] == ")":
            self._close()
        elif text[at] == "|":
            self._branch()
        else:
            self._character()

    def _character(self) -> None:
        text, at = self._text, self._at
        if edge := syntax.WORD_EDGES.get(text[at : at + 7]):
            self._item(edge, at + 7, repeatable=False)
        elif text[at] == "[":
            self._item(*read_class(text, at))
        elif text[at] == "^" and "m" in self._frames[-1].flags:
            self._item(syntax.LINE_START, at + 1, repeatable=False)
        elif text[at] in "^$":
            self._item(text[at], at + 1, repeatable=False)
        else:
            self._item("." if text[at] == "." else literal(text[at]), at + 1)

    def _fail(self, message: str, position: int | None = None) -> NoReturn:
        raise PatternError(message, self._text, self._at if position is None else position)

    def _emit(self, piece: str) -> None:
        self._out.append(piece)
        self._length += len(piece)

    def _item(self, piece: str, end: int, repeatable: bool = True) -> None:
        self._emit(piece)
        self._at = end
        self._repeatable = repeatable

    def _skip_space(self) -> bool:
        text, at = self._text, self._at
        if text[at] == "#":
            end = text.find("\n", at)
            self._at = len(text) if end < 0 else end + 1
        elif text[at] in syntax.SPACE:
            self._at += 1
        return self._at != at

    def _quantifier(self, match: re.Match[str]) -> None:
        sign, least, comma, most, upper = match.groups()
        if not self._repeatable:
            self._fail("nothing to repeat")
        if sign is None:
            low, high = self._number(least or "0"), self._number(upper or most or least or "0")
            endless = comma and not most
            if low > high and not endless:
                self._fail("min repeat greater than max repeat")
            sign = f"{{{low}{'' if least and not comma else ',' if endless else f',{high}'}}}"
        self._at = match.end()
        suffix = self._text[self._at : self._at + 1]
        if suffix and suffix in "?+":
            self._at += 1
        else:
            suffix = self._distant_plus() if "x" in self._frames[-1].flags else ""
        self._emit(sign + suffix)
        self._repeatable = False

    def _distant_plus(self) -> str:
        # With the x flag space may stand before the plus of a possessive quantifier.
        while self._at < len(self._text) and self._skip_space():
            pass
        if not self._text.startswith("+", self._at):
            return ""
        self._at += 1
        return "+"

    def _number(self, digits: str) -> int:
        significant = digits.lstrip("0") or "0"
        if len(significant) > 5 or int(significant) > syntax.LARGEST_NUMBER:
            self._fail(f"a number too big: it may be {syntax.LARGEST_NUMBER} at most")
        return int(significant)

    # Groups

    def _start_verbs(self) -> None:
        while (verb := syntax.VERB.match(self._text, self._at)) and verb[1] in syntax.START_VERBS:
            if not self._text.startswith(")", verb.end()):
                break
            self._at = verb.end() + 1

    def _parenthesis(self) -> None:
        text, at = self._text, self._at
        if text.startswith("(*", at):
            self._verb()
        elif not text.startswith("(?", at):
            self._groups += 1
            self._open("(", at + 1)
        elif text.startswith("(?#", at):
            end = text.find(")", at)
            if end < 0:
                self._fail("missing ) after a comment", len(text))
            self._at = end + 1
        elif text.startswith(("(?<=", "(?<!"), at):
            self._open(text[at : at + 4], at + 4, look=True)
        elif text.startswith(("(?=", "(?!"), at):
            self._open(text[at : at + 3], at + 3, look=True)
        elif text.startswith(("(?:", "(?>"), at):
            self._open(text[at : at + 3], at + 3)
        elif text.startswith("(?|", at):
            # The extra group keeps flags that are set inside from leaking out.
            self._open("(?:(?|", at + 3, closing="))").start = self._groups
        elif text.startswith("(?(", at):
            self._conditional()
        else:
            self._named_or_called()

    def _named_or_called(self) -> None:
        text, at = self._text, self._at
        if match := syntax.GROUP_NAME.match(text, at):
            self._named(match[1] or match[2], match.end())
        elif match := syntax.CALL.match(text, at):
            self._call(match[1] or match[2], match.end())
        elif match := syntax.NAMED_REFERENCE.match(text, at):
            self._reference(match[1], match.end())
        elif match := syntax.OPTIONS.match(text, at):
            self._options(match)
        elif text.startswith(("(?<", "(?P<", "(?'"), at):
            self._fail("bad group name: letters, digits and _, then its closing mark", at + 2)
        else:
            self._fail(f"'{text[at : at + 3]}' opens no kind of group that is supported")

    def _open(self, piece: str, end: int, closing: str = ")", look: bool = False) -> Frame:
        parent = self._frames[-1]
        frame = Frame(parent.flags, closing, look or parent.look)
        self._frames.append(frame)
        self._item(piece, end, repeatable=False)
        return frame

    def _named(self, name: str, end: int) -> None:
        if len(name) > syntax.LONGEST_NAME:
            self._fail(f"a group name may be {syntax.LONGEST_NAME} characters long at most")
        self._groups += 1
        number = self._names.get(name)
        if number not in (None, self._groups):
            self._fail(f"two groups have the name '{name}'")
        if number is None:
            if self._groups in self._named_groups:
                self._fail(f"group {self._groups} has two names; the second is '{name}'")
            self._names[name] = self._groups
            self._named_groups.add(self._groups)
        # Only the first branch names the group: `regex` does not count a name's second group.
        self._open(f"(?P<{name}>" if number is None else "(", end)

    def _close(self) -> None:
        if len(self._frames) == 1:
            self._fail("unmatched )")
        self._end_options()
        frame = self._frames.pop()
        self._groups = max(self._groups, frame.highest)
        self._item(frame.closing, self._at + 1, repeatable=not frame.condition)

    def _branch(self) -> None:
        frame = self._frames[-1]
        if frame.branches is not None:
            frame.branches -= 1
            if frame.branches < 0:
                self._fail("too many branches after a condition")
        if frame.start is not None:
            frame.highest = max(frame.highest, self._groups)
            self._highest = max(self._highest, self._groups)
            self._groups = frame.start
        self._end_options()
        self._item("|", self._at + 1, repeatable=False)
        self._begin_options()

    def _conditional(self) -> None:
        text, at = self._text, self._at
        if match := syntax.LOOKAROUND_CONDITION.match(text, at):
            self._open("(?", match.end()).branches = 1
            self._parenthesis()
            self._frames[-1].condition = True
            return
        match = syntax.CONDITION.match(text, at)
        if match is None or syntax.UNSUPPORTED_CONDITION.match(match[3] or ""):
            self._fail("unsupported condition: a group, DEFINE or a lookaround can be one", at + 2)
        if match[3] == "DEFINE":
            self._open("(?(DEFINE)", match.end()).branches = 0
            return
        group = self._resolve(match[1] or match[2] or match[3])
        self._open(f"(?({group})", match.end()).branches = 1

    def _verb(self) -> None:
        text, at = self._text, self._at
        match = syntax.VERB.match(text, at)
        assert match is not None
        name, colon = match[1], match[2]
        if not name and not colon:
            self._groups += 1
            self._open("(", at + 1)
        elif colon and name in syntax.LOOKAROUNDS:
            piece = syntax.LOOKAROUNDS[name]
            self._open(piece, match.end(), look=piece != "(?>")
        elif name in syntax.VERBS and text.startswith(")", match.end()):
            self._item(syntax.VERBS[name], match.end() + 1, repeatable=False)
        else:
            self._fail(f"the verb (*{name or ':'}) is not supported here")

    # Options

    def _options(self, match: re.Match[str]) -> None:
        reset, on, hyphen, off, end = match.groups()
        unknown = [letter for letter in on + off if letter not in "imsx"]
        if unknown or "xx" in f"{on} {off}" or (reset and hyphen):
            option = unknown[0] if unknown else match[0][2:-1]
            self._fail(f"unknown option '{option}'; the options are i, m, s and x", self._at + 2)
        old = self._frames[-1].flags
        flags = (frozenset(on) if reset else old | frozenset(on)) - frozenset(off)
        if end == ":":
            frame = self._open(_options_piece(old, flags), match.end())
            frame.base = frame.flags = flags
            return
        self._end_options()
        self._frames[-1].flags = flags
        self._begin_options()
        self._at = match.end()
        self._repeatable = False

    def _begin_options(self) -> None:
        frame = self._frames[-1]
        if frame.flags - {"x"} != frame.base - {"x"}:
            self._emit(_options_piece(frame.base, frame.flags))

    def _end_options(self) -> None:
        frame = self._frames[-1]
        if frame.flags - {"x"} != frame.base - {"x"}:
            self._emit(")")

    # References

    def _resolve(self, group: str) -> int | str:
        """Return the name, or the number counted from the first group."""
        resolved: int | str = group
        if group[0] in "+-0123456789":
            resolved = self._number(group.lstrip("+-"))
            if resolved == 0:
                self._fail(f"the pattern has no group '{group}'")
            if group[0] == "+":
                resolved += self._groups
            elif group[0] == "-":
                resolved = self._groups - resolved + 1
            if resolved < 1:
                self._fail(f"the pattern has no group '{group}'")
        self._references.append((resolved, self._at))
        return resolved

    def _reference(self, group: str, end: int) -> None:
        self._item(f"(?P={self._resolve(group)})", end)

    def _call(self, group: str, end: int) -> None:
        if group == "R" or not group.strip("0"):
            self._item("(?R)", end)
            return
        resolved = self._resolve(group)
        self._item(f"(?{'&' if isinstance(resolved, str) else ''}{resolved})", end)

    # Escapes

    def _escape(self) -> None:
        text, at = self._text, self._at
        letter = text[at + 1 : at + 2]
        if letter == "Q":
            self._quoted()
        elif letter == "E":
            self._at += 2
        elif letter in syntax.ASSERTIONS:
            if letter == "K" and self._frames[-1].look:
                self._fail("\\K is not allowed in a lookaround")
            self._item(syntax.ASSERTIONS[letter], at + 2, repeatable=False)
        elif letter in syntax.ITEMS and not self._is_named_character():
            self._item(syntax.ITEMS[letter], at + 2)
        elif letter and letter in "pP":
            self._item(*read_property(text, at))
        elif not self._escaped_reference(letter):
            character, end = read_character(text, at)
            self._item(literal(character), end)

    def _escaped_reference(self, letter: str) -> bool:
        text, at = self._text, self._at
        if letter == "g" and (match := syntax.ANY_REFERENCE.match(text, at + 1)):
            if called := match[3] or match[4]:
                self._call(called, match.end())
            else:
                self._reference(match[1] or match[2], match.end())
        elif letter == "k" and (match := syntax.NAME_REFERENCE.match(text, at + 1)):
            self._reference(match[1] or match[2] or match[3], match.end())
        elif letter and letter in "123456789" and (digits := self._reference_digits()):
            self._reference(digits, at + 1 + len(digits))
        else:
            return False
        return True

    def _is_named_character(self) -> bool:
        braced = self._text.startswith("N{", self._at + 1)
        return braced and not syntax.QUANTIFIER.match(self._text, self._at + 2)

    def _reference_digits(self) -> str:
        """Return the number of the group that is meant, "" where the digits are octal."""
        match = syntax.DIGITS.match(self._text, self._at + 1)
        digits = match[0] if match else ""
        if len(digits) == 1 or digits[0] in "89":
            return digits
        return digits if len(digits) <= 5 and int(digits) <= self._groups else ""

    def _quoted(self) -> None:
        start = self._at + 2
        end = self._text.find("\\E", start)
        end = len(self._text) if end < 0 else end
        for at in range(start, end):
            self._marks.append((self._length, at))
            self._emit(literal(self._text[at]))
        self._repeatable = self._repeatable or end > start
        self._at = min(end + 2, len(self._text))


def _options_piece(old: frozenset[str], new: frozenset[str]) -> str:
    on = "".join(sorted(new - old - {"x"}))
    off = "".join(sorted(old - new - {"x"}))
    return f"(?{on}{'-' * bool(off)}{off}:"
