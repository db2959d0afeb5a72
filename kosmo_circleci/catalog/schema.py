"""Function -> JSON Schema (draft 2020-12) of its arguments object, and of its answer."""

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.catalog.model import UNITS, Function, Parameter, Shape
from kosmo_circleci.jsonvalue import JsonValue


def parameters_schema(function: Function) -> dict[str, JsonValue]:
    """Return the schema of the object a call takes.

    A required object that conveniences can fill is not listed as required: `anyOf` says that it, or
    one of them, must be there.
    """
    properties: dict[str, JsonValue] = {
        parameter.name: _property(parameter) for parameter in function.parameters
    }
    if not function.is_raw:
        properties |= _pass_through(function)
    alternatives = [
        [whole.name, *(part.name for part in function.parameters if part.part_of == whole.name)]
        for whole in function.parameters
        if whole.required and any(part.part_of == whole.name for part in function.parameters)
    ]
    fillable = {names[0] for names in alternatives}
    required: list[JsonValue] = [
        parameter.name
        for parameter in function.parameters
        if parameter.required and parameter.name not in fillable
    ]
    schema: dict[str, JsonValue] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": function.name,
        "description": function.summary,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if alternatives:
        schema["allOf"] = [
            {"anyOf": [{"required": [name]} for name in names]} for names in alternatives
        ]
    return schema


def described_schema(function: Function, catalog: Catalog) -> dict[str, JsonValue]:
    """Return the schema of the arguments with that of the answer as the annotation `x-answer`."""
    answer = answer_schema(catalog.result_shape(function))
    return parameters_schema(function) | {"x-answer": answer}


def _property(parameter: Parameter) -> JsonValue:
    schema: dict[str, JsonValue] = {"type": parameter.type, "description": parameter.description}
    enum: list[JsonValue] = list(parameter.enum)
    if parameter.type == "array":
        items: dict[str, JsonValue] = {"type": parameter.items}
        schema["items"] = items | ({"enum": enum} if enum else {})
    elif enum:
        schema["enum"] = enum
    if parameter.repeated:
        items_schema = schema.pop("items")
        schema["anyOf"] = [items_schema, {"type": schema.pop("type"), "items": items_schema}]
    if parameter.format is not None:
        schema["format"] = parameter.format
    if parameter.maximum is not None:
        schema["maximum"] = parameter.maximum
    if parameter.unit:
        schema["x-unit"] = parameter.unit
    if parameter.default is not None:
        schema["default"] = parameter.default
    if parameter.secret:
        schema["writeOnly"] = True
    return schema


def _pass_through(function: Function) -> dict[str, JsonValue]:
    extra: dict[str, JsonValue] = {
        "query": {
            "type": "object",
            "description": "Further documented query parameters, by their wire names.",
        }
    }
    if function.method in ("POST", "PUT", "PATCH"):
        extra["payload"] = {
            "type": "object",
            "description": "Further documented body fields, by their wire names.",
        }
    return extra


def answer_schema(shape: Shape) -> dict[str, JsonValue]:
    """Return the schema of an answer: open, since CircleCI may add fields; units as `x-unit`."""
    schema: dict[str, JsonValue] = {}
    if shape.kind == "object":
        schema = {
            "type": "object",
            "properties": {each.name: answer_schema(each.shape) for each in shape.fields},
            "required": [each.name for each in shape.fields if not each.optional],
        }
    elif shape.kind == "map" and shape.item is not None:
        schema = {"type": "object", "additionalProperties": answer_schema(shape.item)}
    elif shape.kind == "array" and shape.item is not None:
        schema = {"type": "array", "items": answer_schema(shape.item)}
    elif shape.kind == "nothing":
        schema = {"type": "object", "properties": {}}
    elif shape.kind == "scalar":
        schema = _scalar(shape)
    return {"anyOf": [schema, {"type": "null"}]} if shape.nullable else schema


def _scalar(shape: Shape) -> dict[str, JsonValue]:
    schema: dict[str, JsonValue] = {"type": shape.type}
    if shape.format is not None:
        schema["format"] = shape.format
    if shape.enum:
        schema["enum"] = list(shape.enum)
    if shape.unit:
        schema |= {"description": f"In {UNITS[shape.unit]}.", "x-unit": shape.unit}
    return schema
