"""`${VAR}` in a server's description -> its value."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.masking import names_a_secret

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAME: Final = re.compile(r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.S)


class Variables:
    """The variables one server's description may name, and which secrets were among them.

    `where` is how errors begin: the file and the server's name. `folder` is the project's.
    """

    def __init__(self, where: str, folder: Path, environ: Mapping[str, str], home: Path) -> None:
        self.folder = folder
        self._where = where
        self._environ = environ
        self._places = {
            "workspaceFolder": str(folder),
            "workspaceFolderBasename": folder.name,
            "userHome": str(home),
            "pathSeparator": os.sep,
            "/": os.sep,
        }
        self._secrets: set[str] = set()

    def expand(self, text: str) -> str:
        """Return `text` with every `${…}` replaced, once. Raises `ConfigurationError`."""
        return _VARIABLE.sub(self._value, text)

    def secrets(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        """Return the values to mask: those of secret-looking names in `settings`, and of the
        secret-looking variables that `expand` has met.
        """
        own = {value for name, value in settings.items() if names_a_secret(name)}
        # "Bearer abc": what follows the scheme is a secret on its own too.
        own |= {value.split(" ", 1)[1] for value in own if value.startswith(("Bearer ", "Basic "))}
        return tuple(sorted(self._secrets | own))

    def fault(self, what: str) -> ConfigurationError:
        """Return the error for something wrong in the description."""
        return ConfigurationError(f"{self._where}: {what}")

    def _value(self, match: re.Match[str]) -> str:
        inside = match[1]
        if inside in self._places and inside not in self._environ:
            return self._places[inside]
        if inside.startswith("input:"):
            raise self.fault(
                f"{match[0]} asks a person, which only an editor can do; use ${{env:NAME}} and set "
                "the variable."
            )
        parsed = _NAME.fullmatch(inside)
        if parsed is None:
            raise self.fault(f"{match[0]} is not a variable; write ${{VAR}} or ${{VAR:-default}}.")
        value = self._environ.get(parsed["name"], "")
        if value:
            if names_a_secret(parsed["name"]):
                self._secrets.add(value)
            return value
        if parsed["default"] is not None:
            return parsed["default"]
        if parsed["name"] in self._environ:
            return ""
        raise self.fault(
            f"the environment variable {parsed['name']} is not set. Set it, or give a default: "
            f"${{{parsed['name']}:-…}}."
        )
