"""Servers on loopback for telemetry: a collector that speaks OTLP over HTTP, and an API to call."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TOKEN: Final = "the-token-of-this-account-0123456789"


class SentSpan(NamedTuple):
    """A span as it arrived; ids in hexadecimal, no parent is ""."""

    name: str
    trace: str
    span: str
    parent: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    is_error: bool
    started_ns: int
    ended_ns: int


class Collector:
    """Keeps the bodies it is sent, and reads them."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.bodies: list[bytes] = []

    def spans(self) -> list[SentSpan]:
        """Return every span, in the order of their start."""
        spans = []
        for body in self.bodies:
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = _values(of_resource.resource.attributes)
                for of_scope in of_resource.scope_spans:
                    spans += [_span(each, resource) for each in of_scope.spans]
        return sorted(spans, key=lambda each: each.started_ns)

    def named(self, name: str) -> SentSpan:
        """Return the one span of that name."""
        (span,) = [each for each in self.spans() if each.name == name]
        return span


class Call(NamedTuple):
    """A request as the API met it; names of headers are lower case."""

    method: str
    path: str
    headers: dict[str, str]


class Api:
    """Answers every request with `answer(call)`: status, value, seconds to wait."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.calls: list[Call] = []
        self.answer: Callable[[Call], tuple[int, Any, float]] = lambda call: (200, {}, 0.0)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector that answers at once."""
    with _serving() as (server, origin):
        collector = Collector(origin)

        def take(_handler: Any, body: bytes) -> tuple[int, bytes]:
            collector.bodies.append(body)
            return 200, b""

        server.take = take  # type: ignore[attr-defined]
        yield collector


@contextmanager
def answering() -> Iterator[Api]:
    """Run an API."""
    with _serving() as (server, origin):
        api = Api(origin)

        def take(handler: Any, _body: bytes) -> tuple[int, bytes]:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            call = Call(handler.command, handler.path, headers)
            api.calls.append(call)
            status, value, wait_s = api.answer(call)
            time.sleep(wait_s)
            return status, json.dumps(value).encode()

        server.take = take  # type: ignore[attr-defined]
        yield api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet: two would wait for each other

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, answer = self.server.take(self, body)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that has gone is no news."""


@contextmanager
def _serving() -> Iterator[tuple[_Server, str]]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _span(span: Any, resource: dict[str, Any]) -> SentSpan:
    return SentSpan(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _values(span.attributes),
        resource,
        span.status.code == span.status.STATUS_CODE_ERROR,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _values(pairs: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in pairs}
