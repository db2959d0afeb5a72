"""The `envFile` of a server: NAME=value lines, as editors and `docker` read them."""

import hashlib
from collections.abc import Mapping

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.bounded import read_bounded
from kosmo_circleci.mcp_client.server import EnvFile
from kosmo_circleci.mcp_client.variables import Variables


def read_env_file(name: str, variables: Variables) -> EnvFile:
    """Return the file at the path `name`, which may hold `${VAR}` and start in the server's folder.

    Never raises: the `fault` of the answer says why the file cannot be used.
    """
    try:
        path = variables.folder / variables.expand(name)
    except ConfigurationError as error:
        return EnvFile(name, variables.folder / name, fault=error.message)
    try:
        content = read_bounded(path)
        text = content.decode("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        fault = variables.fault(f"envFile {path}: {reason}.")
        return EnvFile(name, path, fault=fault.message)
    return EnvFile(name, path, _parsed(text), hashlib.sha256(content).hexdigest())


def _parsed(text: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[name.strip()] = value[1:-1] if is_quoted else value
    return values
