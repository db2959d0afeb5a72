"""What spans say: names, attributes, times. `lua_docs/telemetry.md` has the table.

Names follow OpenTelemetry's "Semantic Conventions for HTTP Client Spans" where they have one,
`kosmo.*` holds the rest. No argument, path, query, token, printed line or error text is in any of
them: only what is named here reaches a span.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from kosmo_circleci.call.model import CallRecord, StartedCall
from kosmo_circleci.errors import KosmoError
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import ForwardingListener, RunListener
from kosmo_circleci.version import __version__

# Not the propagators of `OTEL_PROPAGATORS`: baggage is not for CircleCI's eyes.
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_PARENT_VARIABLES: Final = ("TRACEPARENT", "TRACESTATE")
_PORTS: Final = {"https": 443, "http": 80}
_SCOPE: Final = "kosmo_circleci"
_NS_PER_MS: Final = 1_000_000

OTHER: Final = "_OTHER"
"""The `error.type` of an error that has no name, by the conventions."""


def tracer_of(provider: TracerProvider) -> Tracer:
    """Return our tracer of a provider."""
    return provider.get_tracer(_SCOPE, __version__)


def host_tracer() -> Tracer:
    """Return our tracer of the provider that the program has set up."""
    return tracer_of(trace.get_tracer_provider())


def parent_of(traceparent: str | None, environ: Mapping[str, str]) -> Context:
    """Return the context of a new span; see `tracing` for the order. A malformed one is none."""
    if traceparent is not None:
        return _PROPAGATOR.extract({"traceparent": traceparent}, Context())
    if trace.get_current_span().get_span_context().is_valid:
        return otel_context.get_current()
    headers = {name.lower(): environ[name] for name in _PARENT_VARIABLES if environ.get(name)}
    return _PROPAGATOR.extract(headers, Context())


def current_traceparent(environ: Mapping[str, str]) -> str | None:
    """Return the parent that a span would have here, as text; None where it would have none."""
    return _headers(parent_of(None, environ)).get("traceparent")


@contextlib.contextmanager
def parent_attached(environ: Mapping[str, str]) -> Iterator[None]:
    """Let spans in the block, on this thread and in its tasks, belong to `TRACEPARENT`."""
    token = otel_context.attach(parent_of(None, environ))
    try:
        yield
    finally:
        otel_context.detach(token)


class RunSpan:
    """The span of one run. None of its methods raises."""

    def __init__(self, tracer: Tracer, name: str, parent: Context, *, simulated: bool) -> None:
        self._span: Span = trace.INVALID_SPAN
        with _harmless():
            self._span = tracer.start_span(name, parent, attributes={"kosmo.simulated": simulated})
        self.context = trace.set_span_in_context(self._span, parent)
        self.traceparent = _headers(self.context).get("traceparent")

    @contextlib.contextmanager
    def current(self) -> Iterator[None]:
        """Make it the current span of this thread: what the program's own transport does, say."""
        token = otel_context.attach(self.context)
        try:
            yield
        finally:
            otel_context.detach(token)

    def describe(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        with _harmless():
            self._span.set_attributes(attributes)

    def end(self, run: Run) -> None:
        """End the span with the outcome of the run."""
        self.describe(
            {
                "kosmo.success": run.success,
                "kosmo.exit_code": run.exit_code,
                "kosmo.call_count": run.call_count,
                **{f"kosmo.writes.{name}": count for name, count in run.writes._asdict().items()},
            }
        )
        if run.success:
            with _harmless():
                self._span.end()
        else:
            self.fail(run.error_type or "exit")

    def fail(self, error_type: str) -> None:
        """End the span with an error."""
        with _harmless():
            _end_with_error(self._span, error_type)


class Trace(ForwardingListener):
    """Makes a span of each request, all of one parent, and passes everything on to `inner`."""

    def __init__(
        self, tracer: Tracer, parent: Context, inner: RunListener, *, simulated: bool
    ) -> None:
        super().__init__(inner)
        self._tracer = tracer
        self._parent = parent
        self._simulated = simulated
        self._open: dict[int, _OpenCall] = {}

    def call_started(self, call: StartedCall) -> None:
        with _harmless():
            self._open[call.number] = self._started(call)
        super().call_started(call)

    def trace_headers(self, number: int) -> Mapping[str, str]:
        headers = dict(super().trace_headers(number))
        with _harmless():
            if number in self._open:
                headers |= _headers(trace.set_span_in_context(self._open[number].span))
        return headers

    def call_ended(self, number: int, record: CallRecord) -> None:
        with _harmless():
            if number in self._open:
                self._open.pop(number).end(record)
            elif number < 0:
                self._external(record)
        super().call_ended(number, record)

    def close(self, error_type: str | None) -> None:
        """End the spans of requests that were in flight when the run ended, by an error's type."""
        for call in self._open.values():
            with _harmless():
                call.lose(error_type)
        self._open.clear()

    def _started(self, call: StartedCall) -> "_OpenCall":
        started_ns = time.time_ns()
        name = f"{call.method} {call.route}".strip()
        span = self._tracer.start_span(
            name,
            self._parent,
            SpanKind.CLIENT,
            {**_attributes_of(call), "kosmo.simulated": self._simulated},
            start_time=started_ns,
        )
        return _OpenCall(span, call, started_ns)

    def _external(self, record: CallRecord) -> None:
        """Make the span of a call to an MCP server, which is told when it has ended."""
        ended_ns = time.time_ns()
        started_ns = ended_ns - round(record.duration_ms * _NS_PER_MS)
        attributes: dict[str, AttributeValue] = {
            "kosmo.function": record.function,
            "kosmo.mcp.server": record.account,
            "kosmo.kind": record.kind,
        }
        span = self._tracer.start_span(
            record.function, self._parent, SpanKind.CLIENT, attributes, start_time=started_ns
        )
        _OpenCall(span, None, started_ns).end(record)


class _OpenCall:
    """The span of a request in flight."""

    def __init__(self, span: Span, call: StartedCall | None, started_ns: int) -> None:
        self.span = span
        self._call = call
        self._started_ns = started_ns

    def end(self, record: CallRecord) -> None:
        """End the span as the call log says: the record may be heard later than the answer came."""
        self.span.set_attributes({"kosmo.attempts": record.attempts, "kosmo.effect": record.effect})
        status = record.http_status
        if status is not None:
            self.span.set_attribute("http.response.status_code", status)
        ended_ns = self._started_ns + round(record.duration_ms * _NS_PER_MS)
        if record.status == "ok":
            self.span.end(ended_ns)
            return
        answered = status is not None and status >= 400
        error_type = str(status) if answered else record.error_type or OTHER
        _end_with_error(self.span, error_type, ended_ns)

    def lose(self, error_type: str | None) -> None:
        """End the span of a request that was abandoned."""
        is_write = self._call is not None and self._call.kind == "write"
        self.span.set_attribute("kosmo.effect", "unknown" if is_write else "none")
        _end_with_error(self.span, error_type or OTHER)


def _attributes_of(call: StartedCall) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.request.method": call.method,
        "kosmo.function": call.tool.removeprefix("circleci_"),
        "kosmo.account": call.account,
        "kosmo.kind": call.kind,
    }
    if call.route:  # a script's own path is an argument
        attributes["url.template"] = call.route
    parts = urlsplit(call.origin)
    if parts.hostname:
        attributes["server.address"] = parts.hostname
        attributes["server.port"] = parts.port or _PORTS.get(parts.scheme, 0)
    return attributes


def _end_with_error(span: Span, error_type: str, ended_ns: int | None = None) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(StatusCode.ERROR)  # no description: an error's text may hold what is secret
    span.end(ended_ns)


def _headers(context: Context) -> dict[str, str]:
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers, context)
    return headers


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """Drop what a provider raises: a run must not fail because a host's span processor does."""
    try:
        yield
    except KosmoError:
        raise  # a signal, which arrives wherever this thread is
    except Exception:
        pass
