"""How an operation answers when it is not simply its value: a status, headers, bytes, a refusal."""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue

NO_HEADERS: Final[Mapping[str, str]] = {}


class Answer:
    """An answer with a status other than the documented one, with headers, or of plain bytes.

    `value` is sent as JSON; bytes are sent as they are, under the `content-type` of `headers`.
    """

    __slots__ = ("headers", "status", "value")

    def __init__(
        self, status: int, value: "JsonValue | bytes", headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        self.status = status
        self.value = value
        self.headers = headers


class Refusal(Exception):
    """The operation ends with an error answer with this HTTP status.

    API v2 shows `message`; API v3 shows `title` and `message` as its detail, or `message` as its
    title, and `source`: where in the request the fault is.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        title: str | None = None,
        source: Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.title = title
        self.source = source
        self.headers = headers


def not_found(what: str) -> Refusal:
    """Return the 404 for what is missing, in CircleCI's words: `Project not found`."""
    return Refusal(404, f"{what} not found")


def bad_request(message: str, *, title: str | None = None) -> Refusal:
    """Return the 400 for a request that contradicts itself or the current state."""
    return Refusal(400, message, title=title)


def conflict(message: str) -> Refusal:
    """Return the 409 for a request that another resource prevents."""
    return Refusal(409, message)
