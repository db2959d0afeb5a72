"""The manifest's notation for the form of an answer."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Field, Shape
from kosmo_circleci.catalog.shapes import parse

SHARED = {"Id": {"id": "uuid"}, "Page": {"items": ["Id"], "next_page_token": "string|null"}}
ID = Shape("object", fields=(Field("id", Shape("scalar", "string", format="uuid")),))


@pytest.mark.parametrize(
    ("notation", "shape"),
    [
        ("string", Shape("scalar", "string")),
        ("integer|null", Shape("scalar", "integer", nullable=True)),
        ("date-time", Shape("scalar", "string", format="date-time")),
        ("enum(a, b)", Shape("scalar", "string", enum=("a", "b"))),
        ("enum(a)|null", Shape("scalar", "string", enum=("a",), nullable=True)),
        ("integer ms", Shape("scalar", "integer", unit="ms")),
        ("number s|null", Shape("scalar", "number", nullable=True, unit="s")),
        ("map(Id)", Shape("map", item=ID)),
        ("map(any)", Shape("map", item=Shape("any"))),
        ("nothing", Shape("nothing")),
        (["Id"], Shape("array", item=ID)),
        ("Id|null", Shape("object", nullable=True, fields=ID.fields)),
        ({"a?": "any"}, Shape("object", fields=(Field("a", Shape("any"), optional=True),))),
        (
            "Page",
            Shape(
                "object",
                fields=(
                    Field("items", Shape("array", item=ID)),
                    Field("next_page_token", Shape("scalar", "string", nullable=True)),
                ),
            ),
        ),
    ],
)
def test_a_notation_stands_for_a_shape(notation: Any, shape: Shape) -> None:
    assert parse(notation, SHARED) == shape


@pytest.mark.parametrize(
    "notation",
    ["strng", "Missing", [], ["a", "b"], 5, None, "map(Gone)", "integer miles", "string ms", "ms"],
)
def test_what_is_no_notation_is_refused(notation: Any) -> None:
    with pytest.raises(ValueError, match=r"shape"):
        parse(notation, SHARED)


def test_every_function_has_a_shape_and_every_page_has_items() -> None:
    catalog = load_catalog()
    for function in catalog.functions():
        shape = catalog.result_shape(function)
        if function.paginated:
            names = [field.name for field in shape.fields]
            assert function.paging is not None
            assert {function.paging.items[0], function.paging.cursor[0]} <= set(names), function


DURATIONS = re.compile(r"duration|_secs$|_ms$|_millis$|mttr|time[-_]wasted|run_time$", re.I)
SIZES = re.compile(r"_bytes$")
MONEY = re.compile(r"credits")


def _numbers(shape: Shape, name: str = "") -> Iterator[tuple[str, Shape]]:
    if shape.kind == "scalar" and shape.type in ("integer", "number"):
        yield name, shape
    for field in shape.fields:
        inner = f"{name}.{field.name}" if "duration_metrics" in name else field.name
        yield from _numbers(field.shape, inner)
    if shape.item is not None:
        yield from _numbers(shape.item, name)


def test_every_duration_size_and_sum_of_money_has_its_unit() -> None:
    catalog = load_catalog()
    without = [
        f"{function.name}: {name}"
        for function in catalog.functions()
        for name, shape in _numbers(catalog.result_shape(function))
        for pattern, units in (
            (DURATIONS, {"ms", "s", "trend"}),
            (SIZES, {"bytes"}),
            (MONEY, {"credits", "trend"}),
        )
        if pattern.search(name) and shape.unit not in units
    ]
    assert without == []


@pytest.mark.parametrize(
    ("function", "path", "unit"),
    [
        ("get_job_details", ("duration",), "ms"),
        ("get_workflow_metrics", ("items", "duration"), "s"),
        ("list_workflow_job_runs", ("items", "duration"), "s"),
        ("list_workflow_metrics", ("items", "metrics", "duration_metrics", "p95"), "s"),
        ("list_job_tests", ("items", "run_time"), "s"),
    ],
)
def test_a_duration_is_in_the_unit_circleci_answers_in(
    function: str, path: tuple[str, ...], unit: str
) -> None:
    catalog = load_catalog()
    shape = catalog.result_shape(catalog[function])
    for name in path:
        fields = (shape.item or shape).fields
        shape = next(field.shape for field in fields if field.name == name)
    assert shape.unit == unit
