"""The world as a `Transport`: bytes in, bytes out, no network.

One request is answered at a time, and each moves the simulated clock.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import Answer, Refusal
from kosmo_circleci.simulator.calls import ORGANIZATION_PARAMETERS, Call, organization_in_path
from kosmo_circleci.simulator.clock import START
from kosmo_circleci.simulator.entities import ANONYMOUS
from kosmo_circleci.simulator.handlers import handler_of
from kosmo_circleci.simulator.replies import error_reply, reply
from kosmo_circleci.simulator.requests import Request, read_request, refuse_reader, user_of
from kosmo_circleci.simulator.routes import find_route
from kosmo_circleci.simulator.seeded import EXAMPLE_TOKEN, seeded_world
from kosmo_circleci.simulator.validate import check_path, check_query, read_body
from kosmo_circleci.simulator.world import World
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

if TYPE_CHECKING:
    from kosmo_circleci.simulator.conditions import Gate
    from kosmo_circleci.simulator.oauth import SignInMode

SIMULATED_TOKEN: Final = EXAMPLE_TOKEN
"""The token of simulated accounts: that of `example-user`."""


class SimulatorTransport:
    """CircleCI in memory, as a `Transport`. Safe to use from several threads and runs at once."""

    def __init__(
        self,
        world: World | None = None,
        *,
        seed: int = 0,
        gate: "Gate | None" = None,
        on_write: Callable[[World], None] | None = None,
        has_v3: bool = True,
        sign_in: "SignInMode" = "approve",
    ) -> None:
        """Serve `world`, or a new `seeded_world(seed)`. Host and scheme of a URL do not matter.

        `gate` makes the way there difficult: a rate limit, latency, faults. `on_write` gets the
        world after each request that may have changed it, before the next one is let in. Without
        API v3 it is a CircleCI Server. `sign_in` is what the user of a browser sign-in does.
        """
        self.world = seeded_world(seed) if world is None else world
        self._gate = gate
        self._on_write = on_write
        self._has_v3 = has_v3
        self._sign_in: SignInMode = sign_in
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
            response = self._respond(request, self.world.next_request_id())
            if self._on_write is not None and response.status < 400 and request.method != "GET":
                self._on_write(self.world)
            return response

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

    def _respond(self, wire: WireRequest, request_id: str) -> WireResponse:
        request = read_request(wire)
        function, user_before = None, self.world.current_user
        try:
            if self._gate is not None:
                self._gate.admit()
            if request.version is None:
                return reply(None, self._outside(request), request_id)
            if request.version == "v3" and not self._has_v3:
                raise Refusal(404, "Not found")
            self.world.current_user = user_of(self.world, request)
            if request.version == "v1.1" and (plain := _plain_answer(self.world, request)):
                return reply(None, plain, request_id)
            function, path = find_route(
                request.method, request.route, request.version, request.query
            )
            if function.kind == "write":
                refuse_reader(self.world, request)
            return reply(function, _value(self.world, function, path, request), request_id)
        except Refusal as refusal:
            return error_reply(refusal, request.version, request_id, function)
        finally:
            if self.world.current_user is ANONYMOUS:
                self.world.current_user = user_before

    def _outside(self, request: Request) -> Answer:
        """Answer what lies beside the API: files, and the pages of the sign-in."""
        if request.path.startswith(("/oauth/", "/.well-known/")):
            from kosmo_circleci.simulator.oauth import sign_in

            return sign_in(self.world, request, self._sign_in)
        from kosmo_circleci.simulator.downloads import download

        return download(self.world, request)


def _value(
    world: World, function: Function, path: Mapping[str, str], request: Request
) -> "JsonValue | Answer":
    """Return what the handler of the operation returns for a request that passed all checks."""
    check_path(function, path)
    canonical = _canonical_owners(world, path, function.operation)
    check_query(function, request.query)
    body = read_body(function, request.body, request.headers.get("content-type"))
    call = Call(
        world,
        function,
        request.path,
        canonical,
        request.query,
        body,
        request.headers,
        request.origin,
    )
    return (handler_of(function.operation) or _by_shape)(call)


def _plain_answer(world: World, request: Request) -> Answer | None:
    """Answer what clients of API v2 still ask of version 1.1 beside the manifest."""
    if request.method == "POST":
        from kosmo_circleci.simulator.resources.v1.trigger import answer_deprecated

        refuse_reader(world, request)
        return answer_deprecated(world, request)
    from kosmo_circleci.simulator.resources.v1.project import PLAIN_ROUTES

    handler = PLAIN_ROUTES.get((request.method, request.route))
    return None if handler is None else Answer(200, handler(world))


def _by_shape(call: Call) -> JsonValue:
    from kosmo_circleci.simulator.by_shape import answer_by_shape

    return answer_by_shape(call)


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
