"""print, dump and tostring."""

import pytest
from lua_cases import RunScript


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("print()", ""),
        ("print('a', 1, 1.0, nil, true)", "a\t1\t1.0\tnil\ttrue"),
        ("print('a') print('b')", "a\nb"),
        ("print('a\\n')", "a\n"),
        ("print({})", "{}"),
        ("print({b = 1, a = {1, 2}})", '{\n  "a": [\n    1,\n    2\n  ],\n  "b": 1\n}'),
        ("print({1, nil, 3})", "[\n  1,\n  null,\n  3\n]"),
        ("print(json.array(), json.null)", "[]\tnull"),
        ("print(print)", "<function>"),
        ("print(coroutine.create(print))", "<thread>"),
        ("print({print, 0/0, 1/0})", '[\n  "<function>",\n  "nan",\n  "inf"\n]'),
        ("local t = {} t.t = t print(t)", '{\n  "t": "<circular>"\n}'),
        ("local t = {} print({t, t})", "[\n  {},\n  {}\n]"),
        ("print(setmetatable({}, {__tostring = function() return 'mine' end}))", "mine"),
        ("print(setmetatable({}, {__name = 'Mine'}))", "{}"),
        ("print('\\255ä')", "\ufffdä"),
        ("print('😀')", "😀"),
        ("dump({1})", "[\n  1\n]"),
        ("dump('text')", "text"),
        ("dump(nil)", "nil"),
        ("print(dump(5) + 1)", "5\n6"),
        ("print(select('#', dump(nil, 2)))", "nil\n2"),
        ("print(tostring({a = 1}) == json.encode({a = 1}, {pretty = true}))", "true"),
        ("print(tostring(nil), tostring(12), tostring('x'))", "nil\t12\tx"),
        ("print(app)", '{\n  "integrations": '),
        ("local _, e = pcall(json.decode, 'x') print(e)", "json.decode: Expecting value at line 1"),
        ("local _, e = pcall(json.decode, 'x') dump(e)", '{\n  "function_name": "json.decode",\n'),
    ],
)
def test_values_are_shown_for_people(code: str, output: str, run: RunScript) -> None:
    made = run(code)

    assert made.error is None
    assert made.output == output or (
        output.endswith((" ", "\n", " line 1")) and made.output.startswith(output)
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("tostring()", "tostring: a value is expected"),
        ("print(setmetatable({}, {__tostring = function() return {} end}))", "'__tostring' must"),
    ],
)
def test_what_cannot_be_shown_is_an_error(code: str, error: str, run: RunScript) -> None:
    made = run(code)

    assert made.error_type == "runtime"
    assert made.error is not None
    assert error in made.error
