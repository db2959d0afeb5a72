"""What a client can read: pages, and results in ranges of bytes."""

import json

import pytest

from kosmo_circleci.agent.clients import LOCAL, holder_of
from kosmo_circleci.agent.executions import Executions, ServeOptions
from kosmo_circleci.agent.resources import WHOLE_BYTES, Content, Resources
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.docs import guides, pages
from kosmo_circleci.errors import UsageError, ValidationError
from kosmo_circleci.workflows.sources import shipped

VALUE = {"text": "Grüße, 世界 🎉", "numbers": [1.0, 2]}


@pytest.fixture
def executions() -> Executions:
    return Executions(ServeOptions())


@pytest.fixture
def resources(executions: Executions) -> Resources:
    return Resources(executions)


def test_the_guides_are_listed_and_every_page_can_be_read(resources: Resources) -> None:
    listed = {each.uri: each for each in resources.list_for(LOCAL)}
    workflows = [f"workflows.{each.name}" for each in shipped()]
    names = (*guides.names(), "circleci.index", *workflows)
    assert list(listed) == [f"kosmo://docs/{name}" for name in names]
    assert listed["kosmo://docs/flow"].title == guides.title("flow")
    for name in (*guides.names(), "circleci.index", "circleci.get_pipeline", "flow.map"):
        text = pages.read(name, load_catalog())
        assert resources.read(f"kosmo://docs/{name}", LOCAL) == Content(text, "text/markdown", True)


def test_a_result_is_read_whole_or_in_ranges_by_the_client_that_made_it(
    executions: Executions, resources: Resources
) -> None:
    kept = executions.results.add(LOCAL.key, json.dumps(VALUE, ensure_ascii=False))
    assert kept is not None
    assert json.loads(resources.read(kept.uri, LOCAL).text) == VALUE
    size = len(kept.text)
    parts = [
        resources.read(f"{kept.uri}?offset={offset}&length=7", LOCAL).text
        for offset in range(0, size, 7)
    ]
    assert (json.loads("".join(parts)), max(map(len, parts))) == (VALUE, 7)
    assert resources.read(f"{kept.uri}?offset={size}", LOCAL).text == ""
    assert [each.size_bytes for each in resources.list_for(LOCAL)][-1] == size
    other = holder_of("another-token")
    with pytest.raises(ValidationError, match="Unknown result"):
        resources.read(kept.uri, other)
    assert all(each.size_bytes is None for each in resources.list_for(other))


def test_a_large_result_wants_ranges(executions: Executions, resources: Resources) -> None:
    kept = executions.results.add(LOCAL.key, json.dumps("x" * WHOLE_BYTES))
    assert kept is not None
    with pytest.raises(ValidationError, match=r"has 524,290 bytes\. Read it in ranges of at most"):
        resources.read(kept.uri, LOCAL)
    assert len(resources.read(f"{kept.uri}?length=99999999", LOCAL).text) == WHOLE_BYTES


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("kosmo://docs/nowhere", "nowhere"),
        ("kosmo://docs/", "page"),
        ("kosmo://results/r1", "Unknown result 'r1'"),
        ("kosmo://other/x", "Unknown resource"),
        ("file:///etc/passwd", "Unknown resource"),
        ("kosmo://docs/../../etc/passwd", "page"),
        ("kosmo://docs/%2e%2e%2fx", "page"),
        ("kosmo://user:word@docs/circleci", "Unknown resource"),
        ("kosmo://[", "Unknown resource"),
        ("kosmo://results/%00", "Unknown result"),
        ("\0", "Unknown resource"),
    ],
)
def test_what_is_not_there_is_named(resources: Resources, uri: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        resources.read(uri, LOCAL)


@pytest.mark.parametrize(
    "query",
    [
        *("offset=x", "length=-1", "offset", "start=1", "offset=²", "length=" + "9" * 99),
        *("offset=0&offset=1", "offset=0&", "offset=1_0"),
    ],
)
def test_a_range_that_is_none_says_how_one_is_written(
    executions: Executions, resources: Resources, query: str
) -> None:
    kept = executions.results.add(LOCAL.key, "[1]")
    assert kept is not None
    with pytest.raises(UsageError, match=r"^A range is written \?offset=N&length=N.*; got '\?"):
        resources.read(f"{kept.uri}?{query}", LOCAL)


def test_a_range_ends_with_the_result(executions: Executions, resources: Resources) -> None:
    kept = executions.results.add(LOCAL.key, "[1]")
    assert kept is not None
    assert resources.read(f"{kept.uri}?offset=2&length=9", LOCAL).text == "]"
    assert resources.read(f"{kept.uri}?offset=3", LOCAL).text == ""
    with pytest.raises(UsageError, match="has 3 bytes; there are none from 4 on"):
        resources.read(f"{kept.uri}?offset=4", LOCAL)


def test_names_of_pages_are_completed(resources: Resources) -> None:
    names = resources.page_names("circleci.get_pipeline", LOCAL)
    functions = load_catalog().names
    assert names == [f"circleci.{each}" for each in functions if each.startswith("get_pipeline")]
    assert "flow" in resources.page_names("fl", LOCAL)
