"""json.*, and the marks that keep what a Lua table cannot say."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lua_cases import RunScript

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import JsonValue, decode, encode

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["\ud83d", "\0", "1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(JSON, st.booleans())
def test_encode_after_decode_is_the_identity(
    bridge: Bridge, value: JsonValue, pretty: bool
) -> None:
    text = encode(value)
    code = "local v = json.decode(args.text) return json.encode(v, {pretty = args.pretty == 'yes'})"
    run = bridge.run(code, args={"text": text, "pretty": "yes" if pretty else "no"})

    assert run.error is None
    assert isinstance(run.result, str)
    assert encode(decode(run.result), sort_keys=True) == encode(value, sort_keys=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{}", "{}"),
        ("json.array()", "[]"),
        ("json.array({})", "[]"),
        ("json.object({1, 2})", '{"1":1,"2":2}'),
        ("json.object()", "{}"),
        ("{1, 2, 3}", "[1,2,3]"),
        ("{1, nil, 3}", "[1,null,3]"),
        ("{nil, nil, 3}", "[null,null,3]"),
        ("{[1] = 'a', x = 'b'}", '{"1":"a","x":"b"}'),
        ("{[0] = 'a'}", '{"0":"a"}'),
        ("{[1.5] = 'a'}", '{"1.5":"a"}'),
        ("{[1000000] = 1}", '{"1000000":1}'),
        ("{b = 1, a = 2}", '{"a":2,"b":1}'),
        ("{a = json.null, json.null}", '{"1":null,"a":null}'),
        ("json.null", "null"),
        ("nil", "null"),
        ("1", "1"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("1e100", "1e+100"),
        ("0.1", "0.1"),
        ("1/3", "0.3333333333333333"),
        ("math.mininteger", "-9223372036854775808"),
        ("true", "true"),
        (r"'\"\\\n\0\127\u{e4}'", '"\\"\\\\\\n\\u0000\x7fä"'),
        (r"'\xed\xa0\x80'", '"\\ud800"'),
        ("setmetatable({1}, {__index = error, __len = error, __pairs = error})", "[1]"),
        ("json.decode('[]')", "[]"),
        ("json.decode('{}')", "{}"),
        ("json.decode('[null]')", "[null]"),
        ("json.decode('[null,null]')", "[null,null]"),
        ("json.decode('{\"a\":null}')", '{"a":null}'),
        ("json.decode('123456789012345678901234567890')", "123456789012345678901234567890"),
        ("json.decode('[1,1.0,1e2]')", "[1,1.0,100.0]"),
        ("{app.integrations.circleci.default.nothing}", None),
    ],
)
def test_encode_writes_what_a_table_means(value: str, text: str | None, run: RunScript) -> None:
    made = run(f"return json.encode({value})")

    if text is None:
        assert (made.success, made.error_type) == (False, "validation")
    else:
        assert (made.error, made.result) == (None, text)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("t[2] = nil", "[1,null,3]"),
        ("t[3] = nil", "[1,null]"),
        ("t[2] = 'x'", '[1,"x",3]'),
        ("t[4] = 4", "[1,null,3,4]"),
        ("t.x = 1", '{"1":1,"2":null,"3":3,"x":1}'),
        ("for i = 1, 3 do t[i] = nil end", "[null,null]"),
    ],
)
def test_a_decoded_array_that_is_changed_stays_one(change: str, text: str, run: RunScript) -> None:
    made = run(f"local t = json.decode('[1,null,3]') {change} return json.encode(t)")

    assert made.error is None
    assert made.result in (
        text,
        text.replace("[1]", "[1,null]").replace("[null,null]", "[null,null]"),
    )


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("print", "a function cannot be written as JSON"),
        ("{a = {print}}", "a function cannot be written as JSON (at key 'a')"),
        ("coroutine.create(print)", "a thread cannot be written as JSON"),
        ("0/0", "NaN cannot be written as JSON"),
        ("-1/0", "an infinity cannot be written as JSON"),
        ("{[print] = 1}", "a key that is a function cannot be written as JSON"),
        ("{[true] = 1}", "a key that is a boolean cannot be written as JSON"),
        ("(function() local t = {} t.t = t return t end)()", "a cycle cannot be written as JSON"),
        ("'\\255'", "a string that is not UTF-8 at byte 1 cannot be written as JSON"),
    ],
)
def test_encode_refuses_what_json_lacks(value: str, fault: str, run: RunScript) -> None:
    made = run(f"json.encode({value})")

    assert made.error_type == "runtime"
    assert made.error is not None
    assert made.error.startswith(f"eval:1: json.encode: {fault}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Expecting value at line 1 column 1"),
        ("[1,]", "line 1 column"),
        ("{'a':1}", "line 1 column 2"),
        ("NaN", "NaN is not JSON"),
        ("[1] x", "Extra data at line 1 column 5"),
        ("// comment", "Expecting value at line 1 column 1"),
        ("1e400", "larger than a double can hold"),
        ("\\255", "not UTF-8 at byte 0"),
        ('\\"\\1\\"', "Invalid control character at"),
    ],
)
def test_decode_refuses_what_is_not_json(text: str, fault: str, run: RunScript) -> None:
    made = run(f'json.decode("{text}")')

    assert made.error_type == "runtime"
    assert made.error is not None
    assert made.error.startswith("eval:1: json.decode: ")
    assert fault in made.error


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("json.decode()", "json.decode: argument 1 must be a string, got nothing"),
        ("json.decode({})", "json.decode: argument 1 must be a string, got table"),
        ("json.encode(1, 2)", "json.encode: argument 2 must be a table, got number"),
        ("json.array(1)", "json.array: argument 1 must be a table, got number"),
        ("json.null.x = 1", "json.null cannot be changed"),
    ],
)
def test_helpers_say_what_they_take(code: str, error: str, run: RunScript) -> None:
    assert run(code).error == f"eval:1: {error}"


def test_an_integer_of_any_length_prints_compares_and_computes(run: RunScript) -> None:
    made = run("""
        local big = json.decode("12345678901234567890")
        local same = json.decode("12345678901234567890")
        return tostring(big), big == same, big > 5, big < 1e30, big + 1, big .. "!", type(big.x)
    """)
    assert (made.error, made.result) == (
        None,
        [
            "12345678901234567890",
            True,
            True,
            True,
            12345678901234567891.0,
            "12345678901234567890!",
            "nil",
        ],
    )


def test_pretty_is_indented_and_sorted(run: RunScript) -> None:
    made = run("return json.encode({b = {1, {}}, a = json.array()}, {pretty = true})")
    assert made.result == '{\n  "a": [],\n  "b": [\n    1,\n    {}\n  ]\n}'
