"""A line at the prompt: what it declares local stays for the next one."""

import pytest

from kosmo_circleci.cli.script.session_locals import with_session_locals


@pytest.mark.parametrize(
    ("chunk", "rewritten"),
    [
        ("local x = 1", " x = 1"),
        ("local a, b = f()", " a, b = f()"),
        ("local x", " x = nil;"),
        ("local x\n(f or g)()", " x = nil;\n(f or g)()"),
        ("local a, b", " a, b = nil;"),
        ("local x <const> = 5", " x  = 5"),
        ("local a <const>, b = 1, 2", " a , b = 1, 2"),
        ("local function f() local m = 1 return f() end",
         " function f() local m = 1 return f() end"),
        ("local x = function() local y = 1 end local z = 2",
         " x = function() local y = 1 end  z = 2"),
        ("if a then local x = 1 else local y = 2 end local z = 3",
         "if a then local x = 1 else local y = 2 end  z = 3"),
        ("for i = 1, 2 do local x = i end local y = 1", "for i = 1, 2 do local x = i end  y = 1"),
        ("while a do local x = 1 end", "while a do local x = 1 end"),
        ("repeat local x = 1 until x local y = 2", "repeat local x = 1 until x  y = 2"),
        ("do local x = 1 end", "do local x = 1 end"),
        ("local t = {\n  f = function() local q = 1 end,\n}\nlocal u = t",
         " t = {\n  f = function() local q = 1 end,\n}\n u = t"),
        ("x = 'local y = 1' -- local z = 2\nlocal w = [[local v = 3]]",
         "x = 'local y = 1' -- local z = 2\n w = [[local v = 3]]"),
        ("local handle <close> = open()", "local handle <close> = open()"),
        ("local x = 1 -- a note", " x = 1 -- a note"),
        ("localized = 1", "localized = 1"),
        ("t.locals = 1", "t.locals = 1"),
        ("local s = [[never closed", "local s = [[never closed"),
    ],
)  # fmt: skip
def test_declarations_of_the_chunk_itself_become_globals(chunk: str, rewritten: str) -> None:
    assert with_session_locals(chunk) == rewritten


def test_lines_keep_their_numbers() -> None:
    chunk = "local a = 1\n\nlocal b\nlocal function f()\nend\nerror('here')"
    assert with_session_locals(chunk).count("\n") == chunk.count("\n")
