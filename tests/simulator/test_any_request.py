"""Whatever is sent, the simulator answers: a known status, and JSON where there is a body."""

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function, Parameter
from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.snapshot import from_json, to_json
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest

FUNCTIONS = [each for each in load_catalog().functions() if not each.is_raw and not each.fallback]

STATUSES = frozenset({200, 201, 202, 204, 400, 404, 409, 415})

VALUES = (
    "gh/example-org/example-repo",
    "gh/example-org",
    "project-uuid",
    "org-uuid",
    "context-uuid",
    "pipeline-uuid",
    "workflow-uuid",
    "failed-workflow-uuid",
    "on-hold-workflow-uuid",
    "running-workflow-uuid",
    "running-job-uuid",
    "approval-uuid",
    "definition-uuid",
    "trigger-uuid",
    "schedule-uuid",
    "webhook-uuid",
    "group-uuid",
    "component-uuid",
    "environment-uuid",
    "build-and-test",
    "continuation-key",
    "production",
    "config",
    "web",
    "main",
    "102",
    "true",
    "2025-01-10T00:00:00Z",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
)

texts = st.one_of(st.sampled_from(VALUES), st.text(max_size=8))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 2**65), st.floats(0, 2), texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


def fitting(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values of the parameter's own type: what gets past the first check."""
    if parameter.enum:
        one: st.SearchStrategy[Any] = st.sampled_from(parameter.enum)
    else:
        one = {
            "integer": st.integers(-1, 120),
            "boolean": st.booleans(),
            "object": st.dictionaries(texts, json_values, max_size=3),
        }.get(parameter.type, texts)
    return st.lists(one, max_size=2) if parameter.type == "array" else one


@st.composite
def requests(draw: st.DrawFn) -> WireRequest:
    """A request for some operation: addressed well, and filled with anything."""
    function = draw(st.sampled_from(FUNCTIONS))
    path, query, body = function.api_path, [], {}
    for parameter in function.parameters:
        if parameter.place == "path":
            text = str(draw(st.sampled_from(VALUES)))
            text = VALUES[0] if parameter.name == "project_slug" else text
            path = path.replace(parameter.placeholder, quote(text, safe="/"))
        elif parameter.place == "query" and draw(st.booleans()):
            query.append((parameter.wire, str(draw(st.one_of(fitting(parameter), texts)))))
        elif parameter.place == "body" and draw(st.integers(0, 4)):
            _put(body, parameter, draw(st.one_of(fitting(parameter), json_values)))
    return WireRequest(
        function.method,
        f"https://circleci.com{path}?{urlencode(query, errors='replace')}",
        {"Circle-Token": SIMULATED_TOKEN},
        _content(draw, function, body),
    )


def _put(body: dict[str, Any], parameter: Parameter, value: Any) -> None:
    *parents, last = parameter.body_path
    inner = body
    for key in parents:
        nested = inner.get(key)
        inner[key] = nested if isinstance(nested, dict) else {}
        inner = inner[key]
    inner[last] = value


def _content(draw: st.DrawFn, function: Function, body: dict[str, Any]) -> bytes | None:
    if not function.has_body:
        return None
    return draw(st.just(encode(body).encode()) | st.binary(max_size=4))


@settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(st.lists(requests(), min_size=1, max_size=8))
def test_any_conversation_is_answered_and_leaves_a_world_that_can_be_kept(
    conversation: list[WireRequest],
) -> None:
    transport = SimulatorTransport()
    for request in conversation:
        answer = transport.send(request)
        assert answer.status in STATUSES, (request, answer)
        if answer.status == 204:
            assert answer.body == b""
        else:
            assert answer.headers["content-type"] != "application/json" or decode(answer.body)
    snapshot = to_json(transport.world)
    assert to_json(from_json(decode(encode(snapshot)))) == snapshot
