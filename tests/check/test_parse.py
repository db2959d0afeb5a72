"""What is Lua and what is not, compared with Lua itself."""

import random
import re
from pathlib import Path
from typing import Final

import lupa.lua54 as lupa
import pytest

from kosmo_circleci.check import parse, scope
from kosmo_circleci.check.tree import Fault

ROOT: Final = Path(__file__).parents[2]

REFUSED: Final = {
    "if x then\n print(1)\n": "'end' is missing for this 'if'",
    "while true do\n f()\n if a then b() \nend\n": "'end' is missing for this 'while'",
    "repeat x()": "'until' is missing for this 'repeat'",
    "x = function() ": "'end' is missing for this 'function'",
    "local x = = 1": "syntax error near '='",
    "x = ": "an expression is missing",
    "print('a": "this string has no end",
    "x = [[abc": "this string has no end",
    'x = "a\nb"': "this string has no end on its line",
    "--[[ abc": "this comment has no end",
    "local t = {1, 2": "'}' is missing",
    "x != 1": "syntax error near 'x': Lua writes ~= for !=",
    "x += 1": "syntax error near '+': Lua has no +=; write x = x + 1",
    "if a && b then end": "syntax error near '&': Lua writes and for &&",
    "x y": "syntax error near 'x y'",
    "end": "syntax error near 'end'",
    "return 1 print(2)": "syntax error near '1'",
    "  # x": "syntax error near '#'",
    "break": "break outside a loop",
    "while x do local f = function() break end end": "break outside a loop",
    "goto x": "no visible label 'x' for this goto",
    "goto a; do ::a:: end": "no visible label 'a' for this goto",
    "::a:: ::a::": "label 'a' is already defined",
    "::a:: do ::a:: end": "label 'a' is already defined",
    "goto a\nlocal b\n::a::\nprint(b)": "this goto jumps over a local into 'a'",
    "repeat goto a; local b; ::a:: until b": "this goto jumps over a local into 'a'",
    "local x <const> = 1; x = 2": "attempt to assign to const variable 'x'",
    "local x <foo> = 1": "unknown attribute 'foo'; Lua has const and close",
    "local x <close>, y <close> = nil, nil": (
        "multiple to-be-closed variables in one local statement"
    ),
    "function f() return ... end": "cannot use '...' outside a vararg function",
    "x = 3x": "syntax error near 'x'",
    "x = 1return 1": "malformed number near '1'",
    "x = '\\400'": "invalid escape sequence '\\4'",
    "x = '\\u{110000000}'": "invalid escape sequence '\\u'",
    "local if = 1": "'if' cannot be a name",
    "t.end = 1": "'end' cannot be a name",
    "t = {end = 1}": "'end' cannot be a name",
    "x = `1`": "'`1`' cannot be a name",
}

ACCEPTED: Final = [
    "x = {...} return ...",
    "a 'x' {y} [[z]]",
    "x = 'a\\\nb\\z   c\\x41\\065\\u{20AC}\\u{7FFFFFFF}'",
    'x = "--[[ no comment" y = "\\"--[==[" -- --[[ a comment',
    "x = 0x1p4 + .5 + 3. + 1e+5 + 0xA.8 + 08 + 0xffffffffffffffffff + 99999999999999999999",
    "do local x <const> = 5 end",
    "do goto a end ::a::",
    "do ::a:: end do ::a:: end",
    "for i = 1, 2 do if i > 1 then goto continue end local b ::continue:: end",
    "return",
    "::x::;;;",
    "x = -2 ^ -2 .. 'a' .. 1 // 2 ~ 3 << 1",
    "x = 'NUL \0 inside' -- and \0 here",
    "x = [==[ ]] ]==] --[==[ ]] ]==]",
    "\n\n",
    "",
]


def fault_of(code: bytes) -> Fault | None:
    try:
        faults = scope.resolve(parse.parse(code)).faults
    except Fault as fault:
        return fault
    return faults[0] if faults else None


@pytest.fixture(scope="module")
def refused_by_lua() -> "lupa._LuaObject":
    """A function: what Lua says against a text, None if it compiles."""
    runtime = lupa.LuaRuntime(encoding=None)
    return runtime.eval("function(s) local _, message = load(s, '=x', 't') return message end")


@pytest.mark.parametrize(("code", "message"), REFUSED.items())
def test_what_is_not_lua_is_a_fault_that_says_why(
    code: str, message: str, refused_by_lua: "lupa._LuaObject"
) -> None:
    fault = fault_of(code.encode())
    assert fault is not None
    assert fault.message == message
    assert refused_by_lua(code.encode()) is not None


@pytest.mark.parametrize("code", ACCEPTED)
def test_what_is_lua_is_no_fault(code: str, refused_by_lua: "lupa._LuaObject") -> None:
    assert fault_of(code.encode()) is None
    assert refused_by_lua(code.encode()) is None


TOKEN: Final = re.compile(r"\s+|\w+|\.\.\.?|[=~<>]=|.", re.DOTALL)
WORDS: Final = r"""
goto|done|::done::|break|return|...|local x <const> = 1|x = 2|<close>|::a::|goto a|repeat|until x|
'\q'|0x|1e5|[[|]]|--[[|..|//|~|&|continue|do|end|then|function f()|(|)|{|}|,|;|=|==|nil|x:y()|a.b.c|
#|not|"a\z  b"|3..2|08|'\x4'|local function|in|for|é|if|else|elseif|\
""".strip().split("|")


def mutated(source: str, chance: random.Random) -> str:
    """Return a piece of a script with up to three tokens removed, inserted, copied or swapped."""
    lines = source.split("\n")
    first = chance.randrange(len(lines))
    tokens = TOKEN.findall("\n".join(lines[first : first + chance.randrange(1, 15)]))
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        if not tokens:
            break
        index, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(4):
            case 0:
                del tokens[index]
            case 1:
                tokens.insert(index, f" {chance.choice(WORDS).strip()} ")
            case 2:
                tokens[index] = tokens[other]
            case _:
                tokens[index], tokens[other] = tokens[other], tokens[index]
    return "".join(tokens)


def test_mutated_scripts_are_refused_exactly_where_lua_refuses_them(
    refused_by_lua: "lupa._LuaObject",
) -> None:
    files = [*ROOT.glob("lua_docs/workflows/*.lua"), *ROOT.glob("tests/data/check/**/*.lua")]
    sources = [re.sub(r"\A#.*", "", file.read_text("utf-8")) for file in sorted(files)]
    chance = random.Random(17)
    refused = 0
    for _ in range(1500):
        code = mutated(chance.choice(sources), chance).encode()
        by_lua = refused_by_lua(code)
        assert (fault_of(code) is None) == (by_lua is None), (code, by_lua)
        refused += by_lua is not None
    assert 300 < refused < 1400


@pytest.mark.parametrize("operator", ["..", "+", "and"])
def test_a_long_chain_of_operators_is_not_nested(operator: str) -> None:
    assert fault_of(f"x = {f' {operator} '.join(['y'] * 5000)}".encode()) is None
