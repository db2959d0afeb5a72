"""The world as a `Transport`: bytes in, bytes out, no network.

One request is answered at a time, and each moves the simulated clock.
"""

import re
import threading
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.simulator.answers import Answer, Refusal
from kosmo_circleci.simulator.calls import ORGANIZATION_PARAMETERS, Call, organization_in_path
from kosmo_circleci.simulator.clock import START
from kosmo_circleci.simulator.entities import User
from kosmo_circleci.simulator.handlers import handler_of
from kosmo_circleci.simulator.routes import find_route
from kosmo_circleci.simulator.seeded import EXAMPLE_TOKEN, seeded_world
from kosmo_circleci.simulator.validate import check_path, check_query, read_body
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

if TYPE_CHECKING:
    from kosmo_circleci.simulator.conditions import Gate

Reply: TypeAlias = tuple[int, JsonValue, Mapping[str, str]]
"""Status, value and headers of an answer."""

SIMULATED_TOKEN: Final = EXAMPLE_TOKEN
"""The token of simulated accounts: that of `example-user`."""

_VERSION: Final = re.compile(r"/api/(v2|v3|v1\.1)(?=/)")

_ERROR_GROUPS: Final = frozenset({"OIDC Token Management", "Policy Management"})
"""The groups of operations whose refusals are `{"error": …}` and not `{"message": …}`."""


class SimulatorTransport:
    """CircleCI in memory, as a `Transport`. Safe to use from several threads."""

    def __init__(
        self,
        world: World | None = None,
        *,
        seed: int = 0,
        gate: "Gate | None" = None,
        on_write: Callable[[World], None] | None = None,
    ) -> None:
        """Serve `world`, or a new `seeded_world(seed)`. Host and scheme of a URL do not matter.

        `gate` makes the way there difficult: a rate limit, latency, faults. `on_write` gets the
        world after each request that may have changed it, before the next one is let in.
        """
        self.world = seeded_world(seed) if world is None else world
        self._gate = gate
        self._on_write = on_write
        self._lock = threading.Lock()
        self._closed = False

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return CircleCI's answer; `time_left_s` is used up by the latency of the gate only.

        Raises `TransportError` after `close()`, and when the latency is longer than the time left.
        """
        if self._gate is not None:
            self._gate.delay(time_left_s)
        with self._lock:
            if self._closed:
                raise TransportError("The simulator is closed.", surely_unsent=True)
            self.world.clock.tick()
            request_id = self.world.next_request_id()
            try:
                if self._gate is not None:
                    self._gate.admit()
                status, value, headers = self._answer(request)
            except Refusal as refusal:
                status, value = refusal.status, {"message": refusal.message}
                headers = refusal.headers
            if self._on_write is not None and status < 400 and request.method != "GET":
                self._on_write(self.world)
            return _response(status, value, {**headers, "x-request-id": request_id})

    def advance(self, seconds: float) -> None:
        """Let so many simulated seconds pass without a request: a wait that costs no real time.

        Raises `ValueError` for a negative or infinite number.
        """
        with self._lock:
            self.world.clock.advance(seconds)

    def now_s(self) -> float:
        """Return the simulated time, in seconds since the world began."""
        with self._lock:
            return self.world.clock.exact_now_s

    def epoch_s(self) -> float:
        """Return the simulated time as a wall clock shows it: seconds since 1970-01-01 UTC.

        A new world shows 2025-01-15T10:00:00Z, and its data lies in the days before.
        """
        return START.timestamp() + self.now_s()

    def snapshot(self) -> dict[str, JsonValue]:
        """Return all that the world knows, its time included, as plain JSON data.

        A transport of another process that `restore`s it answers every request as this one would.
        The data holds the values of variables as they are. It shares nothing with the world.
        """
        from kosmo_circleci.simulator.snapshot import to_json

        with self._lock:
            return to_json(self.world)

    def restore(self, snapshot: Mapping[str, JsonValue]) -> None:
        """Put the world of a `snapshot` in place of this one's, between two requests.

        The gate (rate limit, latency, faults) stays as it is. Raises `ValueError`, and changes
        nothing, for data that no `snapshot` returned.
        """
        from kosmo_circleci.simulator.snapshot import from_json

        with self._lock:
            self.world = from_json({**snapshot}, self.world.clock)

    def close(self) -> None:
        """Refuse every further request. The world stays as it is."""
        self._closed = True

    def _answer(self, request: WireRequest) -> Reply:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.world.current_user = _user(self.world, headers)
        url = urlsplit(request.url)
        method = request.method.upper()
        if (method, url.path) in _OF_V1:
            return 200, _OF_V1[method, url.path](self.world), {}
        version = _VERSION.match(url.path)
        if version is None:
            raise Refusal(404, "Not found")
        function, path = find_route(method, url.path[version.end() :], version[1])
        try:
            check_path(function, path)
            canonical = _canonical_owners(self.world, path, function.operation)
            query = _query(url.query)
            check_query(function, query)
            body = read_body(function, request.body, headers.get("content-type"))
            call = Call(self.world, function, url.path, canonical, query, body)
            return _reply(call)
        except Refusal as refusal:
            if function.group not in _ERROR_GROUPS:
                raise
            return refusal.status, {"error": refusal.message}, refusal.headers


def _reply(call: Call) -> Reply:
    handler = handler_of(call.function.operation)
    if handler is None:
        from kosmo_circleci.simulator.by_shape import answer_by_shape

        handler = answer_by_shape
    answer = handler(call)
    if call.function.answer != "json" and not isinstance(answer, Answer):
        return 200, _lines(answer), {"content-type": "application/octet-stream"}
    if isinstance(answer, Answer):
        return answer.status, answer.value, {}
    return (call.function.status if answer is not None else 204), answer, {}


def _lines(value: JsonValue) -> str:
    """Return the body of an answer that is text, or JSON Lines."""
    rows = value if isinstance(value, list) else []
    return value if isinstance(value, str) else "".join(f"{encode(row)}\n" for row in rows)


def _user(world: World, headers: Mapping[str, str]) -> User:
    """Return the user whose token the request carries; an unknown token is refused with 401."""
    user_id = world.tokens.get(_token(headers))
    if user_id is None:
        raise Refusal(401, "You must log in first.")
    return world.users[user_id]


def _token(headers: Mapping[str, str]) -> str:
    """Return the token: `Circle-Token`, a bearer, or the user name of basic authentication."""
    if headers.get("circle-token"):
        return headers["circle-token"]
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        return ""


def _followed_projects(world: World) -> JsonValue:
    from kosmo_circleci.simulator.resources import project

    return project.followed(world)


def _user_of_v1(world: World) -> JsonValue:
    from kosmo_circleci.simulator.resources import user

    return user.user_row(world.current_user)


_OF_V1: Final[Mapping[tuple[str, str], Callable[[World], JsonValue]]] = {
    ("GET", "/api/v1.1/projects"): _followed_projects,
    ("GET", "/api/v1.1/me"): _user_of_v1,
}
"""What clients of API v2 still ask of version 1.1."""


def _query(text: str) -> dict[str, tuple[str, ...]]:
    query: dict[str, tuple[str, ...]] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        query[key] = (*query.get(key, ()), value)
    return query


def _canonical_owners(world: World, path: Mapping[str, str], operation: str) -> dict[str, str]:
    """Return `path` with canonical slugs; a 404 for an unknown project or organization."""
    canonical = dict(path)
    if "project_slug" in path and operation != "create_project_from_repository":
        canonical["project_slug"] = world.project(path["project_slug"]).slug
    if "project_id" in path:
        world.project_by_id(path["project_id"])
    for name in ORGANIZATION_PARAMETERS:
        if name in path:
            organization = organization_in_path(world, name, path[name])
            canonical[name] = organization.slug if name == "org_slug" else path[name]
    return canonical


def _response(status: int, value: JsonValue, headers: Mapping[str, str]) -> WireResponse:
    if value is None:
        return WireResponse(status, headers, b"")
    if isinstance(value, str) and "content-type" in headers:
        return WireResponse(status, headers, value.encode())
    return WireResponse(
        status, {"content-type": "application/json", **headers}, encode(value).encode()
    )
