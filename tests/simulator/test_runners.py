"""Self-hosted runners and iOS signing: their rules, their secrets, their refusals."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., tuple[int, Any]]

RUNNER = "/api/v3/runner"
SIGNING = "/api/v3/signing"


def data(ask: Ask, path: str) -> Any:
    status, answer = ask("GET", path)
    assert status == 200, answer
    return answer["data"]


def create_class(ask: Ask, name: str) -> tuple[int, Any]:
    attributes = {"resource_class": name, "description": ""}
    body = {"data": {"attributes": attributes, "references": {"org": {"id": "org-uuid"}}}}
    return ask("POST", f"{RUNNER}/resource-classes", body)


def create_token(ask: Ask, class_id: str = "resource-class-uuid") -> tuple[int, Any]:
    references = {"resource_class": {"id": class_id}}
    body = {"data": {"attributes": {"nickname": "mine"}, "references": references}}
    return ask("POST", f"{RUNNER}/tokens", body)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("filter[org_id]=org-uuid", ["example-org/example-runner"]),
        ("filter[namespace]=example-org", ["example-org/example-runner"]),
        ("filter[resource_class]=example-org/example-runner", ["example-org/example-runner"]),
        ("filter[org_id]=nothing", []),
        ("filter[namespace]=nothing", []),
        ("filter[resource_class]=example-org/nothing", 404),
        ("", 400),
        ("filter[org_id]=org-uuid&filter[namespace]=example-org", 400),
    ],
)
def test_resource_classes_are_listed_by_exactly_one_filter(
    ask: Ask, query: str, answer: Any
) -> None:
    status, body = ask("GET", f"{RUNNER}/resource-classes?{query}")
    if status == 200:
        assert [each["attributes"]["resource_class"] for each in body["data"]] == answer
    else:
        assert status == answer


def test_a_resource_class_lives_in_a_namespace_of_its_organization(ask: Ask) -> None:
    status, answer = create_class(ask, "example-org/arm")
    assert (status, answer["data"]["attributes"]["resource_class"]) == (200, "example-org/arm")
    refused = {
        name: create_class(ask, name)[0]
        for name in ("example-org/arm", "circleci/arm", "nothing/arm", "arm")
    }
    assert refused == {"example-org/arm": 409, "circleci/arm": 400, "nothing/arm": 404, "arm": 400}


def test_a_description_is_all_that_changes(ask: Ask) -> None:
    path = f"{RUNNER}/resource-classes/resource-class-uuid"
    ask("POST", f"{path}/update", {"description": "for arm"})
    assert data(ask, path)["attributes"] == {
        "resource_class": "example-org/example-runner",
        "description": "for arm",
    }


def test_a_token_is_shown_once(ask: Ask) -> None:
    created = create_token(ask)[1]["data"]
    token = created["attributes"].pop("token")
    assert len(token) == 80
    assert data(ask, f"{RUNNER}/tokens/{created['id']}") == created
    path = f"{RUNNER}/tokens?filter[resource_class]=example-org/example-runner"
    rows = data(ask, path)
    assert [each["attributes"]["nickname"] for each in rows] == ["example", "mine"]
    assert token not in str(rows)
    assert create_token(ask)[1]["data"]["attributes"]["token"] != token


def test_a_resource_class_with_tokens_is_deleted_by_force_alone(ask: Ask) -> None:
    path = f"{RUNNER}/resource-classes/resource-class-uuid"
    assert ask("DELETE", path)[0] == 409
    assert ask("DELETE", f"{path}?force=true")[0] == 204
    assert ask("GET", f"{RUNNER}/tokens/runner-token-uuid")[0] == 404
    assert ask("GET", path)[0] == 404


def test_a_fleet_counts_its_agents_and_alone_tells_its_queue(ask: Ask) -> None:
    [listed] = data(ask, f"{RUNNER}/fleets?filter[org_id]=org-uuid")
    one = data(ask, f"{RUNNER}/fleets/resource-class-uuid")
    attributes = one["attributes"]
    counts = [attributes[key] for key in ("active_agents", "idle_agents", "agent_count")]
    assert counts == [1, 1, 2]
    assert attributes.keys() - listed["attributes"].keys() == {"running_tasks", "queued_tasks"}
    agents = data(ask, f"{RUNNER}/agents?filter[namespace]=example-org")
    assert [each["id"] for each in agents] == [
        each["id"] for each in one["references"]["runner_agents"]
    ]
    assert [each["attributes"]["is_busy"] for each in agents] == [True, False]


def test_a_new_fleet_is_empty_and_never_worked(ask: Ask) -> None:
    class_id = create_class(ask, "example-org/arm")[1]["data"]["id"]
    attributes = data(ask, f"{RUNNER}/fleets/{class_id}")["attributes"]
    assert (attributes["agent_count"], attributes["last_task_claimed_at"]) == (0, None)
    assert ask("GET", f"{RUNNER}/fleets/{class_id}?filter[org_id]=org-uuid")[0] == 400


def certificate(ask: Ask, blob: str = "MIIB", **attributes: str) -> tuple[int, Any]:
    fields = {"file_name": "dist.p12", "cert_blob": blob, "cert_password": "", **attributes}
    body = {"data": {"attributes": fields, "references": {"org": {"id": "org-uuid"}}}}
    return ask("POST", f"{SIGNING}/certificates", body)


def config(ask: Ask, name: str = "release", profiles: Any = None) -> tuple[int, Any]:
    default = [{"file_name": "app.mobileprovision", "blob": "MIIB"}]
    attributes = {
        "name": name,
        "provisioning_profiles": default if profiles is None else profiles,
    }
    references = {
        "org": {"id": "org-uuid"},
        "signing_certificate": {"id": "certificate-uuid"},
    }
    return ask(
        "POST",
        f"{SIGNING}/configs",
        {"data": {"attributes": attributes, "references": references}},
    )


def test_the_same_certificate_twice_keeps_its_first_id_and_name(ask: Ask) -> None:
    status, first = certificate(ask)
    assert status == 201
    assert certificate(ask, file_name="other.p12") == (201, first)
    rows = data(ask, f"{SIGNING}/certificates?filter[org_id]=org-uuid")
    names = [each["attributes"]["file_name"] for each in rows]
    assert names == ["distribution.p12", "store.p12", "dist.p12"]
    assert "MIIB" not in str(rows)


@pytest.mark.parametrize(
    "change",
    [{"blob": "not base64!"}, {"cert_password": "wrong"}, {"file_name": "x" * 41}],
)
def test_a_certificate_that_cannot_be_read_is_refused(ask: Ask, change: dict[str, str]) -> None:
    status, answer = certificate(ask, **change)
    assert (status, answer["error"]["type"]) == (400, "validation_error")


def test_a_certificate_in_use_cannot_be_deleted(ask: Ask) -> None:
    assert ask("DELETE", f"{SIGNING}/certificates/another-certificate-uuid")[0] == 409
    assert ask("DELETE", f"{SIGNING}/configs/signing-config-uuid")[0] == 204
    assert ask("DELETE", f"{SIGNING}/certificates/another-certificate-uuid")[0] == 204


def test_a_signing_config_needs_a_free_name_and_a_profile(ask: Ask) -> None:
    assert config(ask)[0] == 201
    statuses = [config(ask)[0], config(ask, "bad name")[0], config(ask, "empty", [])[0]]
    assert statuses == [409, 400, 400]
    rows = data(ask, f"{SIGNING}/configs?filter[org_id]=org-uuid")
    assert [each["attributes"]["name"] for each in rows] == ["app-store", "release"]
    profiles = rows[1]["attributes"]["provisioning_profiles"]
    assert [each["file_name"] for each in profiles] == ["app.mobileprovision"]
