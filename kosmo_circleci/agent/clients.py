"""Who calls a server: the one client of stdio, or the holder of a token over HTTP."""

import hashlib
from typing import Final, NamedTuple


class Client(NamedTuple):
    """One client. `key` tells it from the others; `token` is the one it brought along.

    `is_remote` says that it came over HTTP: it is not lent the server's named accounts.
    """

    key: str
    token: str | None = None
    is_remote: bool = False


LOCAL: Final = Client("stdio")
"""The client that started the server."""

SHARED: Final = Client("shared", is_remote=True)
"""Every client over HTTP that brings no token, where the server's own is shared."""


def holder_of(token: str) -> Client:
    """Return the client that a request's own token makes."""
    # A digest: keys are in file names and in the SDK's state.
    return Client(hashlib.sha256(token.encode("utf-8")).hexdigest()[:32], token, is_remote=True)
