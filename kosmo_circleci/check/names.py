"""What a script finds in the sandbox: Lua's own names, and the helpers of `helpers.lua`."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

HELPERS: Final = Path(__file__).with_name("helpers.lua")

STANDARD: Final = """
assert(value, ...) collectgarbage(option?): number error(message?, level?) getmetatable(value)
ipairs(list) load(chunk, name?, mode?, env?) next(table, key?) pairs(table) pcall(fn, ...)
print(...) rawequal(a, b): boolean rawget(table, key) rawlen(value): number
rawset(table, key, value) select(n, ...) setmetatable(table, metatable) tonumber(value, base?)
tostring(value): string type(value): string xpcall(fn, handler, ...)
coroutine.close(thread) coroutine.create(fn) coroutine.isyieldable(thread?): boolean
coroutine.resume(thread, ...) coroutine.running() coroutine.status(thread): string
coroutine.wrap(fn) coroutine.yield(...)
math.abs(x): number math.acos(x): number math.asin(x): number math.atan(y, x?): number
math.ceil(x): number math.cos(x): number math.deg(x): number math.exp(x): number
math.floor(x): number math.fmod(x, y): number math.log(x, base?): number math.max(x, ...): number
math.min(x, ...): number math.modf(x) math.rad(x): number math.random(m?, n?): number
math.randomseed(x?, y?) math.sin(x): number math.sqrt(x): number math.tan(x): number
math.tointeger(x) math.type(x) math.ult(m, n): boolean
string.byte(s, i?, j?) string.char(...): string string.find(s, pattern, init?, plain?)
string.format(format, ...): string string.gmatch(s, pattern, init?)
string.gsub(s, pattern, repl, n?) string.len(s): number
string.lower(s): string string.match(s, pattern, init?)
string.pack(format, ...): string string.packsize(format): number string.rep(s, n, sep?): string
string.reverse(s): string string.sub(s, i, j?): string string.unpack(format, s, pos?)
string.upper(s): string
table.concat(list, sep?, i?, j?): string table.insert(list, pos, value?)
table.move(a1, f, e, t, a2?) table.pack(...) table.remove(list, pos?) table.sort(list, comp?)
table.unpack(list, i?, j?)
utf8.char(...): string utf8.codepoint(s, i?, j?, lax?) utf8.codes(s, lax?) utf8.len(s, i?, j?, lax?)
utf8.offset(s, n, i?)
"""
"""Lua's functions in the sandbox, with what they return where the checker has use for it."""

CONSTANTS: Final = frozenset(
    [
        *("_G", "_VERSION", "app"),
        *("math.huge", "math.maxinteger", "math.mininteger", "math.pi", "utf8.charpattern"),
    ]
)

ABSENT: Final = {
    "io": "the sandbox has no files; with --files there is files.read and its kin",
    "package": "modules come with require alone",
    "dofile": "use require for a module, load for text",
    "loadfile": "use require for a module, load for text",
    "os.getenv": "a run gets its values as args; --arg-env passes one from the environment",
    "os.execute": "the sandbox starts no programs",
    "os.exit": "use exit(code)",
    "os.remove": "the sandbox has no files",
    "os.rename": "the sandbox has no files",
    "os.tmpname": "the sandbox has no files",
    "unpack": "it is table.unpack in Lua 5.4",
    "loadstring": "it is load in Lua 5.4",
    "table.getn": "it is #list in Lua 5.4",
    "math.pow": "it is x ^ y in Lua 5.4",
    "string.gfind": "it is string.gmatch in Lua 5.4",
    "string.dump": "the sandbox loads text only",
}
"""Names that other Luas have: what to write here."""

OLD_GLOBALS: Final = frozenset(
    ["bit", "bit32", "getfenv", "jit", "module", "newproxy", "python", "setfenv"]
)
"""Further globals of other Luas, which careful scripts test for."""

NAMESPACE: Final = "functions"
"""The table of `helpers.lua` whose members `app.integrations.circleci` has."""

_SIGNATURE: Final = re.compile(r"([\w.]+)\(([^)]*)\)(?:: (\w+))?")
_FUNCTION: Final = re.compile(r"function ([\w.]+)\(([^)]*)\) end")
_VARIABLE: Final = re.compile(r"(?:local )?([\w.]+) = ")
_TAG: Final = re.compile(r"---@(\w+) ?(.*)")
_FIELD: Final = re.compile(r"(\w+)(\??) (\S+)")


class HelperParameter(NamedTuple):
    """`type` is the LuaCATS type, "any" where none is written."""

    name: str
    is_optional: bool = False
    type: str = "any"


class Signature(NamedTuple):
    """A function of the sandbox. `returns` are LuaCATS types."""

    name: str
    parameters: tuple[HelperParameter, ...]
    has_varargs: bool = False
    returns: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(not each.is_optional for each in self.parameters)


class Sandbox(NamedTuple):
    """Every name of the sandbox.

    `members` are the names in a table, `constants` the full names of what is not a function,
    `classes` {class: {field: LuaCATS type}}.
    """

    signatures: Mapping[str, Signature]
    constants: frozenset[str]
    members: Mapping[str, frozenset[str]]
    classes: Mapping[str, Mapping[str, str]]

    @property
    def globals(self) -> frozenset[str]:
        """The names without a dot."""
        names = [*self.signatures, *self.constants, *self.members]
        return frozenset(name for name in names if "." not in name) - {NAMESPACE}


@cache
def sandbox() -> Sandbox:
    """Return the names of the sandbox, read once per process."""
    signatures = {each.name: each for each in _standard()}
    constants, classes = set(CONSTANTS), dict[str, dict[str, str]]()
    _read_helpers(HELPERS.read_text("utf-8"), signatures, constants, classes)
    members: dict[str, set[str]] = {}
    for name in [*signatures, *constants]:
        table, dot, member = name.partition(".")
        if dot:
            members.setdefault(table, set()).add(member)
    return Sandbox(
        signatures,
        frozenset(constants - members.keys()),
        {table: frozenset(names) for table, names in members.items()},
        classes,
    )


def _standard() -> list[Signature]:
    return [
        Signature(
            match[1],
            tuple(
                HelperParameter(word.rstrip("?"), word.endswith("?"))
                for word in _words(match[2])
                if word != "..."
            ),
            "..." in match[2],
            (match[3],) if match[3] else (),
        )
        for match in _SIGNATURE.finditer(STANDARD)
    ]


def _read_helpers(
    text: str,
    signatures: dict[str, Signature],
    constants: set[str],
    classes: dict[str, dict[str, str]],
) -> None:
    types: dict[str, HelperParameter] = {}
    returns: list[str] = []
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if tag := _TAG.match(line):
            _read_tag(tag[1], tag[2], types, returns)
            if tag[1] == "class":
                fields = classes.setdefault(tag[2].strip(), {})
            elif tag[1] == "field" and (field := _FIELD.match(tag[2])):
                fields[field[1]] = field[3]
        elif function := _FUNCTION.match(line):
            words = _words(function[2])
            signatures[function[1]] = Signature(
                function[1],
                tuple(types.get(word, HelperParameter(word)) for word in words if word != "..."),
                "..." in words,
                tuple(returns),
            )
        elif variable := _VARIABLE.match(line):
            constants.add(variable[1])
        if not line.startswith("---"):
            types, returns = {}, []


def _read_tag(tag: str, text: str, types: dict[str, HelperParameter], returns: list[str]) -> None:
    if tag == "return":
        returns += [text] if text.startswith("fun(") else text.split(", ")
    elif tag == "param" and (parameter := _FIELD.match(text)):
        types[parameter[1]] = HelperParameter(parameter[1], parameter[2] == "?", parameter[3])


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
