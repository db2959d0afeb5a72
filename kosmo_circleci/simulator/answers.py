"""How an operation answers when it is not simply its value: a status, a refusal."""

from collections.abc import Mapping

from kosmo_circleci.jsonvalue import JsonValue


class Answered:
    """A value with a status other than the one the operation is documented with."""

    __slots__ = ("status", "value")

    def __init__(self, status: int, value: JsonValue) -> None:
        self.status = status
        self.value = value


class Refused(Exception):
    """The operation ends with an error answer `{"message": message}` and this HTTP status."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def not_found(what: str) -> Refused:
    """Return the 404 for a missing thing, in CircleCI's words: `Project not found`."""
    return Refused(404, f"{what} not found")


def bad_request(message: str) -> Refused:
    """Return the 400 for a request that contradicts itself or the state of things."""
    return Refused(400, message)
