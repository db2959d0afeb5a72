"""How an operation answers when it is not simply its value: a status, a refusal."""

from collections.abc import Mapping

from kosmo_circleci.jsonvalue import JsonValue


class Answer:
    """A value with a status other than the one the operation is documented with."""

    __slots__ = ("status", "value")

    def __init__(self, status: int, value: JsonValue) -> None:
        self.status = status
        self.value = value


class Refusal(Exception):
    """The operation ends with an error answer `{"message": message}` and this HTTP status."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def not_found(what: str) -> Refusal:
    """Return the 404 for what is missing, in CircleCI's words: `Project not found`."""
    return Refusal(404, f"{what} not found")


def bad_request(message: str) -> Refusal:
    """Return the 400 for a request that contradicts itself or the current state."""
    return Refusal(400, message)
