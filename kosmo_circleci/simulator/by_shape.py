"""The answer of an operation without a handler: its documented shape, filled.

A later storey replaces these, one resource at a time, by a module in `resources/`.
"""

import random
from collections.abc import Mapping
from typing import Final

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Field, Shape
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call
from kosmo_circleci.simulator.shapes import ShapeSource

_FIRST_IDS: Final[Mapping[str, str]] = {
    "get_decision_logs": "decision-uuid",
    "get_organization_groups": "group-uuid",
    "get_webhooks": "webhook-uuid",
    "list_components": "component-uuid",
    "list_environments": "environment-uuid",
    "list_otel_exporters": "exporter-uuid",
    "list_pipeline_definition_triggers": "trigger-uuid",
    "list_pipeline_definitions": "definition-uuid",
    "list_schedules_for_project": "schedule-uuid",
    "list_url_orb_allow_list_entries": "allow-list-entry-uuid",
}
"""A list -> the id of its first item, which the documentation knows."""

_TEXT: Final = Shape("scalar", type="string")
_NAMED: Final = Shape("object", fields=(Field("id", _TEXT), Field("name", _TEXT)))
_UNDOCUMENTED_LIST: Final = Shape(
    "object",
    fields=(Field("items", Shape("array", item=_NAMED)), Field("next_page_token", _TEXT)),
)
"""What a list looks like where no source documents one: like every other list."""


def answer_by_shape(call: Call) -> JsonValue:
    """Return a value of the operation's documented shape; None where it is an empty answer.

    The same read is answered alike every time; each write creates something with new ids.
    """
    if "page-token" in call.query:
        call.page(
            [], lambda row: row
        )  # every list is one page long here, so any token is a wrong one
    shape = load_catalog().result_shape(call.function)
    if shape.kind == "any" and call.function.name.startswith("list_"):
        shape = _UNDOCUMENTED_LIST
    source = ShapeSource(_random(call), _said(call), _first_id(call))
    value = source.value(shape, _without_secrets(call))
    if isinstance(value, dict) and call.function.method == "DELETE" and "message" in value:
        value["message"] = f"{_what(call.function.operation)} deleted."
    return value


def _random(call: Call) -> random.Random:
    fresh = call.world.new_id() if call.function.kind == "write" else ""
    return random.Random(f"{call.world.seed}/{call.function.operation}/{call.target}/{fresh}")


def _said(call: Call) -> dict[str, str]:
    asked = {key.replace("-", "_"): values[-1] for key, values in call.query.items() if values[-1]}
    return {**asked, **call.path}


def _first_id(call: Call) -> str | None:
    if call.function.operation in _FIRST_IDS:
        return _FIRST_IDS[call.function.operation]
    addressed = call.function.path.endswith("}")
    ids = [value for name, value in call.path.items() if name.endswith("_id")]
    return ids[-1] if addressed and ids else None


def _without_secrets(call: Call) -> dict[str, JsonValue]:
    secrets = {each.wire for each in call.function.parameters if each.secret}
    return {key: value for key, value in call.body.items() if key not in secrets}


def _what(operation: str) -> str:
    words = operation.removeprefix("delete_").removeprefix("remove_").removesuffix("_by_id")
    return words.replace("_", " ").capitalize()
