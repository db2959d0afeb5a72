"""Paths: encoded or refused, and never another operation or another host."""

from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kosmo_circleci.call.paths import raw_path, segment, slug

ANYTHING = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1)
AWKWARD = st.text(alphabet="./%\\?#@:;&=+ 2eE5cCfFaé…~\n\0v1api-", max_size=40)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("5034460f-c7c4-4c43-9457-de07e2029e7b", "5034460f-c7c4-4c43-9457-de07e2029e7b"),
        ("a/b", "a%2Fb"),
        ("50%", "50%25"),
        ("%2e%2e", "%252e%252e"),
        ("a+b c", "a%2Bb%20c"),
        ("c9:0b", "c9%3A0b"),
        ("?x=1#y", "%3Fx%3D1%23y"),
        ("a\\b@c;d", "a%5Cb%40c%3Bd"),
        ("é🚀", "%C3%A9%F0%9F%9A%80"),
        ("-._~", "-._~"),
        ("...", "..."),
        ("{id}", "%7Bid%7D"),
    ],
)
def test_a_value_is_one_encoded_segment(value: str, encoded: str) -> None:
    assert segment(value) == encoded


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "a part of the path cannot be empty"),
        (".", 'a part of the path cannot be "."'),
        ("..", 'a part of the path cannot be ".."'),
        ("a\nb", 'a part of the path cannot contain control characters, got "a�b"'),
        ("a\x00", 'a part of the path cannot contain control characters, got "a�"'),
        ("\x7f", 'a part of the path cannot contain control characters, got "�"'),
        ("\x9b", 'a part of the path cannot contain control characters, got "�"'),
        ("\ud800", 'a part of the path cannot contain control characters, got "�"'),
    ],
)
def test_what_is_no_segment_is_refused(value: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        segment(value)
    assert str(caught.value) == reason


@given(ANYTHING)
def test_a_segment_holds_no_slash_and_decodes_to_its_value(value: str) -> None:
    if value not in (".", ".."):
        assert "/" not in segment(value)
        assert unquote(segment(value), errors="strict") == value


@pytest.mark.parametrize(
    ("value", "segments", "encoded"),
    [
        ("gh/acme/web", (3,), "gh/acme/web"),
        ("gh/acme/50%", (3,), "gh/acme/50%25"),
        ("github/a b/c+d", (3,), "github/a%20b/c%2Bd"),
        ("circleci/9YytKzouJxzu4TjCRFqAoD/44n9wujWcTnVZ2b5S8Fnat", (3,), None),
        ("gh/acme", (2,), "gh/acme"),
        ("gh/acme", (1, 2), "gh/acme"),
        ("3ddcf1d1-7f5f-4139-8cef-71ad0921a968", (1, 2), None),
    ],
)
def test_a_slug_keeps_its_slashes(value: str, segments: tuple[int, ...], encoded: str) -> None:
    assert slug(value, segments) == (encoded or value)


@pytest.mark.parametrize(
    ("value", "segments", "reason"),
    [
        ("acme/web", (3,), "expected a project slug, vcs/org/repo, e.g. gh/acme/web"),
        ("gh/acme/web/pipeline", (3,), "expected a project slug, vcs/org/repo, e.g. gh/acme/web"),
        ("/gh/acme/web", (3,), "expected a project slug, vcs/org/repo, e.g. gh/acme/web"),
        ("gh/acme/", (3,), "expected a project slug, vcs/org/repo, e.g. gh/acme/web"),
        ("gh/acme/web", (2,), "expected an organization slug, vcs/org, e.g. gh/acme"),
        (
            "gh/acme/web",
            (1, 2),
            "expected an organization slug, vcs/org, e.g. gh/acme, or an organization id",
        ),
    ],
)
def test_a_slug_of_another_form_is_refused(
    value: str, segments: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        slug(value, segments)
    assert str(caught.value) == f'{reason}; got "{value}"'


@pytest.mark.parametrize("value", ["gh/../web", "gh/acme/..", "./acme/web", "gh/ac\nme/web"])
def test_a_slug_with_a_part_that_is_no_segment_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a part of the path cannot"):
        slug(value, (3,))


@pytest.mark.parametrize(
    ("text", "path", "query"),
    [
        ("me", "/api/v2/me", ()),
        ("/me", "/api/v2/me", ()),
        ("v2/me", "/api/v2/me", ()),
        ("/v2/me", "/api/v2/me", ()),
        ("api/v2/me", "/api/v2/me", ()),
        ("/api/v2/me", "/api/v2/me", ()),
        ("/me/", "/api/v2/me/", ()),
        ("/v1.1/projects", "/api/v1.1/projects", ()),
        ("/api/v1.1/projects", "/api/v1.1/projects", ()),
        ("/v3/projects", "/api/v3/projects", ()),
        ("/api/v3/projects", "/api/v3/projects", ()),
        ("/api/private/me", "/api/private/me", ()),
        ("/vault", "/api/v2/vault", ()),
        ("/project/gh/a b/50%/x%20y", "/api/v2/project/gh/a%20b/50%25/x%20y", ()),
        ("/x/%zz/%2", "/api/v2/x/%25zz/%252", ()),
        ("/workflow/é", "/api/v2/workflow/%C3%A9", ()),
        ("/key/c9:0b+1@x", "/api/v2/key/c9:0b+1@x", ()),
        ("/x/...", "/api/v2/x/...", ()),
        ("/me?", "/api/v2/me", ()),
        (
            "/pipeline?org-slug=gh%2Facme&x",
            "/api/v2/pipeline",
            (("org-slug", "gh/acme"), ("x", "")),
        ),
        ("/p?a=1&a=2&b=a+b", "/api/v2/p", (("a", "1"), ("a", "2"), ("b", "a b"))),
        ("/p?u=https://x/../y\\", "/api/v2/p", (("u", "https://x/../y\\"),)),
        ("/p?q=50%", "/api/v2/p", (("q", "50%"),)),
    ],
)
def test_a_raw_path_reaches_its_version(
    text: str, path: str, query: tuple[tuple[str, str], ...]
) -> None:
    assert raw_path(text) == (path, query)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the path is empty"),
        ("/", "the path is empty"),
        ("?a=1", "the path is empty"),
        ("http://evil.example/me", "cannot name a host or a scheme"),
        ("HTTPS://circleci.com/api/v2/me", "cannot name a host or a scheme"),
        ("file:/etc/passwd", "cannot name a host or a scheme"),
        ("javascript:x", "cannot name a host or a scheme"),
        ("user:password@host/me", "cannot name a host or a scheme"),
        ("//evil.example/me", "cannot name a host or a scheme"),
        ("///me", "cannot name a host or a scheme"),
        ("/a//b", "an empty segment"),
        ("@evil.example/me", "cannot start with user@host"),
        ("user@evil.example/me", "cannot start with user@host"),
        ("/%40evil.example/me", "cannot start with user@host"),
        ("\\\\evil.example", "backslashes"),
        ("/a\\..\\b", "backslashes"),
        ("/a/../b", ". or .. segments"),
        ("/a/./b", ". or .. segments"),
        ("..", ". or .. segments"),
        ("/a/%2e%2e/b", ". or .. segments"),
        ("/a/%2E./b", ". or .. segments"),
        ("/a/.%2e", ". or .. segments"),
        ("/a/%252e%252E/b", ". or .. segments"),
        ("/a/%25252e%2e/b", ". or .. segments"),
        ("/a/%%32%65./b", ". or .. segments"),
        ("/a/..;x=1/b", ". or .. segments"),
        ("/api/%2e%2e/admin", ". or .. segments"),
        ("/a%2fb", "encoded slashes"),
        ("/a%2Fb", "encoded slashes"),
        ("/a%5cb", "encoded slashes"),
        ("/a%252fb", "encoded slashes"),
        ("/a\nb", "control characters"),
        ("/a?b=\r\nX: y", "control characters"),
        ("/a\x7f", "control characters"),
        ("/a%0d%0ab", "control characters"),
        ("/a%00", "control characters"),
        ("/\ud800", "control characters or lone surrogates"),
        ("/me#top", "no fragment"),
        ("/%c0%ae%c0%ae/x", "not percent-encoded UTF-8"),
        ("/p?a=%ff", "not percent-encoded UTF-8"),
        ("/api", "names no API version"),
        ("/api/", "names no API version"),
        ("/" + "a" * 8_000, "at most 8000 are sent"),
    ],
)
def test_a_raw_path_that_leads_elsewhere_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is compared below)
        raw_path(text)
    assert reason in str(caught.value)


@given(AWKWARD)
@example("/%%32%65%%32%65/")
def test_a_raw_path_stays_below_api_whatever_it_holds(text: str) -> None:
    try:
        path, _ = raw_path(text)
    except ValueError:
        return
    assert path.startswith("/api/")
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(' \\?#"<>{}')
    decoded = path
    while decoded != unquote(decoded):
        decoded = unquote(decoded)
    assert decoded.count("/") == path.count("/")
    assert not {".", ".."} & set(decoded.split("/"))
    assert raw_path(path) == (path, ())  # What is encoded already is not encoded again.
