"""The answer of an operation without a handler: its documented shape, filled.

It serves a function that was just added to the manifest, until a module in `resources/` answers it.
"""

import random
from typing import Final

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Field, Shape
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call
from kosmo_circleci.simulator.shapes import ShapeSource

_TEXT: Final = Shape("scalar", type="string")
_NAMED: Final = Shape("object", fields=(Field("id", _TEXT), Field("name", _TEXT)))
_UNDOCUMENTED_LIST: Final = Shape(
    "object",
    fields=(Field("items", Shape("array", item=_NAMED)), Field("next_page_token", _TEXT)),
)
"""The shape of a list that no source documents: that of every other list."""


def answer_by_shape(call: Call) -> JsonValue:
    """Return a value of the operation's documented shape; None where it is an empty answer.

    The same read is answered alike every time; each write creates something with new ids.
    """
    if "page-token" in call.query:
        # Every list by shape is one page long, so any token is invalid.
        call.page([], lambda row: row)
    shape = load_catalog().result_shape(call.function)
    if shape.kind == "any" and call.function.name.startswith("list_"):
        shape = _UNDOCUMENTED_LIST
    source = ShapeSource(_random(call), _request_texts(call), _first_id(call))
    value = source.value(shape, _without_secrets(call))
    if isinstance(value, dict) and call.function.method == "DELETE" and "message" in value:
        value["message"] = f"{_what(call.function.operation)} deleted."
    return value


def _random(call: Call) -> random.Random:
    fresh = call.world.new_id() if call.function.kind == "write" else ""
    return random.Random(f"{call.world.seed}/{call.function.operation}/{call.target}/{fresh}")


def _request_texts(call: Call) -> dict[str, str]:
    query = {key.replace("-", "_"): values[-1] for key, values in call.query.items() if values[-1]}
    return {**query, **call.path}


def _first_id(call: Call) -> str | None:
    ends_with_id = call.function.path.endswith("}")
    ids = [value for name, value in call.path.items() if name.endswith("_id")]
    return ids[-1] if ends_with_id and ids else None


def _without_secrets(call: Call) -> dict[str, JsonValue]:
    secrets = {each.wire for each in call.function.parameters if each.secret}
    return {key: value for key, value in call.body.items() if key not in secrets}


def _what(operation: str) -> str:
    words = operation.removeprefix("delete_").removeprefix("remove_").removesuffix("_by_id")
    return words.replace("_", " ").capitalize()
