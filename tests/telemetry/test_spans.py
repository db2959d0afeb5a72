"""What spans say, in a program that has a tracer provider of its own: `lua_docs/telemetry.md`."""

import asyncio
from typing import Any, Final

import pytest
from collector import Api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

from kosmo_circleci import ApiError, Bridge, Limits, NetworkError

C: Final = "local c = app.integrations.circleci "
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
PARENT: Final = f"00-{TRACE}-{SPAN}-01"

SAME: Final = {
    "answers, errors and a fallback": C
    + """
        c.get_current_user()
        pcall(c.get_project, "gh/acme/nowhere")
        pcall(c.get_pipeline, "no-such-id")
        c.api_get("/me")
        c.list_followed_projects()
    """,
    "calls at once": C + "flow.map({1, 2, 3}, function() c.get_current_user() end)",
    "a write": C + "c.create_context({name = 'a', owner_id = 'b'})",
    "nothing is called": "return 1",
    "it fails": "error('hunter2')",
    "it exits": "exit(3)",
    "it may not write": C + "c.cancel_workflow('id')",
    "a syntax error": "x = = 1",
}


class Span:
    """A finished span, for comparison."""

    def __init__(self, span: ReadableSpan) -> None:
        assert span.context is not None
        assert span.start_time is not None
        assert span.end_time is not None
        self.name = span.name
        self.kind = span.kind
        self.attributes: dict[str, Any] = dict(span.attributes or {})
        self.is_error = not span.status.is_ok and span.status.status_code.name == "ERROR"
        self.trace = format(span.context.trace_id, "032x")
        self.id = format(span.context.span_id, "016x")
        self.parent = format(span.parent.span_id, "016x") if span.parent else None
        self.started_ns, self.ended_ns = span.start_time, span.end_time
        self.texts = [str(span.status.description or ""), *(str(each) for each in span.events)]


def run_and_calls(exported: InMemorySpanExporter) -> tuple[Span, list[Span]]:
    """Return the span of the one run, and those of its requests by their start."""
    spans = [Span(each) for each in exported.get_finished_spans()]
    (run,) = [each for each in spans if each.kind is SpanKind.INTERNAL]
    calls = [each for each in spans if each.kind is SpanKind.CLIENT]
    assert {each.parent for each in calls} <= {run.id}
    assert {each.trace for each in calls} <= {run.trace}
    return run, sorted(calls, key=lambda each: each.started_ns)


@pytest.mark.parametrize("code", SAME.values(), ids=SAME)
def test_spans_are_the_same_in_a_process_of_its_own(
    code: str, exported: InMemorySpanExporter
) -> None:
    stories = []
    for isolate in (False, True):
        exported.clear()
        with Bridge(simulate=True) as bridge:
            bridge.run(code, name="nightly.lua", isolate=isolate)
        run, calls = run_and_calls(exported)
        stories.append([(each.name, each.is_error, each.attributes) for each in (run, *calls)])
    assert stories[0] == stories[1]


def test_a_run_and_its_requests_say_what_the_table_says(exported: InMemorySpanExporter) -> None:
    code = (
        C + "c.get_pipeline(c.trigger_pipeline('gh/example-org/example-repo').id) c.api_get('/no')"
    )
    with Bridge(simulate=True) as bridge:
        bridge.run(code, name="nightly.lua", force=True)
    run, (trigger, read, raw) = run_and_calls(exported)
    assert (run.name, run.is_error, run.attributes) == (
        "run nightly.lua",
        True,
        {
            "kosmo.script.name": "nightly.lua",
            "kosmo.simulated": True,
            "kosmo.success": False,
            "kosmo.exit_code": 1,
            "kosmo.call_count": 3,
            "kosmo.writes.done": 1,
            "kosmo.writes.refused": 0,
            "kosmo.writes.unknown": 0,
            "error.type": "api",
        },
    )
    of_every = {
        "server.address": "circleci.com",
        "server.port": 443,
        "kosmo.account": "default",
        "kosmo.attempts": 1,
        "kosmo.simulated": True,
    }
    assert (trigger.name, trigger.attributes) == (
        "POST /project/{project-slug}/pipeline",
        of_every
        | {
            "http.request.method": "POST",
            "http.response.status_code": 201,
            "url.template": "/project/{project-slug}/pipeline",
            "kosmo.function": "trigger_pipeline",
            "kosmo.kind": "write",
            "kosmo.effect": "done",
        },
    )
    assert (read.name, read.is_error) == ("GET /pipeline/{pipeline-id}", False)
    # A path that the script wrote is an argument.
    assert (raw.name, raw.is_error, raw.attributes) == (
        "GET",
        True,
        of_every
        | {
            "http.request.method": "GET",
            "http.response.status_code": 404,
            "error.type": "404",
            "kosmo.function": "api_get",
            "kosmo.kind": "read",
            "kosmo.effect": "none",
        },
    )


@pytest.mark.parametrize(
    ("code", "error_type", "exit_code"),
    [
        ("return 1", None, 0),
        ("exit(0)", None, 0),
        ("exit(3)", "exit", 3),
        ("error('x')", "runtime", 1),
        ("x = = 1", "syntax", 1),
        (C + "c.get_pipelin()", "validation", 1),
        (C + "c.cancel_workflow('id')", "permission", 1),
        ("while true do end", "limit", 1),
    ],
)
def test_a_run_ends_with_the_type_of_its_error(
    code: str, error_type: str | None, exit_code: int, exported: InMemorySpanExporter
) -> None:
    with Bridge(simulate=True) as bridge:
        bridge.run(code, limits=Limits(timeout_s=2, cpu_s=0.2))
    run, _ = run_and_calls(exported)
    assert run.is_error is (error_type is not None)
    assert run.attributes.get("error.type") == error_type
    assert run.attributes["kosmo.exit_code"] == exit_code


@pytest.mark.parametrize("isolate", [False, True])
def test_requests_carry_the_trace_to_the_accounts_own_origin(
    isolate: bool, exported: InMemorySpanExporter, api: Api
) -> None:
    answers = iter([503, 200, 404, 200, 200])
    api.answer = lambda call: (next(answers), {"items": []}, 0.0)
    code = C + (
        "c.get_current_user() pcall(c.get_pipeline, 'id') "
        "flow.map({1, 2}, function() c.get_current_user() end)"
    )
    with Bridge() as bridge:
        assert bridge.run(code, isolate=isolate).error is None
    run, calls = run_and_calls(exported)
    assert calls[0].attributes["kosmo.attempts"] == 2
    sent = [call.headers["traceparent"].rpartition("-")[0] for call in api.calls]
    expected = [f"00-{run.trace}-{call.id}" for call in calls]
    # Each attempt is of the same span.
    assert sent[:3] == [expected[0], expected[0], expected[1]]
    assert sorted(sent[3:]) == sorted(expected[2:])
    assert calls[1].attributes["server.port"] == int(api.origin.rpartition(":")[2])


@pytest.mark.parametrize("isolate", [False, True])
def test_a_request_lies_within_its_run(
    isolate: bool, exported: InMemorySpanExporter, api: Api
) -> None:
    api.answer = lambda call: (200, {}, 0.2)
    with Bridge() as bridge:
        bridge.run(C + "flow.map({1, 2}, function() c.get_current_user() end)", isolate=isolate)
    run, calls = run_and_calls(exported)
    slack_ns = 20_000_000  # two clocks: one of the day, one that counts
    for call in calls:
        assert run.started_ns <= call.started_ns
        assert call.started_ns + 200_000_000 - slack_ns < call.ended_ns <= run.ended_ns + slack_ns


@pytest.mark.parametrize("isolate", [False, True])
def test_a_request_in_flight_at_the_end_has_an_unknown_effect(
    isolate: bool, exported: InMemorySpanExporter, api: Api
) -> None:
    api.answer = lambda call: (200, {}, 3.0)
    code = C + "flow.map({1, 2}, function(n) c.create_context({name = 'a', owner_id = 'b'}) end)"
    with Bridge() as bridge:
        run = bridge.run(code, force=True, isolate=isolate, limits=Limits(timeout_s=1))
    assert (run.error_type, run.writes.unknown) == ("limit", 2)
    span, calls = run_and_calls(exported)
    assert span.attributes["kosmo.writes.unknown"] == 2
    for call in calls:
        assert (call.is_error, call.attributes["kosmo.effect"]) == (True, "unknown")
        assert call.attributes["error.type"] in ("limit", "_OTHER")


def test_a_request_without_an_answer_has_the_type_of_the_error(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_TOKEN", "token-0123456789")
    monkeypatch.setenv("CIRCLECI_BASE_URL", "http://127.0.0.1:1")
    with Bridge() as bridge, pytest.raises(NetworkError):
        bridge.call("cancel_workflow", {"workflow_id": "id"}, force=True)
    (call,) = [Span(each) for each in exported.get_finished_spans()]
    assert (call.name, call.is_error, call.parent) == (
        "POST /workflow/{id}/cancel",
        True,
        None,
    )
    assert call.attributes["error.type"] == "network"
    assert call.attributes["kosmo.effect"] == "none"
    assert "http.response.status_code" not in call.attributes


def host_span() -> Any:
    tracer: Tracer = trace.get_tracer("a host")
    return tracer.start_as_current_span("host")


def test_everything_belongs_to_the_span_that_is_current(exported: InMemorySpanExporter) -> None:
    async def alone(bridge: Bridge) -> None:
        await bridge.run_async("return 1", name="async")

    with Bridge(simulate=True) as bridge, host_span() as host:
        bridge.run("return 1", name="here")
        bridge.run("return 1", name="apart", isolate=True)
        asyncio.run(alone(bridge))
        list(bridge.map("return item", [1], name="map"))
        bridge.call("get_current_user")
        with pytest.raises(ApiError):
            bridge.call("get_project", {"project_slug": "gh/acme/nowhere"})
    parent = format(host.get_span_context().span_id, "016x")
    spans = {each.name: Span(each) for each in exported.get_finished_spans()}
    assert spans.pop("host").parent is None
    assert {name: each.parent for name, each in spans.items()} == dict.fromkeys(
        ("run here", "run apart", "run async", "run map", "GET /me", "GET /project/{project-slug}"),
        parent,
    )


@pytest.mark.parametrize(
    ("environ", "parent"),
    [
        ({"TRACEPARENT": PARENT}, (TRACE, SPAN)),
        ({"TRACEPARENT": PARENT, "TRACESTATE": "vendor=1"}, (TRACE, SPAN)),
        ({"TRACEPARENT": "rubbish"}, None),
        ({"TRACEPARENT": f"00-{'0' * 32}-{SPAN}-01"}, None),
        ({"TRACEPARENT": PARENT + "\r\nCircle-Token: x"}, None),
        ({"TRACEPARENT": ""}, None),
        ({}, None),
    ],
)
def test_without_a_current_span_the_environment_has_the_parent(
    environ: dict[str, str],
    parent: tuple[str, str] | None,
    exported: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with Bridge(simulate=True) as bridge:
        bridge.run("return 1")
        bridge.call("get_current_user")
    for each in exported.get_finished_spans():
        span = Span(each)
        assert (parent is None) == (span.parent is None)
        if parent is not None:
            assert (span.trace, span.parent) == parent


def test_a_trace_that_is_not_sampled_goes_on_as_one(
    exported: InMemorySpanExporter, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{SPAN}-00")
    with Bridge() as bridge:
        bridge.run(C + "c.get_current_user()", isolate=True)
    assert exported.get_finished_spans() == ()
    (call,) = api.calls
    version, trace_id, _, flags = call.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "00")


def test_without_telemetry_nothing_is_sent_along(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    with Bridge() as bridge:
        bridge.run(C + "c.get_current_user()")
        bridge.run(C + "c.get_current_user()", isolate=True)
        bridge.call("get_current_user")
    assert ["traceparent" in call.headers for call in api.calls] == [False] * 3


def test_a_host_can_turn_it_off(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with Bridge(simulate=True) as bridge:
        assert bridge.run("return 1").result == 1
    assert exported.get_finished_spans() == ()


class Broken(SpanProcessor):
    """A processor with faults of its own."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        raise ZeroDivisionError

    def on_end(self, span: ReadableSpan) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize("isolate", [False, True])
def test_a_broken_provider_does_not_change_the_outcome(
    isolate: bool, exported: InMemorySpanExporter
) -> None:
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(Broken())
    with Bridge(simulate=True) as bridge:
        run = bridge.run(C + "return c.get_current_user().login", isolate=isolate)
        assert bridge.call("get_current_user")["login"] == "example-user"
    assert (run.error, run.result, run.call_count) == (None, "example-user", 1)


@pytest.mark.parametrize("isolate", [False, True])
def test_what_a_listener_raises_ends_the_span_too(
    isolate: bool, exported: InMemorySpanExporter
) -> None:
    from listeners import Lines

    def fail(_line: str) -> None:
        raise ZeroDivisionError("hunter2")

    with Bridge(simulate=True) as bridge, pytest.raises(ZeroDivisionError):
        bridge.run("print('x')", isolate=isolate, listener=Lines(fail))
    run, _ = run_and_calls(exported)
    assert (run.is_error, run.attributes["error.type"]) == (True, "ZeroDivisionError")
    assert run.texts == [""]
