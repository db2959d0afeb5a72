"""Fields of answers that are credentials, and the hosts they may be fetched from."""

from typing import Any

import pytest

from kosmo_circleci.call.credentials import Credentials, credentials_of, may_fetch
from kosmo_circleci.catalog.load import load_catalog

CATALOG = load_catalog()
URL = "https://circleci.com/api/private/output/presigned/1?token=jwt"


@pytest.mark.parametrize(
    ("function", "value", "credentials"),
    [
        (
            "get_build",
            {"steps": [{"actions": [{"output_url": URL}, {"output_url": None}, {}]}, {}]},
            Credentials(hidden=(URL,)),
        ),
        (
            "create_runner_token",
            {"data": {"id": "1", "attributes": {"token": "hush", "nickname": "n"}}},
            Credentials(in_result=("hush",)),
        ),
        ("get_usage_export", {"download_urls": ["a", "b"]}, Credentials(in_result=("a", "b"))),
        ("get_usage_export", {"download_urls": None}, Credentials()),
        ("get_usage_export", "not what it should be", Credentials()),
        ("get_build", {"steps": "none", "token": "x"}, Credentials()),
        ("get_pipeline", {"token": "x"}, Credentials()),
    ],
)
def test_the_manifest_says_which_fields_are_credentials(
    function: str, value: Any, credentials: Credentials
) -> None:
    assert credentials_of(CATALOG[function], value) == credentials


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (URL, True),
        ("https://app.circleci.com/x", True),
        ("https://circleci-output.s3.amazonaws.com/x?X-Amz-Signature=1", True),
        ("https://exports.s3.us-east-1.amazonaws.com/x", True),
        ("https://CIRCLECI.com:443/x", True),
        ("https://ci.example.com/output/1", True),  # the account's own
        ("https://ci.example.com:8443/output/1", False),
        ("http://circleci.com/x", False),
        ("https://circleci.com:8443/x", False),
        ("https://notcircleci.com/x", False),
        ("https://circleci.com.evil.example/x", False),
        ("https://evil.example/circleci.com", False),
        ("https://user@circleci.com/x", False),
        ("https://circleci.com@evil.example/x", False),
        ("https://evil.example\\@circleci.com/x", False),
        ("https://circleci.com/a b", False),
        ("https://circleci.com/a\nb", False),
        ("//circleci.com/x", False),
        ("https://[::1", False),
        ("https://circleci.com:port/x", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_a_credential_url_is_fetched_from_listed_hosts_and_the_own_origin(
    url: str, allowed: bool
) -> None:
    assert may_fetch(url, "https://ci.example.com", CATALOG.credential_hosts) is allowed


def test_a_wildcard_is_a_subdomain_and_not_the_domain() -> None:
    assert may_fetch("https://a.b.example.com/", "", ["*.example.com"])
    assert not may_fetch("https://example.com/", "", ["*.example.com"])
