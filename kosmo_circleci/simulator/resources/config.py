"""Configurations: compiled without being run."""

from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.calls import Call, Handler


def compile_config(call: Call) -> JsonValue:
    """Answer `POST /compile-config-with-defaults`: a text with a `version` compiles to itself."""
    source = call.text("config_yaml")
    valid = any(line.startswith("version:") for line in source.splitlines())
    errors: list[JsonValue] = [] if valid else [{"message": "version: this key is required"}]
    return {
        "valid": valid,
        "errors": errors,
        "output-yaml": source if valid else "",
        "source-yaml": source,
    }


ROUTES: Final[dict[str, Handler]] = {"compile_config_with_defaults": compile_config}
