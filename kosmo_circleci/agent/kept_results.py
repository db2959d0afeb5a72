"""Results that are too long to show, kept whole for the session.

A client reads one in ranges as the resource `kosmo://results/ID`, and a later script as
`results["ID"]`.
"""

import json
import re
import secrets
import threading
from typing import Final, NamedTuple

LIMIT_BYTES: Final = 64_000_000
"""How much one server keeps; the oldest go first."""

URI: Final = "kosmo://results/"


class KeptResult(NamedTuple):
    """A result: `text` is JSON in ASCII, so that every byte is a character of it."""

    result_id: str
    text: str

    @property
    def uri(self) -> str:
        """Where a client reads it."""
        return URI + self.result_id


class KeptResults:
    """The results of a server's clients, each of which finds its own. Safe for several threads."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._size_bytes = 0
        self._results: dict[tuple[str, str], KeptResult] = {}

    def add(self, client: str, result_json: str) -> KeptResult | None:
        """Keep a result; None for one that is larger than all there is room for."""
        text = _ascii(result_json)
        if len(text) > self._limit_bytes:
            return None
        result = KeptResult(f"r{secrets.token_hex(4)}", text)
        with self._lock:
            self._size_bytes += len(text)
            self._results[client, result.result_id] = result
            while self._size_bytes > self._limit_bytes:
                oldest = self._results.pop(next(iter(self._results)))
                self._size_bytes -= len(oldest.text)
        return result

    def get(self, client: str, result_id: str) -> KeptResult | None:
        """Return a result of `client`, or None."""
        with self._lock:
            return self._results.get((client, result_id))

    def of(self, client: str) -> list[KeptResult]:
        """Return the results of `client`, oldest first."""
        with self._lock:
            return [result for (owner, _), result in self._results.items() if owner == client]

    def named_in(self, client: str, *texts: str) -> dict[str, str]:
        """Return the texts of those results of `client` whose IDs stand in `texts`, by ID.

        A script that wants one has its ID in its text or its arguments: it comes from an answer. So
        the others need not travel to the script's process.
        """
        return {
            each.result_id: each.text
            for each in self.of(client)
            if any(each.result_id in text for text in texts)
        }


def _ascii(text: str) -> str:
    # Only strings hold other characters, and there an escape means the same.
    return re.sub(r"[^\x00-\x7f]", lambda match: json.dumps(match[0])[1:-1], text)
