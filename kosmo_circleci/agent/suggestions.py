"""Projects and branches of a client's CircleCI, to complete what its user types.

A suggestion is worth a short wait and no error: what does not arrive in time is left out.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from kosmo_circleci.agent.clients import Client
from kosmo_circleci.agent.executions import Executions
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.jsonvalue import JsonValue

WAIT_S: Final = 3.0
"""How long one completion may take."""

FRESH_S: Final = 60.0
"""How long an answer is used again: a client asks at every key."""

FAILED_S: Final = 5.0
"""How long nothing is asked after a failure."""

MAX_CACHED: Final = 256
"""How many answers are kept; the oldest make room."""

MAX_PAGES: Final = 5

_Key = tuple[str, str]


class Suggestions:
    """What can be suggested to each client, from its own account. Safe for several threads."""

    def __init__(self, executions: Executions, clock: Callable[[], float] = time.monotonic) -> None:
        self._executions = executions
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: dict[_Key, tuple[float, list[str]]] = {}

    def projects(self, client: Client) -> list[str]:
        """Return the slugs of the projects that the client's user follows, in order."""

        def slugs(deadline: Deadline) -> list[str]:
            rows = self._pages("list_projects", {}, client, deadline)
            return sorted({str(each["slug"]) for each in rows if each.get("slug")})

        return self._cached((client.key, ""), slugs)

    def branches(self, project: str, client: Client) -> list[str]:
        """Return the branches of the newest pipelines of a project, the newest first."""

        def names(deadline: Deadline) -> list[str]:
            page: Any = self._executions.read(
                "list_project_pipelines", {"project_slug": project}, client, deadline
            )
            branches = [(each.get("vcs") or {}).get("branch") for each in page["items"]]
            return [*dict.fromkeys(str(each) for each in branches if each)]

        return self._cached((client.key, project), names)

    def _pages(
        self, function: str, arguments: dict[str, JsonValue], client: Client, deadline: Deadline
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        token: str | None = None
        for _ in range(MAX_PAGES):
            more = {"page_token": token} if token else {}
            page: Any = self._executions.read(function, arguments | more, client, deadline)
            rows += page["items"]
            token = page.get("next_page_token")
            if not token:
                break
        return rows

    def _cached(self, key: _Key, look: Callable[[Deadline], list[str]]) -> list[str]:
        with self._lock:
            until, values = self._cache.get(key, (0.0, []))
        if self._clock() < until:
            return values
        fresh_s = FRESH_S
        try:
            values = look(Deadline(WAIT_S))
        except (KosmoError, KeyError, TypeError, AttributeError):
            # No token, no such project, another shape: nothing to suggest.
            values, fresh_s = [], FAILED_S
        with self._lock:
            self._cache.pop(key, None)
            while len(self._cache) >= MAX_CACHED:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = self._clock() + fresh_s, values
        return values
