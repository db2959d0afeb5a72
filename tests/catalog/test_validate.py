"""A manifest that contradicts itself is refused, with every contradiction named."""

from collections.abc import Callable
from typing import Any

import pytest

from kosmo_circleci.catalog.validate import ManifestError, parse

Manifest = dict[str, Any]


def get(manifest: Manifest) -> Any:
    return manifest["functions"][0]


def make(manifest: Manifest) -> Any:
    return manifest["functions"][1]


def parameter(manifest: Manifest) -> Any:
    return get(manifest)["params"][0]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda m: get(m).pop("summary"), "get_widget: 'summary' is missing"),
        (lambda m: get(m).update(colour=1), "get_widget: unknown key 'colour'"),
        (lambda m: parameter(m).pop("type"), "get_widget.widget_id: 'type' is missing"),
        (lambda m: parameter(m).update(requird=True), "unknown key 'requird'"),
        (lambda m: m["functions"].append(get(m)), "duplicate function 'get_widget'"),
        (lambda m: get(m).update(kind="readonly"), "kind is neither read nor write"),
        (lambda m: get(m).update(kind="write"), "a GET cannot be a write"),
        (
            lambda m: make(m).update(kind="read"),
            "only a GET can be a read, unless it says stores_nothing",
        ),
        (lambda m: get(m).update(method="HEAD"), "the method is none of the five"),
        (lambda m: get(m).update(has_body=True), "a GET or DELETE has no body"),
        (lambda m: make(m).pop("has_body"), "has body parameters but no has_body"),
        (lambda m: get(m).update(summary="Get a widget"), "the summary is not a sentence"),
        (lambda m: get(m).update(example="return 1"), "the example does not call the function"),
        (lambda m: get(m).update(related=["gone"]), "related function 'gone' does not exist"),
        (lambda m: get(m).update(result="Gadget"), "unknown shape 'Gadget'"),
        (lambda m: get(m).update(path="/widget/{id}"), "is not in the path: {widget-id}"),
        (lambda m: get(m).update(path="/w/{widget-id}/{n}"), "placeholder without a parameter"),
        (lambda m: get(m)["params"].clear(), "placeholder without a parameter"),
        (lambda m: get(m)["params"].append(parameter(m)), "duplicate parameter 'widget_id'"),
        (lambda m: parameter(m).update(required=False), "'widget_id' must be required"),
        (lambda m: parameter(m).update(description=""), "has no description"),
        (lambda m: parameter(m).update(type="strng"), "has the type 'strng', which is not one of"),
        (lambda m: parameter(m).update({"in": "cookie"}), "has the place 'cookie'"),
        (lambda m: make(m)["params"][1].update({"in": "header"}), "is a header without a template"),
        (
            lambda m: parameter(m).update(template="{value}"),
            "has a template without being a header",
        ),
        (
            lambda m: make(m)["params"][1].update({"in": "header", "template": "bytes"}),
            "has a template without {value}",
        ),
        (lambda m: parameter(m).update(absent=""), "must be an optional body field"),
        (lambda m: parameter(m).update(maximum=20), "has a maximum but is not an integer"),
        (lambda m: parameter(m).update(unit="miles"), "has an unknown unit"),
        (lambda m: get(m).update(version="v4"), "the version is neither v2, v3 nor v1.1"),
        (lambda m: get(m).update(answer="xml"), "the answer is neither json, text nor jsonl"),
        (lambda m: get(m).update(exactly_one_of=["gone"]), "names one that does not exist"),
        (
            lambda m: get(m).update(
                fixed=[{"in": "query", "wire": "a", "value": x} for x in ("1", "2")]
            ),
            "duplicate wire place 'query a'",
        ),
        (
            lambda m: m["functions"].append(
                get(m) | {"name": "get_widget_v3", "version": "v3", "example": "get_widget_v3()"}
            ),
            "the operation 'get_widget' is GET /api/v2/widget/{widget-id}",
        ),
        (lambda m: parameter(m).update(encode="base64"), "has the encoding 'base64'"),
        (lambda m: parameter(m).update(encode="slug"), "is a slug without its number of segments"),
        (lambda m: parameter(m).update(segments=[2]), "is a slug without its number of segments"),
        (
            lambda m: make(m)["params"][1].update(encode="slug", segments=[2]),
            "is encoded for a path, and not in the path",
        ),
        (
            lambda m: parameter(m).update(type="integer", enum=["1"]),
            "has an enum but is neither a string",
        ),
        (lambda m: parameter(m).update(enum=["a"], default="b"), "has a default outside its enum"),
        (lambda m: parameter(m).update(repeated=True), "must be an array in the query"),
        (lambda m: get(m).update(paginated=True), "its last parameter must be page_token"),
        (
            lambda m: make(m)["params"][1].update(part_of="name"),
            "is part of 'name', which is not an object",
        ),
        (lambda m: make(m)["params"][1].update(wire="ownerid"), "is not inside 'owner'"),
        (
            lambda m: m["functions"].append(
                get(m) | {"name": "read_widget", "operation": "other", "example": "read_widget()"}
            ),
            "GET /api/v2/widget/{widget-id} is the operation 'get_widget' elsewhere",
        ),
        (lambda m: m.pop("shapes"), "the manifest lacks 'shapes'"),
        (lambda m: m.pop("functions"), "the manifest lacks 'functions'"),
    ],
)
def test_a_contradiction_is_refused(
    spoil: Callable[[Manifest], Any], complaint: str, manifest: Manifest
) -> None:
    spoil(manifest)
    with pytest.raises(ManifestError) as caught:
        parse(manifest)
    assert complaint in str(caught.value)


def test_a_post_that_stores_nothing_may_be_a_read(manifest: Manifest) -> None:
    make(manifest).update(kind="read", stores_nothing=True)
    assert parse(manifest)["make_widget"].kind == "read"


def test_every_contradiction_is_named_at_once(manifest: Manifest) -> None:
    get(manifest).update(summary="Get a widget", related=["gone"])
    make(manifest).update(summary="Make a widget")
    with pytest.raises(ManifestError) as caught:
        parse(manifest)
    assert str(caught.value).splitlines() == [
        "the manifest contradicts itself:",
        "  get_widget: the summary is not a sentence",
        "  get_widget: related function 'gone' does not exist",
        "  make_widget: the summary is not a sentence",
    ]
