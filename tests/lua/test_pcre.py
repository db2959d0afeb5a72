"""PCRE patterns mean in `regex` what pcre2pattern and pcre2syntax say that they mean."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.errors import LimitExceeded, ScriptError
from kosmo_circleci.limits import Limits
from kosmo_circleci.lua.pcre import translate
from kosmo_circleci.lua.pcre_syntax import PatternError
from kosmo_circleci.lua.regex import Regex

ABSENT = None
Groups = list[str | None]


def first(pattern: str, subject: str, flags: str = "") -> Groups | None:
    """Return the first match and its groups in order, or None."""
    match = Regex(Limits()).match(subject.encode(), pattern.encode(), flags.encode())
    if match is None:
        return None
    last = max(key for key in match if isinstance(key, int))
    return [match.get(index) for index in range(1, last + 1)]


def refusal(pattern: str, flags: str = "") -> str:
    with pytest.raises(ScriptError) as caught:
        first(pattern, "a", flags)
    assert caught.value.error_type == "runtime"
    return str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "subject", "match"),
    [
        # literal text
        (r"\Qa.b\E", "xa.b", ["a.b"]),
        (r"\Qa.b\E", "axb", None),
        (r"\Qa+", "a+", ["a+"]),
        (r"a\Q", "a", ["a"]),
        (r"a\Q\E+", "aaa", ["aaa"]),
        (r"\Qab\E+", "abb", ["abb"]),
        (r"\Q\\E", "\\", ["\\"]),
        (r"(\Q?:\Ea)", "?:a", ["?:a", "?:a"]),
        (r"a\Eb", "ab", ["ab"]),
        (r"[\Q]^-\E]+", "x]-^", ["]-^"]),
        (r"[a\Q-\Ez]+", "b-z", ["-z"]),
        (r"[\Qa\E-z]", "b", ["b"]),
        (r"[\E]a]", "]", ["]"]),
        (r"a{\Q2}\E", "a{2}", ["a{2}"]),
        # characters by number or name
        (r"\x{263A}", "☺", ["☺"]),
        (r"\x{2e}", "x", None),
        (r"\x41", "A", ["A"]),
        (r"\x412", "A2", ["A2"]),
        (r"\x4g", "\4g", ["\4g"]),
        (r"a\xz", "a\0z", ["a\0z"]),
        (r"\o{141}", "a", ["a"]),
        (r"\101", "A", ["A"]),
        (r"\0123", "\n3", ["\n3"]),
        (r"()\10", "\b", ["\b", ""]),
        (r"\e\[0m", "\x1b[0m", ["\x1b[0m"]),
        (r"[\e\a\f\t]+", "\x1b\a\f\t", ["\x1b\a\f\t"]),
        (r"\cA\c[\cz", "\x01\x1b\x1a", ["\x01\x1b\x1a"]),
        (r"\N{U+41}", "A", ["A"]),
        (r"[\x{61}-\x{63}]+", "xabcd", ["abc"]),
        (r"[\1\8]+", "\x018", ["\x018"]),
        (r"\_\é\-", "_é-", ["_é-"]),
        # references
        (r"(?<n>a)\k<n>", "aa", ["aa", "a"]),
        (r"(?<n>a)\k{n}", "aa", ["aa", "a"]),
        (r"(?<n>a)\k'n'", "aa", ["aa", "a"]),
        (r"(?<n>a)\g{n}", "aa", ["aa", "a"]),
        (r"(?P<n>a)(?P=n)", "aa", ["aa", "a"]),
        (r"(?'n'a)b", "ab", ["ab", "a"]),
        (r"(a)\g1", "aa", ["aa", "a"]),
        (r"(a)\g{1}0", "aa0", ["aa0", "a"]),
        (r"(a)(b)\g{-1}", "abb", ["abb", "a", "b"]),
        (r"(a)(b)\g-2", "aba", ["aba", "a", "b"]),
        (r"(?:\g{+1}x|(a))+", "aax", ["aax", "a"]),
        (r"(?:x)(?=a)(?<n>a)(?#()(?>y)\g{-1}", "xaya", ["xaya", "a"]),
        (r"(a)\1(?#c)0", "aa0", ["aa0", "a"]),
        (r"(a)?\1b", "b", None),
        # calls
        (r"\((?:[^()]|(?R))*\)", "x(a(b)c)", ["(a(b)c)"]),
        (r"(a|b)(?1)", "ab", ["ab", "a"]),
        (r"(?+1)(a|b)", "ba", ["ba", "a"]),
        (r"(a|b)(?-1)", "ab", ["ab", "a"]),
        (r"(?<n>a|b)(?&n)(?P>n)", "aba", ["aba", "a"]),
        (r"(?<n>a|b)\g<n>", "ab", ["ab", "a"]),
        (r"\g'+1'(a|b)", "ba", ["ba", "a"]),
        (r"(?(DEFINE)(?<n>\d+))x(?&n)", "x12", ["x12"]),
        # groups
        (r"(?|(a)|(b))\1", "bb", ["bb", "b"]),
        (r"(?|(?<x>a)(q)|(?<x>b)(w))(c)", "bwc", ["bwc", "b", "w", "c"]),
        (r"(?|a|(b)|(c)(d))(e)\g{-1}", "cdee", ["cdee", "c", "d", "e"]),
        (r"(?|(?i)a|b)c", "AC", None),
        (r"(a)?(?(1)b|c)", "ab", ["ab", "a"]),
        (r"(?<n>a)?(?(<n>)b|c)", "c", ["c"]),
        (r"(a)?(?(-1)b|c)", "ab", ["ab", "a"]),
        (r"(?(?=a)ab|c)", "c", ["c"]),
        (r"(*pla:a)(*atomic:a+)b", "aab", ["aab"]),
        (r'"[^"]*"(*SKIP)(*FAIL)|,', '"a,b",', [","]),
        (r"(*UTF)(*UCP)a", "a", ["a"]),
        (r"a(?#\)b", "ab", ["ab"]),
        (r"a(?#c)*", "aaa", ["aaa"]),
        # flags inside
        (r"a(?i)b|c", "C", ["C"]),
        (r"a(?i)b|c", "AB", None),
        (r"(a(?i)b)c", "aBc", ["aBc", "aB"]),
        (r"(?i)a(?-i)b", "Ab", ["Ab"]),
        (r"(?i-i)a", "A", None),
        (r"(?i:a(?^)b)c", "Abc", ["Abc"]),
        (r"(?s-m:a.)", "a\n", ["a\n"]),
        ("(?x) a b # c\n(?-x) d", "ab d", ["ab d"]),
        # sets of characters
        (r"a\Nb", "axb", ["axb"]),
        (r"(?s)a\Nb", "a\nb", None),
        (r"\N{2}", "ab", ["ab"]),
        (r"\h+", "x \t\u180e", [" \t\u180e"]),
        (r"\H+", " ab ", ["ab"]),
        (r"\v+", "x\r\n\x85", ["\r\n\x85"]),
        (r"\V+", "\nab\n", ["ab"]),
        (r"[\h,]+", "a, ", [", "]),
        (r"[\Hx]+", " ab ", ["ab"]),
        (r"[^\V]+", "a\r\n", ["\r\n"]),
        (r"[\v]", "\u2028", ["\u2028"]),
        (r"[[:alpha:]]+", "1äb2", ["äb"]),
        (r"[[:^digit:]_]+", "1ab2", ["ab"]),
        (r"[[:punct:]]+", "€$!", ["$!"]),
        (r"[[:<:]]a[[:>:]]", "aa a", ["a"]),
        (r"[[:digit]a]", "]", None),
        (r"[a[b]+", "xa[b", ["a[b"]),
        (r"[]a]+", "x]a", ["]a"]),
        (r"[^]a]+", "]xa", ["x"]),
        (r"[a-c-e]+", "d-e", ["-e"]),
        (r"[\w-.]+", "a-.", ["a-."]),
        (r"[a&&b]+", "a&b", ["a&b"]),
        (r"[a||b]+", "a|b", ["a|b"]),
        (r"[a~~b]+", "a~b", ["a~b"]),
        (r"[+--]+", "-,b", ["-,"]),
        (r"[[a-z]--[aeiou]]", "b--e]", ["b--e]"]),
        (r"[\b]", "\b", ["\b"]),
        (r"\d+\w\s", "\u0661\u0662ä ", ["\u0661\u0662ä "]),
        (r"\p{Lu}\pL\P{^L}\p{L&}", "ÄöüÄ", ["ÄöüÄ"]),
        (r"\p{Xan}[\p{Xwd}]\P{Xsp}", "a_b", ["a_b"]),
        (r"\R\X", "\r\nx\u0301", ["\r\nx\u0301"]),
        # ends
        (r"a\Z", "a\n", ["a"]),
        (r"a\z", "a\n", None),
        (r"a$", "a\n", ["a"]),
        (r"(?m)a^", "a\n", None),
        (r"(?m)\n^", "a\n", None),
        (r"(?m)^", "", [""]),
        (r"foo\Kbar", "foobar", ["bar"]),
        # repeats, and braces that are text
        (r"a{,}", "a{,}", ["a{,}"]),
        (r"a{,2}b", "aaab", ["aab"]),
        (r"a{ 1, 2 }", "aaa", ["aa"]),
        (r"(?:ab){e<=1}", "ab{e<=1}", ["ab{e<=1}"]),
        (r"(?:ab){e<=1}", "xb", None),
        (r"(?:a){i}", "a", None),
        (r"{x}", "{x}", ["{x}"]),
        (r"a++a", "aa", None),
        (r"(?>a+)a", "aa", None),
        (r"a{2,}+b", "aab", ["aab"]),
        (r"(?=a)*b", "b", ["b"]),
    ],
)  # fmt: skip
def test_a_pattern_matches_as_in_pcre(pattern: str, subject: str, match: Groups | None) -> None:
    assert first(pattern, subject) == match


@pytest.mark.parametrize(
    ("pattern", "subject", "match"),
    [
        ("a b # (not a group\n(c)\\g{-1}", "abcc", ["abcc", "c"]),
        ("[ #]+", "x #", [" #"]),
        ("a\\ b\\#", "a b#", ["a b#"]),
        ("a\\x{20}b", "a b", ["a b"]),
        ("\\Qa #b\\E", "a #b", ["a #b"]),
        ("a # \\Q\nb\\E", "ab", ["ab"]),
        ("a {2}", "aa", ["aa"]),
        ("a+ # all\n +a", "aaa", None),
        ("(a)\\1 0", "aa0", ["aa0", "a"]),
        ("(?-x)a b", "a b", ["a b"]),
        ("a#b", "a#b", ["a"]),
    ],
)
def test_white_space_and_comments_are_skipped_with_the_flag_x(
    pattern: str, subject: str, match: Groups | None
) -> None:
    assert first(pattern, subject, "x") == match


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        # PCRE2 refuses these too
        (r"\m", r"bad escape \m at position 0"),
        (r"a\M", r"bad escape \M at position 1"),
        (r"\L<words>", r"bad escape \L at position 0"),
        (r"\j", r"bad escape \j at position 0"),
        (r"\u0041", r"bad escape \u; write \x{…} at position 0"),
        (r"\N{DIGIT ONE}", r"bad escape \N; write \x{…} at position 0"),
        (r"\g", r"bad escape \g at position 0"),
        (r"[\N]", r"bad escape \N; write \x{…} at position 1"),
        (r"[\R]", r"bad escape \R at position 1"),
        (r"[\k<n>]", r"bad escape \k at position 1"),
        (r"(a)\g{-2}", "the pattern has no group '-2' at position 3"),
        (r"\g0", "the pattern has no group '0' at position 0"),
        (r"(?<n>a)\k<m>", "the pattern has no group 'm' at position 7"),
        (r"a(?2)(b)", "the pattern has no group '2' at position 1"),
        (r"(?(1)a)", "the pattern has no group '1' at position 0"),
        (r"\x{110000}", r"\x{110000} is the number of no character at position 0"),
        (r"\x{d800}", r"\x{d800} is the number of no character at position 0"),
        (r"\x{zz}", r"bad escape \x at position 0"),
        (r"\o8", r"bad escape \o at position 0"),
        (r"\cé", r"\c must be followed by a printable ASCII character at position 0"),
        (r"\pQ", r"bad escape \p: write \p{name} at position 0"),
        (r"\p{Lu", r"bad escape \p: write \p{name} at position 0"),
        (r"\Qab\E\p{Bogus}", "unknown property at position 15"),
        ("a\n\\Qb\\E\\y", r"bad escape \y at position 7 (line 2, column 6)"),
        (r"(?<n>a)(?<n>b)", "two groups have the name 'n' at position 7"),
        (r"(?|(?<a>x)|(?<b>y))", "group 1 has two names; the second is 'b' at position 11"),
        (r"(?<1>a)", "bad group name: letters, digits and _, then its closing mark at position 2"),
        (r"^*a", "nothing to repeat at position 1"),
        (r"\b+a", "nothing to repeat at position 2"),
        (r"a{2}{3}\e", "nothing to repeat at position 4"),
        (r"a{65536}", "a number too big: it may be 65535 at most at position 1"),
        (r"a{2,1}\e", "min repeat greater than max repeat at position 1"),
        (r"(?=a\K)", r"\K is not allowed in a lookaround at position 4"),
        (r"[:alpha:]",
         "a POSIX class such as [:alpha:] belongs inside a class: [[:alpha:]] at position 0"),
        (r"[[:foo:]]", "unknown POSIX class [:foo:] at position 1"),
        (r"[[.a.]]", "unknown POSIX class [.a.] at position 1"),
        (r"[z-\x61]", "range out of order in a class at position 6"),
        (r"\Q(\E[a", "missing ] of a class at position 5"),
        (r"(?#a", "missing ) after a comment at position 4"),
        (r"(?<n>a", "missing ) at position 6"),
        (r"\e)", "unmatched ) at position 2"),
        (r"(a)(?(1)b|c|d)", "too many branches after a condition at position 11"),
        (r"(?<a", "bad group name: letters, digits and _, then its closing mark at position 2"),
        (r"(?+)", "'(?+' opens no kind of group that is supported at position 0"),
        # these PCRE2 knows; `regex` has nothing of the kind
        (r"(a|b\1)+", "cannot refer to an open group at position 6"),
        (r"(?(R)a|b)",
         "unsupported condition: a group, DEFINE or a lookaround can be one at position 2"),
        (r"(?C)a", "unknown option 'C'; the options are i, m, s and x at position 2"),
        (r"(?U)a+", "unknown option 'U'; the options are i, m, s and x at position 2"),
        (r"(?a)b", "unknown option 'a'; the options are i, m, s and x at position 2"),
        (r"(?xx)a", "unknown option 'xx'; the options are i, m, s and x at position 2"),
        (r"a(*COMMIT)b", "the verb (*COMMIT) is not supported here at position 1"),
        (r"(?*a)a", "'(?*' opens no kind of group that is supported at position 0"),
        (r"\C", r"bad escape \C at position 0"),
        (r"[[:^punct:]]",
         "[:^punct:] is not supported; write [^[:punct:]] at position 1"),
        (r"[\P{Xan}]", r"\P{Xan} is not supported in a class at position 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_its_place(pattern: str, message: str) -> None:
    assert refusal(pattern) == f"Bad pattern: {message}"


@pytest.mark.parametrize("pattern", ["(", "[a", "a)", "a\\", "a**", "x{3,1}", "[b-a]", "[a--b]"])
def test_what_is_copied_unread_is_refused_by_the_engine(pattern: str) -> None:
    assert refusal(pattern).startswith("Bad pattern: ")


def test_space_does_not_split_what_opens_a_group() -> None:
    assert refusal("( ?:a)", "x") == "Bad pattern: nothing to repeat at position 2"


def test_the_start_of_a_line_is_none_after_the_last_newline() -> None:
    assert Regex(Limits()).gsub(b"a\nb\n", b"^", b"> ", None, b"m") == "> a\n> b\n"


def test_a_pattern_that_calls_itself_without_end_is_stopped() -> None:
    with pytest.raises(LimitExceeded):
        Regex(Limits(regex_s=0.2)).match(b"a", b"(?R)?", None)


@pytest.mark.parametrize(
    ("replacement", "made"),
    [
        ("<$0>", "<ab>"),
        ("<${0}>", "<ab>"),
        (r"<\0>", "<ab>"),
        ("$2$1", "ba"),
        ("${n}!", "a!"),
        ("$$1", "$1"),
        (r"\\1", r"\1"),
        (r"\10", "a0"),
        # only what is listed in the contract is read; the rest is text
        ("$&", "$&"),
        ("$n", "$n"),
        ("$<n>", "$<n>"),
        (r"\g<n>", r"\g<n>"),
        (r"\n", r"\n"),
        ("100%$", "100%$"),
        ("\\", "\\"),
        ("$\u0661", "$\u0661"),
    ],
)
def test_a_replacement_names_groups_and_nothing_else(replacement: str, made: str) -> None:
    text = replacement.encode()
    assert Regex(Limits()).gsub(b"ab", b"(?<n>a)(b)", text, None, None) == made


@pytest.mark.parametrize("replacement", ["$3", "$10", "${x}", "${" + "9" * 5000 + "}"])
def test_a_replacement_that_names_no_group_is_an_error(replacement: str) -> None:
    with pytest.raises(ScriptError, match=r"the pattern has no group '"):
        Regex(Limits()).gsub(b"ab", b"(?<n>a)(b)", replacement.encode(), None, None)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_matches_itself_and_nothing_else(text: str) -> None:
    quoted = text.replace("\\", "/")
    assert first(f"^\\Q{quoted}\\E\\z", quoted) == [quoted]
    assert first(f"^\\Q{quoted}\\E\\z", quoted + "a") is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_quoted_text_in_a_class_is_each_of_its_characters(text: str) -> None:
    quoted = text.replace("\\", "/")
    assert first(f"^[\\Q{quoted}\\E]+\\z", quoted) == [quoted]


@given(
    st.text(st.sampled_from("ab\\[](){}?'<>=:#^-+*|.,&!019 QExogkNHhvVZeKpPcRn\n²"), max_size=30),
    st.sampled_from(["", "i", "m", "s", "x", "mx"]),
)
def test_any_text_is_a_pattern_or_a_bad_one(pattern: str, flags: str) -> None:
    with contextlib.suppress(PatternError):
        translate(pattern, flags)
    with contextlib.suppress(ScriptError, LimitExceeded):
        first(pattern, "ab01", flags)


@given(st.text(st.characters(exclude_characters="\\{([^$", exclude_categories=["Cs"])))
def test_an_ordinary_pattern_is_left_as_it_is(pattern: str) -> None:
    assert translate(pattern, "i") == (pattern, "i", ())


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d+)\.(\d+)",
        r"^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$",
        r"(?:a|b){2,3}(?<=b)(?!c)",
        r"(a)\1[^,;]",
    ],
)
def test_common_patterns_are_copied_unread(pattern: str) -> None:
    assert translate(pattern) == (pattern, "", ())


@pytest.mark.parametrize(
    "piece", [r"\Q", r"\E", "[[:", "{1", "{ ", "(?i)|", "(?<", r"\x{", "[[.[:", "(?:", "(*", "[a-"]
)
def test_the_time_grows_with_the_length_alone(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(PatternError):
        translate(piece * 20_000)

    assert time.process_time() - began < 2
