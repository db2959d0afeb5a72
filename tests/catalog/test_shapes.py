"""The manifest's notation for the form of an answer."""

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


@pytest.mark.parametrize("notation", ["strng", "Missing", [], ["a", "b"], 5, None, "map(Gone)"])
def test_what_is_no_notation_is_refused(notation: Any) -> None:
    with pytest.raises(ValueError, match=r"shape"):
        parse(notation, SHARED)


def test_every_function_has_a_shape_and_every_page_has_items() -> None:
    catalog = load_catalog()
    for function in catalog.functions():
        shape = catalog.result_shape(function)
        if function.paginated:
            names = [field.name for field in shape.fields]
            assert {"items", "next_page_token"} <= set(names), function.name
