"""Orbs and namespaces: found, created, published, promoted, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.simulator.seeded import ANOTHER_TOKEN
from kosmo_circleci.transport.wire import WireResponse

Ask = Callable[..., tuple[int, Any]]
Send = Callable[..., WireResponse]

YAML = "version: 2.1\ndescription: an example\n"


def data(ask: Ask, method: str, path: str, body: Any = None) -> Any:
    status, answer = ask(method, f"/api/v3{path}", body)
    assert status in (200, 201), answer
    return answer["data"]


def listed(ask: Ask, query: str) -> list[str]:
    return [each["attributes"]["name"] for each in data(ask, "GET", f"/orb/packages?{query}")]


def publish(ask: Ask, version: str, orb_id: str = "orb-uuid", source: str = YAML) -> Any:
    attributes = {"orb_id": orb_id, "yaml": source, "version": version}
    return ask("POST", "/api/v3/orb/versions", {"data": {"attributes": attributes}})


def versions(ask: Ask, channel: str = "stable") -> list[str]:
    path = f"/orb/versions?filter[orb_id]=orb-uuid&filter[channel]={channel}"
    return [each["attributes"]["version"] for each in data(ask, "GET", path)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["example-org/example-orb", "circleci/node"]),
        ("filter[certified]=true", ["circleci/node"]),
        ("filter[namespace_id]=namespace-uuid", ["example-org/example-orb"]),
        ("filter[namespace_id]=namespace-uuid&filter[certified]=true", ["example-org/example-orb"]),
        (
            "filter[namespace_id]=namespace-uuid&filter[visibility]=private",
            ["example-org/private-orb"],
        ),
        ("filter[visibility]=private", ["example-org/example-orb", "circleci/node"]),
        ("filter[name]=example-org/private-orb", ["example-org/private-orb"]),
        ("filter[name]=example-org/nothing", []),
        ("filter[name]=circleci/node&filter[visibility]=private", ["circleci/node"]),
    ],
)
def test_orbs_are_listed_by_filters_that_do_not_combine(
    ask: Ask, query: str, expected: list[str]
) -> None:
    assert listed(ask, query) == expected


def test_a_list_shows_less_of_an_orb_than_a_look_at_it(ask: Ask) -> None:
    thin = data(ask, "GET", "/orb/packages?filter[namespace_id]=namespace-uuid")[0]
    whole = data(ask, "GET", "/orb/packages/orb-uuid")
    assert not thin["attributes"].keys() & {"created_at", "home_url"}
    assert thin["references"]["namespace"] == {"id": "namespace-uuid"}
    assert [each["attributes"]["version"] for each in thin["references"]["orb_versions"]] == [
        "1.1.0"
    ]
    assert whole["attributes"]["home_url"].endswith("/example-org/example-orb")
    assert [each["attributes"]["version"] for each in whole["references"]["orb_versions"]] == [
        "1.1.0",
        "1.0.0",
    ]


def test_a_private_orb_is_hidden_from_other_organizations(ask: Ask) -> None:
    assert ask("GET", "/api/v3/orb/packages/private-orb-uuid")[0] == 200
    assert ask("GET", "/api/v3/orb/packages/private-orb-uuid", token=ANOTHER_TOKEN)[0] == 200
    created = ask("POST", "/organization", {"name": "acme", "vcs_type": "github"})[1]
    body = {"name": "acme-orbs", "org_id": created["id"]}
    namespace = data(ask, "POST", "/namespaces", body)
    attributes = {"name": "secret", "is_private": True}
    references = {"namespace": {"id": namespace["id"]}}
    orb = data(
        ask, "POST", "/orb/packages", {"data": {"attributes": attributes, "references": references}}
    )
    path = f"/api/v3/orb/packages/{orb['id']}"
    assert ask("GET", path)[0] == 200
    assert ask("GET", path, token=ANOTHER_TOKEN)[0] == 404
    assert ask(
        "GET", "/api/v3/orb/packages?filter[name]=acme-orbs/secret", token=ANOTHER_TOKEN
    ) == (
        200,
        {"data": [], "page": {"next": None}},
    )


def test_an_orb_is_created_by_its_name_alone(ask: Ask) -> None:
    def create(name: str) -> tuple[int, Any]:
        references = {"namespace": {"id": "namespace-uuid"}}
        body = {"data": {"attributes": {"name": name}, "references": references}}
        return ask("POST", "/api/v3/orb/packages", body)

    status, answer = create("new-orb")
    assert (status, answer["data"]["attributes"]["name"]) == (201, "example-org/new-orb")
    status, answer = create("example-org/new-orb")
    assert (status, answer["error"]["detail"]) == (400, "this name is invalid")
    assert create("new-orb")[0] == 409


def test_a_stable_version_is_for_good_and_a_dev_version_is_not(ask: Ask) -> None:
    assert publish(ask, "1.2.0")[0] == 201
    assert publish(ask, "1.2.0")[0] == 409
    first, second = (publish(ask, "dev:x", source=f"{YAML}# {each}")[1]["data"] for each in "ab")
    assert first["id"] != second["id"]
    assert versions(ask) == ["1.2.0", "1.1.0", "1.0.0"]
    assert versions(ask, "dev") == ["dev:x", "dev:example"]


@pytest.mark.parametrize(
    ("version", "source", "title"),
    [
        ("1.2", YAML, "Invalid version"),
        ("01.2.3", YAML, "Invalid version"),
        ("latest", YAML, "Invalid version"),
        ("1.2.3", "description: no version", "Invalid orb"),
    ],
)
def test_what_cannot_be_published_is_refused(
    ask: Ask, version: str, source: str, title: str
) -> None:
    status, answer = publish(ask, version, source=source)
    assert (status, answer["error"]["title"]) == (400, title)


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ({"segment": "patch"}, "1.1.1"),
        ({"segment": "minor"}, "1.2.0"),
        ({"segment": "major"}, "2.0.0"),
        ({"semantic_version": "5.0.0"}, "5.0.0"),
        ({"segment": "patch", "semantic_version": "5.0.0"}, "1.1.1"),
    ],
)
def test_a_dev_version_is_promoted(ask: Ask, body: dict[str, str], version: str) -> None:
    path = "/orb/versions/orb-dev-version-uuid/promote"
    promoted = data(ask, "POST", path, body)
    assert promoted["attributes"]["version"] == version
    assert versions(ask)[0] == version
    by_ref = f"/orb/versions?filter[ref]=example-org/example-orb@{version}"
    assert data(ask, "GET", by_ref) == [promoted]


def test_what_cannot_be_promoted_is_refused(ask: Ask) -> None:
    path = "/api/v3/orb/versions"
    assert ask("POST", f"{path}/orb-dev-version-uuid/promote", {})[0] == 400
    assert ask("POST", f"{path}/orb-version-uuid/promote", {"segment": "patch"})[0] == 400
    body = {"semantic_version": "1.1.0"}
    assert ask("POST", f"{path}/orb-dev-version-uuid/promote", body)[0] == 409


@pytest.mark.parametrize(
    ("ref", "ids"),
    [
        ("example-org/example-orb@volatile", ["orb-version-uuid"]),
        ("example-org/example-orb@1.0.0", ["first-orb-version-uuid"]),
        ("example-org/example-orb@dev:example", ["orb-dev-version-uuid"]),
        ("example-org/example-orb@9.9.9", []),
        ("example-org/example-orb", []),
        ("example-org/nothing@volatile", []),
    ],
)
def test_a_version_is_found_by_its_reference(ask: Ask, ref: str, ids: list[str]) -> None:
    rows = data(ask, "GET", f"/orb/versions?filter[ref]={ref}")
    assert [each["id"] for each in rows] == ids


def test_the_source_of_a_version_is_text(send: Send) -> None:
    answer = send("GET", "/api/v3/orb/versions/orb-version-uuid/source")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body == b"version: 2.1\ndescription: version 1.1.0 of an example\n"


def test_an_unlisted_orb_leaves_the_lists_and_can_be_found_by_name(ask: Ask) -> None:
    answer = data(ask, "POST", "/orb/packages/orb-uuid/set-listed", {"is_listed": False})
    assert answer["attributes"]["is_listed"] is False
    assert listed(ask, "filter[namespace_id]=namespace-uuid") == []
    assert listed(ask, "filter[name]=example-org/example-orb") == ["example-org/example-orb"]


def test_an_orb_has_two_categories_at_most(ask: Ask) -> None:
    def add(category_id: str) -> tuple[int, Any]:
        path = "/api/v3/orb/packages/orb-uuid/add-category"
        return ask("POST", path, {"category_id": category_id})

    assert add("orb-category-uuid")[0] == 200
    assert add("orb-category-uuid")[0] == 200  # again: it has it already
    assert add("testing-category-uuid")[0] == 400
    assert add("nothing")[0] == 404
    path = "/orb/packages/orb-uuid/remove-category"
    after = data(ask, "POST", path, {"category_id": "orb-category-uuid"})
    categories = after["references"]["orb_categories"]
    assert [each["attributes"]["name"] for each in categories] == ["Build"]


def test_an_orb_is_validated_without_being_stored(ask: Ask) -> None:
    good = data(ask, "POST", "/orb/packages/validate", {"yaml": YAML})["attributes"]
    assert good == {"is_valid": True, "errors": [], "output_yaml": YAML}
    bad = data(ask, "POST", "/orb/packages/validate", {"yaml": "description: x"})["attributes"]
    assert bad == {"is_valid": False, "errors": ["version: this key is required"]}


def test_the_name_of_a_namespace_is_unique_and_can_change(ask: Ask) -> None:
    def create(name: str) -> int:
        return ask("POST", "/api/v3/namespaces", {"name": name, "org_id": "org-uuid"})[0]

    assert (create("fresh"), create("fresh"), create("Not Good")) == (201, 409, 400)
    path = "/namespaces/namespace-uuid/rename"
    assert data(ask, "POST", path, {"name": "renamed"})["attributes"] == {"name": "renamed"}
    assert listed(ask, "filter[name]=renamed/example-orb") == ["renamed/example-orb"]
    assert ask("GET", "/api/v3/namespaces?filter[name]=example-org")[0] == 404


def test_a_deleted_namespace_takes_its_orbs_along(ask: Ask) -> None:
    assert ask("DELETE", "/api/v3/namespaces/namespace-uuid") == (204, None)
    assert ask("GET", "/api/v3/orb/packages/orb-uuid")[0] == 404
    assert ask("GET", "/api/v3/orb/versions/orb-version-uuid/source")[0] == 404


def test_what_belongs_to_others_cannot_be_changed(ask: Ask) -> None:
    assert ask("DELETE", "/api/v3/namespaces/circleci-namespace-uuid")[0] == 404
    path = "/api/v3/orb/packages/node-orb-uuid/set-listed"
    assert ask("POST", path, {"is_listed": False})[0] == 404
    assert publish(ask, "9.0.0", "node-orb-uuid")[0] == 404
