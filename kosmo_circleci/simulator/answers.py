"""How an operation refuses: the status and the message of the answer."""


class Refused(Exception):
    """The operation ends with an error answer `{"message": message}` and this HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def not_found(what: str) -> Refused:
    """Return the 404 for a missing thing, in CircleCI's words: `Project not found`."""
    return Refused(404, f"{what} not found")
