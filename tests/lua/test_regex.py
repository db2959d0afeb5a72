"""regex.*: PCRE syntax, Unicode, bytes that are not text, and an end to patterns that run away."""

import time

import pytest
from lua_cases import RunScript, assert_gives

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.jsonvalue import JsonValue


@pytest.mark.parametrize(
    ("code", "result"),
    [
        # match
        ("regex.match('build 42 ok', '(\\\\d+) (\\\\w+)')", ["42 ok", "42", "ok"]),
        ("regex.match('x', 'y')", None),
        ("regex.match('abc', '')", [""]),
        (
            "regex.match('v1.2', 'v(?<major>\\\\d)\\\\.(?<minor>\\\\d)')",
            {"1": "v1.2", "2": "1", "3": "2", "major": "1", "minor": "2"},
        ),
        ("regex.match('b', '(a)?(b)')", ["b", None, "b"]),
        ("regex.match('Straße', 'ß(.)')", ["ße", "e"]),
        ("regex.match('ÄÖ', 'äö', 'i')", ["ÄÖ"]),
        ("regex.match('a\\nb', '^b$', 'm')", ["b"]),
        ("regex.match('a\\nb', 'a.b', 's')", ["a\nb"]),
        ("regex.match('ab', 'a # letter\\n b', 'x')", ["ab"]),
        ("regex.match('A\\nB', '^a.b$', 'ims')", ["A\nB"]),
        ("regex.match('foobar', '(?<=foo)bar')", ["bar"]),
        ("regex.match('aa', '(a)\\\\1')", ["aa", "a"]),
        ("regex.match('((a))', '\\\\((?:[^()]|(?R))*\\\\)')", ["((a))"]),
        ("regex.match('ñ1', '\\\\p{L}\\\\d')", ["ñ1"]),
        ("regex.match('a\\255b', 'a(.)b')[2] == '\\255'", True),
        ("regex.match('a\\0b', '\\0')", ["\0"]),
        # match_all
        ("regex.match_all('a1b22', '[a-z](\\\\d+)')", [["a1", "1"], ["b22", "22"]]),
        ("regex.match_all('x', 'y')", []),
        ("json.encode(regex.match_all('x', 'y'))", "[]"),
        ("#regex.match_all('aaa', '')", 4),
        ("regex.match_all('k=v', '(?<k>\\\\w)=(?<v>\\\\w)')[1].v", "v"),
        # gsub
        ("regex.gsub('a.b.c', '\\\\.', '-')", "a-b-c"),
        ("regex.gsub('a.b.c', '\\\\.', '-', 1)", "a-b.c"),
        ("regex.gsub('a.b.c', '\\\\.', '-', 0)", "a.b.c"),
        ("regex.gsub('ABC', 'b', 'x', nil, 'i')", "AxC"),
        ("regex.gsub('ab', '(a)(b)', '$2$1')", "ba"),
        ("regex.gsub('ab', '(a)(b)', '\\\\2\\\\1')", "ba"),
        ("regex.gsub('ab', '(?<x>a)', '<${x}>')", "<a>b"),
        ("regex.gsub('ab', 'b', '[$0]')", "a[b]"),
        ("regex.gsub('a', 'a', '${1}', 1)", "error: the pattern has no group '1'"),
        ("regex.gsub('a', '(a)', '${1}0')", "a0"),
        ("regex.gsub('a', 'a', '$$1')", "$1"),
        ("regex.gsub('a', 'a', '\\\\\\\\')", "\\"),
        ("regex.gsub('a', 'a', '100%')", "100%"),
        ("regex.gsub('b', '(a)?b', '<$1>')", "<>"),
        ("regex.gsub('a-b', '\\\\w', function(m) return m[1]:upper() end)", "A-B"),
        ("regex.gsub('a-b', '\\\\w', function(m) if m[1] == 'a' then return 'x' end end)", "x-b"),
        ("regex.gsub('ab', '(?<n>.)', function(m) return '<' .. m.n .. '>' end, 1)", "<a>b"),
        ("regex.gsub('ab', '.', function(m) return 7 end)", "77"),
        ("regex.gsub('ab', '.', function(m) return false end)", "ab"),
        ("regex.gsub('\\255a', 'a', 'b') == '\\255b'", True),
        ("regex.gsub('äx', 'x', 'ö')", "äö"),
        # split
        ("regex.split('a, b,c', ',\\\\s*')", ["a", "b", "c"]),
        ("regex.split('abc', ',')", ["abc"]),
        ("regex.split('', ',')", [""]),
        ("regex.split(',a,', ',')", ["", "a", ""]),
        ("regex.split('a1b2c', '(\\\\d)')", ["a", "b", "c"]),
        ("regex.split('aXbxc', 'x', 'i')", ["a", "b", "c"]),
        # what cannot be done
        ("regex.match('x', '(')", "error: Bad pattern"),
        ("regex.match('x', 'x', 'q')", "error: Unknown regex flag 'q'; the flags are i, m"),
        ("regex.match('x')", "error: regex.match: argument 2 must be a string, got nothing"),
        ("regex.match(nil, 'x')", "error: regex.match: argument 1 must be a string, got nothing"),
        ("regex.gsub('x', 'x')", "error: regex.gsub: argument 3 must be a string, got nothing"),
        ("regex.gsub('x', 'x', {})", "error: regex.gsub: argument 3 must be a string, got table"),
        ("regex.gsub('x', 'x', 'y', 1.5)", "error: regex.gsub: the limit must be a whole number"),
        ("regex.gsub('x', 'x', 'y', -1)", "error: regex.gsub: the limit must be a whole number"),
        ("regex.gsub('a', 'a', '${x}')", "error: regex.gsub: the pattern has no group 'x'"),
    ],
)  # fmt: skip
def test_regex_matches_replaces_and_splits(code: str, result: JsonValue, run: RunScript) -> None:
    assert_gives(run, code, result)


@pytest.mark.parametrize(
    ("length", "pattern"),
    [(60, "(a|aa)+$"), (60, "(a|a)*$"), (4000, "(a*)(a*)(a*)\\\\1\\\\2\\\\3[bc]")],
)
@pytest.mark.parametrize("isolate", [False, True])
def test_a_pattern_that_runs_away_is_stopped(
    length: int, pattern: str, isolate: bool, bridge: Bridge
) -> None:
    began = time.monotonic()
    made = bridge.run(
        f"local subject, pattern = ('a'):rep({length}) .. 'd', '{pattern}'"
        " local ok, e = pcall(regex.match, subject, pattern) return ok, e.type",
        limits=Limits(regex_s=0.2),
        isolate=isolate,
    )

    assert (made.error, made.result) == (None, [False, "limit"])
    assert time.monotonic() - began < 0.2 + 2


def test_the_error_of_a_runaway_pattern_says_how_to_avoid_it(bridge: Bridge) -> None:
    made = bridge.run(
        "regex.match(('a'):rep(60) .. 'b', '(a|aa)+$')", name="eval", limits=Limits(regex_s=0.1)
    )

    assert (made.error_type, made.error) == (
        "limit",
        "eval:1: The pattern ran for more than 0.1 s and was stopped; make it more specific "
        "(nested quantifiers such as (a+)+ never end). Python: Limits(regex_s=…).",
    )
