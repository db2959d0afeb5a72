"""Deprecation and Sunset headers become one line for people."""

from datetime import UTC, datetime

import pytest

from kosmo_circleci.call.deprecation import Deprecation, deprecation_of, describe, route_of
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.catalog.load import load_catalog

END = datetime(2027, 2, 1, tzinfo=UTC)
HTTP_DATE = "Mon, 01 Feb 2027 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "deprecation"),
    [
        ({}, None),
        ({"deprecation": "false"}, None),
        ({"deprecation": "true"}, Deprecation()),
        ({"deprecation": "@1688169599"}, Deprecation()),
        ({"deprecation": "true", "sunset": HTTP_DATE}, Deprecation(END)),
        ({"sunset": "Mon, 01 Feb 2027 01:00:00 +0100"}, Deprecation(END)),
        ({"deprecation": "true", "sunset": "some day"}, Deprecation()),
        ({"sunset": "some day"}, None),
    ],
)
def test_headers_say_whether_and_when_a_route_goes(
    headers: dict[str, str], deprecation: Deprecation | None
) -> None:
    assert deprecation_of(ApiResponse(200, headers, b"")) == deprecation


@pytest.mark.parametrize(
    ("deprecation", "now", "ending"),
    [
        (Deprecation(), END, "is deprecated by CircleCI."),
        (
            Deprecation(END),
            datetime(2026, 11, 29, 12, tzinfo=UTC),
            "is deprecated; CircleCI removes it on 2027-02-01, in 63 days.",
        ),
        (
            Deprecation(END),
            datetime(2027, 1, 30, 12, tzinfo=UTC),
            "is deprecated; CircleCI removes it on 2027-02-01, in 1 day.",
        ),
        (
            Deprecation(END),
            datetime(2027, 1, 31, 23, tzinfo=UTC),
            "is deprecated; CircleCI removes it on 2027-02-01, in less than a day.",
        ),
        (
            Deprecation(END),
            datetime(2027, 2, 2, tzinfo=UTC),
            "is deprecated; CircleCI announced its end for 2027-02-01.",
        ),
    ],
)
def test_the_line_names_the_route_and_the_days_left(
    deprecation: Deprecation, now: datetime, ending: str
) -> None:
    route = "POST /api/v1.1/project/{vcs-type}/{username}/{project}/follow"
    assert describe(route, deprecation, now) == f"{route} {ending}"


def test_the_route_is_the_template_but_for_raw_calls() -> None:
    catalog = load_catalog()
    assert route_of(catalog["get_pipeline"], "/api/v2/pipeline/p") == (
        "GET /api/v2/pipeline/{pipeline-id}"
    )
    assert route_of(catalog["api_post"], "/api/v1.1/x") == "POST /api/v1.1/x"
