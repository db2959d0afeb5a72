"""A request as the simulator reads it, and whose it is."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.entities import ANONYMOUS, User
from kosmo_circleci.simulator.oauth_tokens import scope_of
from kosmo_circleci.simulator.pages import Query
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import WireRequest

_API: Final = re.compile(r"/api/(v2|v3|v1\.1)(?=/)")


class Request(NamedTuple):
    """One HTTP request, taken apart.

    `path` is encoded as it arrived; `version` is that of the API, None for a path beside it, and
    `route` the rest of the path. The names of `headers` are in lower case. `origin` is the address
    that the request was sent to: `https://circleci.com`.
    """

    method: str
    path: str
    version: str | None
    route: str
    query: Query
    headers: Mapping[str, str]
    body: bytes | None
    origin: str


def read_request(request: WireRequest) -> Request:
    """Take a request apart. Never raises: what makes no sense is refused by its route."""
    url = urlsplit(request.url)
    api = _API.match(url.path)
    query: dict[str, tuple[str, ...]] = {}
    for key, value in parse_qsl(url.query, keep_blank_values=True):
        query[key] = (*query.get(key, ()), value)
    return Request(
        method=request.method.upper(),
        path=url.path,
        version=api[1] if api else None,
        route=url.path[api.end() :] if api else url.path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        origin=f"{url.scheme}://{url.netloc}",
    )


def user_of(world: World, request: Request) -> User:
    """Return whose token the request carries, `ANONYMOUS` if it carries none for a public route.

    Any other request without a token, or with an unknown one, is refused with 401.
    """
    token = _token(request.headers)
    if token is None and _is_public(request):
        return ANONYMOUS
    user_id = world.tokens.get(token or "")
    if user_id is None or scope_of(world, token or "") == "":
        raise Refusal(401, "You must log in first.")
    return world.users[user_id]


def refuse_reader(world: World, request: Request) -> None:
    """Refuse (403) a write by a token that may only read."""
    if scope_of(world, _token(request.headers) or "") == "read":
        raise Refusal(403, "This token may only read.")


def _is_public(request: Request) -> bool:
    from kosmo_circleci.simulator.routes import find_route

    try:
        route = find_route(request.method, request.route, request.version or "v2", request.query)
    except Refusal:
        return False
    return route[0].public


def _token(headers: Mapping[str, str]) -> str | None:
    """Return the token: `Circle-Token`, a bearer, or the user name of basic authentication.

    Return None where no header says anything; a header that makes no sense has the token "".
    """
    if headers.get("circle-token"):
        return headers["circle-token"]
    if "authorization" not in headers:
        return "" if "circle-token" in headers else None
    scheme, _, credentials = headers["authorization"].partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        return ""
