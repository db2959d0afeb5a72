"""Named sessions: scripts of one client that find each other's globals."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from kosmo_circleci.errors import ValidationError
from kosmo_circleci.run.pool import IsolatedState

MAX_SESSIONS: Final = 16
"""How many sessions one server holds; the one that was used longest ago makes room."""

IDLE_S: Final = 1800.0
"""How long a session is kept without being used."""


class SessionKey(NamedTuple):
    """The client that opened a session, and its name."""

    client: str
    name: str


class ScriptSession(NamedTuple):
    """A session: whose account it was opened for, and its process."""

    account: str
    simulate: bool
    state: IsolatedState
    used_at: float


class ScriptSessions:
    """The sessions of all clients. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[SessionKey, ScriptSession] = {}

    def take(
        self, key: SessionKey, account: str, simulate: bool, start: Callable[[], IsolatedState]
    ) -> tuple[IsolatedState, bool]:
        """Return the state of a session and whether it is new.

        Raises `ValidationError` for one that was opened for another account or the other CircleCI,
        and what `start` raises.
        """
        now = time.monotonic()
        with self._lock:
            self._close_idle(now)
            session = self._sessions.pop(key, None)
            is_new = session is None or session.state.lost
            if session is None or session.state.lost:
                self._make_room()
                session = ScriptSession(account, simulate, start(), now)
            self._sessions[key] = session._replace(used_at=now)
        if (session.account, session.simulate) != (account, simulate):
            kind = "the simulated CircleCI" if session.simulate else "the real CircleCI"
            raise ValidationError(
                f"The session '{key.name}' was opened for the account '{session.account}' of "
                f"{kind}, and keeps to it. Name another session."
            )
        return session.state, is_new

    def close(self) -> None:
        """End every session."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for each in sessions:
            each.state.close()

    def _close_idle(self, now: float) -> None:
        for key, session in list(self._sessions.items()):
            if now - session.used_at > IDLE_S:
                self._sessions.pop(key).state.close()

    def _make_room(self) -> None:
        while len(self._sessions) >= MAX_SESSIONS:
            self._sessions.pop(next(iter(self._sessions))).state.close()
