"""PCRE patterns mean in `regex` what they mean in PCRE."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.lua.limits import Limits
from kosmo_circleci.lua.pcre import PatternError, translate
from kosmo_circleci.lua.regex import Regex


def first(pattern: str, subject: str, flags: str = "") -> str | None:
    matcher = Regex(Limits())
    found = matcher.match(subject.encode(), pattern.encode(), flags.encode())
    return None if found is None else found[1]


@pytest.mark.parametrize(
    ("pattern", "subject", "match"),
    [
        # text taken as it stands
        (r"\Qa.b\E", "xa.b", "a.b"),
        (r"\Qa.b\E", "axb", None),
        (r"\Qa+", "a+", "a+"),
        (r"[\Q]^-\E]+", "x]-^", "]-^"),
        (r"a\Eb", "ab", "ab"),
        # characters by number
        (r"\x{263A}", "☺", "☺"),
        (r"\x{2e}", ".", "."),
        (r"\x{2e}", "x", None),
        (r"\x41", "A", "A"),
        (r"\o{141}", "a", "a"),
        (r"[\x{61}-\x{63}]+", "xabcd", "abc"),
        (r"\e\[0m", "\x1b[0m", "\x1b[0m"),
        (r"[\e]", "\x1b", "\x1b"),
        # references
        (r"(?<n>a)\k<n>", "aa", "aa"),
        (r"(?<n>a)\k{n}", "aa", "aa"),
        (r"(?<n>a)\k'n'", "aa", "aa"),
        (r"(?<n>a)\g{n}", "aa", "aa"),
        (r"(?P<n>a)(?P=n)", "aa", "aa"),
        (r"(?'n'a)b", "ab", "ab"),
        (r"(a)\g1", "aa", "aa"),
        (r"(a)\g{1}0", "aa0", "aa0"),
        (r"(a)(b)\g{-1}", "abb", "abb"),
        (r"(a)(b)\g{-2}", "aba", "aba"),
        (r"(?:x)(?=a)(?<n>a)(\()\g{-2}", "xa(a", "xa(a"),
        (r"(?#(no group)(a)\g{-1}", "aa", "aa"),
        # classes of characters
        (r"a\Nb", "axb", "axb"),
        (r"a\Nb", "a\nb", None),
        (r"\h+", "x \t\u00a0", " \t\u00a0"),
        (r"\H+", " ab ", "ab"),
        (r"\v+", "x\r\n", "\r\n"),
        (r"\V+", "\nab\n", "ab"),
        (r"[\h,]+", "a, ", ", "),
        (r"[[:alpha:]]+", "1ab2", "ab"),
        (r"[[:^digit:]]+", "1ab2", "ab"),
        (r"[a[b]+", "xa[b", "a[b"),
        (r"[]a]+", "x]a", "]a"),
        (r"[^]a]+", "]xa", "x"),
        (r"[+--]+", "a+,-b", "+,-"),
        (r"[a&&b]+", "a&b", "a&b"),
        (r"[a||b]+", "a|b", "a|b"),
        (r"[\]{]+", "x]{", "]{"),
        (r"\d+", "x\u0661\u0662", "\u0661\u0662"),
        (r"\p{Lu}+", "aÄB", "ÄB"),
        # ends
        (r"a\Z", "a\n", "a"),
        (r"a\z", "a\n", None),
        (r"a$", "a\n", "a"),
        # braces that are text
        (r"a{,}", "a{,}", "a{,}"),
        (r"(?:ab){e<=1}", "ab{e<=1}", "ab{e<=1}"),
        (r"(?:ab){e<=1}", "xb", None),
        (r"a{2}", "caaa", "aa"),
        (r"a{2,}", "caaa", "aaa"),
        (r"a{1,2}", "caaa", "aa"),
        (r"{x}", "{x}", "{x}"),
        # what `regex` knows as PCRE does
        (r"a++b", "aab", "aab"),
        (r"(?>a+)b", "aab", "aab"),
        (r"(?|(a)|(b))\1", "bb", "bb"),
        (r"\((?:[^()]|(?R))*\)", "x(a(b)c)", "(a(b)c)"),
        (r"(a)?(?(1)b|c)", "ab", "ab"),
        (r"foo\Kbar", "foobar", "bar"),
        (r"\R", "\r\n", "\r\n"),
        (r"(?<=\d{2})a", "12a", "a"),
        (r"(?i)A", "a", "a"),
    ],
)
def test_a_pattern_matches_as_in_pcre(pattern: str, subject: str, match: str | None) -> None:
    assert first(pattern, subject) == match


@pytest.mark.parametrize(
    ("pattern", "subject", "match"),
    [
        ("a b # (not a group\n(c)\\g{-1}", "abcc", "abcc"),
        ("[ #]+", "x #", " #"),
        ("a\\ b", "a b", "a b"),
        ("a\\x{20}b", "a b", "a b"),
        ("\\Qa b\\E", "a b", "a b"),
    ],
)
def test_white_space_and_comments_are_skipped_with_the_flag_x(
    pattern: str, subject: str, match: str
) -> None:
    assert first(pattern, subject, "x") == match


@pytest.mark.parametrize(
    "pattern",
    [r"\m", r"\M", r"\L<words>", r"[\N]", r"[\R]", r"(a)\g{-2}", r"\g0", r"[\g{1}]", r"\x{110000}",
     r"(", r"[a", r"\j", r"(?<n>a)\k<m>", r"\x{zz}"],
)  # fmt: skip
def test_what_pcre_refuses_is_a_bad_pattern(pattern: str) -> None:
    with pytest.raises(ScriptError, match=r"^Bad pattern: "):
        first(pattern, "a")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_matches_itself_and_nothing_else(text: str) -> None:
    quoted = text.replace("\\E", "")
    if quoted and "\\E" not in quoted:
        assert first(f"\\Q{quoted}\\E", f"<{quoted}>") == quoted


@given(st.text(st.sampled_from("ab\\[](){}?'<>=:#^-+*|.,019 QExogkNHhvVZeK\n"), max_size=30))
def test_any_text_is_a_pattern_or_a_bad_one(pattern: str) -> None:
    with contextlib.suppress(PatternError):
        translate(pattern)
    with contextlib.suppress(ScriptError, LimitExceeded):
        first(pattern, "ab01")


@given(st.text(st.characters(exclude_characters="\\{(", exclude_categories=["Cs"])))
def test_an_ordinary_pattern_is_left_as_it_is(pattern: str) -> None:
    assert translate(pattern) == pattern
    assert re.escape(pattern) == translate(re.escape(pattern))
