"""Base URL forms -> origin."""

import pytest

from kosmo_circleci.config.urls import origin


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/", "/api/v2", "/api/v2/"])
def test_every_form_of_a_base_url_means_its_origin(path: str) -> None:
    assert origin(f"https://circleci.example.com{path}") == "https://circleci.example.com"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (" https://circleci.com\n", "https://circleci.com"),
        ("HTTPS://CircleCI.com", "https://circleci.com"),
        ("https://circleci.com:443/api", "https://circleci.com"),
        ("https://circleci.com:8443", "https://circleci.com:8443"),
        ("https://[2001:db8::1]:8443/api/v2", "https://[2001:db8::1]:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8000/api", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_written_in_one_way(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "is not a base URL; write it as https://host"),
        ("circleci.com", "is not a base URL; write it as https://host"),
        ("ftp://circleci.com", "is not a base URL; write it as https://host"),
        ("https://", "is not a base URL; write it as https://host"),
        ("https:///api", "is not a base URL; write it as https://host"),
        ("https://circleci.com:port", "is not a URL: "),
        ("https://[::1", "is not a URL: "),
        ("https://circleci.com/app", "has more than a host"),
        ("https://circleci.com/api/v1.1", "has more than a host"),
        ("https://circleci.com?x=1", "has more than a host"),
        ("https://circleci.com#x", "has more than a host"),
        ("https://user:pass@circleci.com", "must not hold a user name or password"),
        ("https://user@circleci.com", "must not hold a user name or password"),
        ("https://circle ci.com", "holds a character no URL may hold"),
        ("https://circleci.com\\@evil.example", "holds a character no URL may hold"),
        ("http://circleci.com", "would send the token in the clear"),
        ("http://localhost.example.com", "would send the token in the clear"),
        ("http://10.0.0.1", "would send the token in the clear"),
        ("http://127.1", "would send the token in the clear"),
        ("http://0.0.0.0", "would send the token in the clear"),
    ],
)
def test_anything_else_is_refused_with_the_reason(url: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the message is compared below
        origin(url)
    assert complaint in str(caught.value)
    assert "pass@" not in str(caught.value)
