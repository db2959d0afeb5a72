"""What surrounds a run on the machine it runs on: the current folder, its checkout, workflow files.

Each is looked at when it is asked for, and not before.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kosmo_circleci.files.folders import current_folder, home_folder
from kosmo_circleci.jsonvalue import JsonValue

if TYPE_CHECKING:
    from kosmo_circleci.deadline import Deadline
    from kosmo_circleci.workflows.library import Workflow


class Surroundings:
    """The user's environment and folder. `origin_of` returns where an account's server is.

    `folder` stands in for the current folder. With `simulate` a folder outside of a checkout means
    the example project.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path | None,
        origin_of: Callable[[str], str | None],
        *,
        simulate: bool,
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._origin_of = origin_of
        self._simulate = simulate

    def folder(self) -> Path:
        """Return the current folder of the program that runs scripts."""
        return self._folder or current_folder()

    def here(self, deadline: "Deadline", account: str) -> JsonValue:
        """Return what the checkout of the folder says, see `checkout/here.py`.

        Raises `ConfigurationError` outside of one.
        """
        from kosmo_circleci.checkout.git import TIME_S
        from kosmo_circleci.checkout.here import Place, here

        left_s = deadline.time_left_s()
        time_s = TIME_S if left_s is None else min(TIME_S, left_s)
        on_server = partial(self._on_server, account)
        return dict(here(Place(self.folder(), on_server, self._simulate, time_s=time_s)))

    def defaults(self, account: str) -> Mapping[str, str]:
        """Return the values of `@here.…` in the header of a script that `account` runs.

        Raises `ConfigurationError` outside of a checkout.
        """
        from kosmo_circleci.checkout.here import Place, here

        return here(Place(self.folder(), partial(self._on_server, account), self._simulate))

    def workflows(self) -> "Sequence[Workflow]":
        """Return the workflows that have a page."""
        from kosmo_circleci.workflows.sources import open_library

        return open_library(self._environ, home_folder(self._environ), self.folder()).documented()

    def _on_server(self, account: str) -> bool:
        from kosmo_circleci.config.urls import is_server

        origin = self._origin_of(account)
        return origin is not None and is_server(origin)
