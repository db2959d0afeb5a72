"""Fields of answers that are credentials."""

from typing import Any

import pytest

from kosmo_circleci.call.credentials import Credentials, credentials_of
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
