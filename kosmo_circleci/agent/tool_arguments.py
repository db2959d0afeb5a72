"""Arguments of a tool call against the tool's own schema, as far as every tool has it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.wording import nearest, show

_TYPES: Final[dict[str, type]] = {"string": str, "boolean": bool}


def checked(
    definitions: Sequence[Mapping[str, Any]], name: str, arguments: Mapping[str, JsonValue]
) -> Mapping[str, JsonValue]:
    """Return the arguments without those that are null.

    Raises `ValidationError` for an unknown tool, and one that lists everything wrong with the
    arguments: unknown names, missing ones, types.
    """
    tool = next((each for each in definitions if each["name"] == name), None)
    if tool is None:
        names = [str(each["name"]) for each in definitions]
        near = nearest(name, names)
        hint = f"Did you mean '{near}'?" if near else f"The tools are: {', '.join(names[:10])}"
        raise ValidationError(f"Unknown tool '{name}'. {hint}", function_name=name)
    given = {key: value for key, value in arguments.items() if value is not None}
    schema = tool["inputSchema"]
    faults = [*_faults(schema["properties"], schema["required"], given)]
    if faults:
        takes = ", ".join(schema["properties"])
        raise ValidationError(f"{name}: {' '.join(faults)} It takes: {takes}", function_name=name)
    return given


def _faults(
    properties: Mapping[str, Any], required: Sequence[str], given: Mapping[str, JsonValue]
) -> list[str]:
    faults = [f"Unknown argument '{each}'." for each in given if each not in properties]
    for name, schema in properties.items():
        kind = _TYPES.get(schema.get("type"))
        if name in given and kind is not None and not isinstance(given[name], kind):
            faults.append(f"'{name}' must be a {schema['type']}, got {show(given[name])}.")
    faults += [f"'{each}' is missing." for each in required if not given.get(each)]
    return faults
