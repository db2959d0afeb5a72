"""What an organization has: groups, allowed orbs, exporters, usage exports; a project's keys."""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from kosmo_circleci.simulator.transport import SimulatorTransport

Ask = Callable[..., tuple[int, Any]]

GROUPS = "/organizations/org-uuid/groups"
ORBS = "/organization/gh/example-org/url-orb-allow-list"
EXPORTS = "/organizations/org-uuid/usage_export_job"
KEYS = "/project/gh/example-org/example-repo/checkout-key"


def test_a_group_is_created_read_listed_and_deleted(ask: Ask) -> None:
    status, group = ask("POST", GROUPS, {"name": "team", "description": "The team"})
    assert (status, group) == (
        200,
        {"id": group["id"], "name": "team", "description": "The team"},
    )
    assert ask("GET", f"{GROUPS}/{group['id']}") == (200, group)
    assert ask("POST", GROUPS, {"name": "team"}) == (
        400,
        {"message": "A group named team already exists."},
    )
    assert ask("DELETE", f"{GROUPS}/{group['id']}") == (204, None)
    assert ask("GET", f"{GROUPS}/{group['id']}") == (404, {"message": "Group not found"})


def test_the_limit_is_the_size_of_a_page_of_groups(ask: Ask) -> None:
    names, token = [], None
    for _ in range(2):
        query = {"limit": 1} | ({"page_token": token} if token else {})
        page = ask("GET", GROUPS, **query)[1]
        names += [each["name"] for each in page["items"]]
        token = page["next_page_token"]
    assert (names, token) == (["developers", "release managers"], None)
    message = "limit: expected an integer from 1 to 100"
    assert ask("GET", GROUPS, limit=0) == (400, {"message": message})
    assert ask("GET", GROUPS, limit="x") == (400, {"message": "limit: expected an integer"})


def test_a_context_is_restricted_to_a_group_of_its_organization(ask: Ask) -> None:
    path = "/context/context-uuid/restrictions"
    body = {"restriction_type": "group", "restriction_value": "group-uuid"}
    status, restriction = ask("POST", path, body)
    assert (status, restriction["name"]) == (201, "developers")
    body["restriction_value"] = "nothing-uuid"
    assert ask("POST", path, body) == (404, {"message": "Group not found"})


def test_orbs_of_an_address_are_allowed_and_no_more(ask: Ask) -> None:
    body = {"name": "ours", "prefix": "https://example.com/orbs/"}
    status, entry = ask("POST", ORBS, body)
    assert (status, entry) == (200, body | {"id": entry["id"], "auth": "none"})
    ids = [each["id"] for each in ask("GET", ORBS)[1]["items"]]
    assert ids == ["allow-list-entry-uuid", entry["id"]]
    assert ask("DELETE", f"{ORBS}/{entry['id']}") == (204, None)
    assert ask("DELETE", f"{ORBS}/{entry['id']}") == (
        404,
        {"message": "Allow-list entry not found"},
    )
    assert ask("POST", ORBS, {"name": "ours"}) == (
        400,
        {"message": "prefix: this field is required"},
    )
    assert ask("POST", ORBS, body | {"prefix": "http://example.com"}) == (
        400,
        {"message": "prefix: expected an address that begins with https://"},
    )


def test_an_exporter_shows_no_value_of_its_headers(ask: Ask) -> None:
    body = {
        "org_id": "org-uuid",
        "endpoint": "otel.example.com:4317",
        "protocol": "grpc",
        "headers": {"x-api-key": "very-secret-key"},
    }
    status, exporter = ask("POST", "/otel/exporters", body)
    additions = {"id": exporter["id"], "insecure": False, "headers": {"x-api-key": "xxxx-key"}}
    assert (status, exporter) == (200, body | additions)
    listed = ask("GET", "/otel/exporters", org_id="org-uuid")[1]["items"]
    assert [each["id"] for each in listed] == ["exporter-uuid", exporter["id"]]
    assert ask("DELETE", f"/otel/exporters/{exporter['id']}") == (204, None)
    assert len(ask("GET", "/otel/exporters", org_id="org-uuid")[1]["items"]) == 1


def test_a_usage_export_is_made_while_time_passes(ask: Ask, simulator: SimulatorTransport) -> None:
    body = {"start": "2025-01-01T00:00:00Z", "end": "2025-01-14T00:00:00Z"}
    status, export = ask("POST", EXPORTS, body)
    path = f"{EXPORTS}/{export['usage_export_job_id']}"
    assert (status, export["state"], export["download_urls"]) == (201, "created", [])
    assert (export["start"], export["end"]) == (body["start"], body["end"])
    assert ask("GET", path)[1]["state"] == "processing"
    simulator.advance(20)
    done = ask("GET", path)[1]
    assert (done["state"], len(done["download_urls"])) == ("completed", 1)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (
            "2025-01-02T00:00:00Z",
            "2025-01-01T00:00:00Z",
            "end: expected a time after start",
        ),
        (
            "2025-01-01T00:00:00Z",
            "2025-02-01T00:00:01Z",
            "end: expected at most 31 days after start",
        ),
        (
            "2023-01-01T00:00:00Z",
            "2023-01-31T00:00:00Z",
            "start: expected at most a year ago",
        ),
        (
            "yesterday",
            "2025-01-01T00:00:00Z",
            "start: expected a time such as 2025-01-15T10:00:00Z",
        ),
    ],
)
def test_a_usage_export_of_no_such_time_is_refused(
    ask: Ask, start: str, end: str, message: str
) -> None:
    assert ask("POST", EXPORTS, {"start": start, "end": end}) == (400, {"message": message})


def test_a_checkout_key_has_the_fingerprints_of_its_public_key(ask: Ask) -> None:
    status, key = ask("POST", KEYS, {"type": "user-key"})
    assert (status, key["type"], key["preferred"]) == (201, "github-user-key", True)
    blob = b64decode(key["public-key"].removeprefix("ssh-ed25519 "))
    assert key["fingerprint"] == hashlib.md5(blob).digest().hex(":")
    sha256 = "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    listed = ask("GET", KEYS, digest="sha256")[1]["items"]
    assert listed[1] == key | {"fingerprint": sha256}
    assert [each["preferred"] for each in listed] == [False, True]
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", listed[0]["fingerprint"])
    for fingerprint in (key["fingerprint"], sha256):
        answer = ask("GET", f"{KEYS}/{quote(fingerprint, safe='')}")
        assert answer == (200, key | {"fingerprint": fingerprint})
    path = f"{KEYS}/{quote(sha256, safe='')}"
    assert ask("DELETE", path) == (200, {"message": "Checkout key deleted."})
    assert ask("DELETE", path) == (404, {"message": "Checkout key not found"})
