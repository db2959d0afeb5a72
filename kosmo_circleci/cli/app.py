"""What `main` hands to a command: the process that runs scripts, started as early as possible."""

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from kosmo_circleci.run.child import Child


class App:
    """The script's process, where it is started already."""

    def __init__(self) -> None:
        self._child: Child | None = None

    def start_child(self) -> None:
        """Start the process before a command asks for it. Raises `OSError`."""
        self._child = script_process()

    def take_child(self) -> "Child":
        """Return the process for this command's script; the caller ends it. Raises `OSError`."""
        child, self._child = self._child, None
        return child or script_process()

    def close(self) -> None:
        """End the process if no command took it."""
        if self._child is not None:
            self._child.kill()


def script_process() -> "Child":
    """Start the process that runs a script, as a fork of this one. Raises `OSError`."""
    from kosmo_circleci.run.child import fork_child

    return fork_child(_serve)


def _serve(reading: int, writing: int) -> NoReturn:
    # Loaded by the new process alone, while this one imports click.
    from kosmo_circleci.run.worker import serve

    serve(reading, writing)
