"""The world as a `Transport`: bytes in, bytes out, no network.

One request is answered at a time, and each moves the simulated clock.
"""

import random
import threading
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from kosmo_circleci.jsonvalue import JsonValue, encode
from kosmo_circleci.simulator.answers import Refused
from kosmo_circleci.simulator.by_shape import answer_by_shape
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.checks import check_path, check_query, read_body
from kosmo_circleci.simulator.resources import (
    config,
    context,
    job,
    organization,
    pipeline,
    project,
    user,
    workflow,
)
from kosmo_circleci.simulator.routes import find_route
from kosmo_circleci.simulator.seeded import seeded_world
from kosmo_circleci.simulator.world import World, random_uuid
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

SIMULATED_TOKEN: Final = "simulated-token"
"""The token of simulated accounts. Any other is good too, unless it starts with `invalid`."""

_API: Final = "/api/v2"
_FOLLOWED_PROJECTS: Final = "/api/v1.1/projects"

_HANDLERS: Final[Mapping[str, Handler]] = {
    operation: handler
    for resource in (config, context, job, organization, pipeline, project, user, workflow)
    for operation, handler in resource.ROUTES.items()
}
"""Operation -> what answers it; every other one answers by its shape."""


class SimulatorTransport:
    """CircleCI in memory, as a `Transport`. Safe to use from several threads."""

    def __init__(self, world: World | None = None, *, seed: int = 0) -> None:
        """Serve `world`, or a new `seeded_world(seed)`. Host and scheme of a URL do not matter."""
        self.world = seeded_world(seed) if world is None else world
        self._lock = threading.Lock()
        self._request_ids = random.Random(f"{self.world.seed}/requests")
        self._closed = False

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        """Return CircleCI's answer at once; `time_left_s` is never used up.

        Raises `TransportError` after `close()`.
        """
        with self._lock:
            if self._closed:
                raise TransportError("The simulator is closed.", surely_unsent=True)
            self.world.clock.tick()
            request_id = random_uuid(self._request_ids)
            try:
                status, value = self._answer(request)
            except Refused as refusal:
                status, value = refusal.status, {"message": refusal.message}
            return _response(status, value, request_id)

    def close(self) -> None:
        """Refuse every further request. The world stays as it is."""
        self._closed = True

    def _answer(self, request: WireRequest) -> tuple[int, JsonValue]:
        _check_token(request.headers)
        url = urlsplit(request.url)
        method = request.method.upper()
        if url.path == _FOLLOWED_PROJECTS and method == "GET":
            return 200, project.followed(self.world)
        call = self._call(method, url.path, url.query, request.body)
        handler = _HANDLERS.get(call.function.operation, answer_by_shape)
        value = handler(call)
        return (call.function.status if value is not None else 204), value

    def _call(self, method: str, url_path: str, url_query: str, body: bytes | None) -> Call:
        if not url_path.startswith(f"{_API}/"):
            raise Refused(404, "Not found")
        route = find_route(method, url_path.removeprefix(_API))
        query: dict[str, tuple[str, ...]] = {}
        for key, text in parse_qsl(url_query, keep_blank_values=True):
            query[key] = (*query.get(key, ()), text)
        check_path(route.function, route.path)
        path = self._known_owners(route.path, route.function.operation)
        check_query(route.function, query)
        given = read_body(route.function, body)
        return Call(self.world, route.function, url_path, path, query, given)

    def _known_owners(self, path: Mapping[str, str], operation: str) -> dict[str, str]:
        """Return `path` with canonical slugs; a 404 for a project or organization unknown."""
        known = dict(path)
        if "project_slug" in path and operation != "create_project_from_repository":
            known["project_slug"] = self.world.project(path["project_slug"]).slug
        if "org_slug" in path:
            known["org_slug"] = self.world.organization(path["org_slug"]).slug
        return known


def _check_token(headers: Mapping[str, str]) -> None:
    token = next((value for name, value in headers.items() if name.lower() == "circle-token"), "")
    if not token or token.startswith("invalid"):
        raise Refused(401, "You must log in first.")


def _response(status: int, value: JsonValue, request_id: str) -> WireResponse:
    if value is None:
        return WireResponse(status, {"x-request-id": request_id}, b"")
    headers = {"content-type": "application/json", "x-request-id": request_id}
    return WireResponse(status, headers, encode(value).encode())
