"""Configurations: compiled without being run.

A text with a `version` compiles to itself, its pipeline values filled in. A value that is not given
is an error, as it is for CircleCI.
"""

import re
from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.simulator.calls import Call, Handler

_VALUE: Final = re.compile(r"<<\s*(pipeline\.[\w.-]+)\s*>>")
_PARAMETERS: Final = re.compile(r"^parameters:", re.MULTILINE)
_PARAMETER: Final = "pipeline.parameters."


def compile_config(call: Call) -> JsonValue:
    """Answer `POST /compile-config-with-defaults`: an invalid configuration is a 200 too."""
    source, options = call.text("config_yaml"), call.object("options")
    if options.get("owner_id"):
        call.world.organization_by_id(str(options["owner_id"]))
    values = _values(options)
    faults = [] if _has_version(source) else ["version: this key is required"]
    # A parameter that the configuration declares has a default there, which is not looked at.
    declared = _PARAMETERS.search(source) is not None
    for name in dict.fromkeys(_VALUE.findall(source)):
        if name not in values and not (declared and name.startswith(_PARAMETER)):
            faults.append(f"Unknown variable(s): {name}")
    errors: list[JsonValue] = [{"message": each} for each in faults]
    return {
        "valid": not faults,
        "errors": errors,
        "output-yaml": "" if faults else _filled(source, values),
        "source-yaml": source,
    }


def _values(options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    values, parameters = options.get("pipeline_values"), options.get("pipeline_parameters")
    named = {f"{_PARAMETER}{key}": value for key, value in _object(parameters).items()}
    return {**_object(values), **named}


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _has_version(source: str) -> bool:
    return any(line.startswith("version:") for line in source.splitlines())


def _filled(source: str, values: Mapping[str, JsonValue]) -> str:
    def text(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        return value if isinstance(value, str) else encode(value)

    return _VALUE.sub(text, source)


ROUTES: Final[dict[str, Handler]] = {"compile_config_with_defaults": compile_config}
