"""The world as a file: written whole or not at all, and read back as it was.

The file is JSON. It holds the values of variables as they are, so only its owner may read it.
"""

from pathlib import Path

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.files.atomic import replace_file
from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.clock import Clock
from kosmo_circleci.simulator.snapshot import from_json, to_json
from kosmo_circleci.simulator.world import World


def save(world: World, path: Path) -> None:
    """Write the world to `path`, in place of what is there.

    A reader sees the old file or the new one, never a part. Raises `ConfigurationError` when the
    file cannot be written.
    """
    try:
        # A link keeps pointing to the file; only what it points to is replaced.
        replace_file(path, encode(to_json(world)).encode())
    except OSError as error:
        raise ConfigurationError(
            f"The state file {path} cannot be written: {_reason(error)}."
        ) from None


def load(path: Path, clock: Clock | None = None) -> World | None:
    """Return the world that `path` holds, or None if there is no such file.

    Its time continues from where it was, in the way of `clock`.
    Raises `ConfigurationError` for a file that cannot be read or was not written by `save`.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"The state file {path} cannot be read: {_reason(error)}."
        ) from None
    try:
        return from_json(decode(text), clock)
    except ValueError as error:  # a JsonError is one
        raise _unusable(path, str(error)) from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _unusable(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The state file {path} does not hold a simulated world ({reason}). Name another file, or "
        "move this one away to start a new world."
    )
