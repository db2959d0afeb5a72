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


def test_urls_that_are_credentials_come_from_circleci_and_its_storage() -> None:
    assert load_catalog().credential_hosts == (
        "circleci.com",
        "*.circleci.com",
        "s3.amazonaws.com",
        "*.s3.amazonaws.com",
        "*.s3.us-east-1.amazonaws.com",
        "*.s3.us-west-2.amazonaws.com",
    )


def test_a_path_is_complete_and_people_write_that_of_v2_without_its_beginning() -> None:
    catalog = load_catalog()
    pipeline, job = catalog["get_pipeline"], catalog["get_job"]
    assert (pipeline.api_path, pipeline.documented_path) == (
        "/api/v2/pipeline/{pipeline-id}",
        "/pipeline/{pipeline-id}",
    )
    assert (job.api_path, job.documented_path) == ("/api/v3/jobs/{id}", "/api/v3/jobs/{id}")
