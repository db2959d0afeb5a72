"""The catalog builds a function on its first use and keeps it."""

from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.validate import parse


def test_a_manifest_in_order_becomes_a_catalog(manifest: dict[str, Any]) -> None:
    catalog = parse(manifest)
    assert catalog.names == ("get_widget", "make_widget")
    assert "get_widget" in catalog
    assert catalog.get("get_widgets") is None
    assert catalog["get_widget"] is catalog["get_widget"]
    assert [field.name for field in catalog.result_shape(catalog["get_widget"]).fields] == [
        "id",
        "name",
    ]
    with pytest.raises(KeyError):
        catalog["get_widgets"]


def test_the_packaged_manifest_is_read_once() -> None:
    assert load_catalog() is load_catalog()
