"""The tracer provider of a process that has none of its own: OpenTelemetry's SDK as `OTEL_*` says.

There is one per process, made when the first run is traced. A dead collector delays the end of the
process by at most `END_S`, and costs one line on stderr.
"""

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Status

from kosmo_circleci.telemetry.switch import exporter_names
from kosmo_circleci.version import __version__

END_S: Final = 1.5
"""How long the end of a process waits for the collector, unless `OTEL_BSP_EXPORT_TIMEOUT` says."""

_ENTRY_POINTS: Final = "opentelemetry_traces_exporter"
_EXPORTER_OF_PROTOCOL: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_DEFAULT_PROTOCOL: Final = "http/protobuf"


def own_provider() -> TracerProvider:
    """Return the provider of this process, as the environment says when it is first asked for.

    Raises `ImportError` without the extra `otel`, and `ValueError` for a variable that cannot be
    used, one that names an exporter which is not installed among them.
    """
    with _process.lock:
        if _process.own is None:
            _process.own = OwnProvider(os.environ)
            _call_at_exit(end)
        return _process.own.provider


def share(provider: TracerProvider) -> None:
    """Make `provider` the one that every library of this process finds."""
    trace.set_tracer_provider(provider)


def end() -> None:
    """Send what is not sent yet, and say on stderr where that failed. No-op the second time."""
    own = _process.own
    if own is not None and not own.end():
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(
                "warning: OpenTelemetry: not all spans could be sent. Check "
                "OTEL_EXPORTER_OTLP_ENDPOINT and whether the collector runs.\n"
            )


class _Process:
    """What this process has made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.own: OwnProvider | None = None


_process = _Process()


def _forget_parent() -> None:
    # The threads of a provider are not in a forked process, and its lock may be held there forever.
    global _process
    _process = _Process()


os.register_at_fork(after_in_child=_forget_parent)


def _call_at_exit(function: Callable[[], None]) -> None:
    atexit.register(function)
    if "multiprocessing" in sys.modules:
        from multiprocessing.util import Finalize

        # A worker of a process pool ends without `atexit`.
        Finalize(None, function, exitpriority=0)


class OwnProvider:
    """A provider and the thread that ends it: at exit, Python starts no further thread."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # Not on a thread while the run is under way: a program that forks while they load
        # would have half-loaded modules in the child for ever.
        exporters = [_Exporter(_exporter(name, environ)) for name in exporter_names(environ)]
        for name in ("opentelemetry", "urllib3"):
            # It logs each attempt that failed; without a handler of the program's own, Python would
            # write that to stderr.
            logging.getLogger(name).addHandler(logging.NullHandler())
        self.provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        for each in exporters:
            self.provider.add_span_processor(BatchSpanProcessor(each))
        self._exporters = exporters
        self._end_s = _end_s(environ)
        self._end_requested, self._ended = threading.Event(), threading.Event()
        threading.Thread(target=self._serve, name="kosmo-telemetry", daemon=True).start()

    def end(self) -> bool:
        """Send what is not sent yet; False if that failed, or took too long, for the first time."""
        if self._end_requested.is_set():
            return True
        self._end_requested.set()
        with contextlib.suppress(KeyboardInterrupt):  # the second Ctrl-C: do not wait
            sent = self._ended.wait(self._end_s)
            return sent and not any(each.failed for each in self._exporters)
        return False

    def _serve(self) -> None:
        self._end_requested.wait()
        self.provider.shutdown()
        self._ended.set()


class _Exporter(SpanExporter):
    """An exporter that never raises, and passes on no text that people wrote."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        with contextlib.suppress(Exception):
            result = self._inner.export([without_texts(each) for each in spans])
        self.failed |= result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        with contextlib.suppress(Exception):
            self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def without_texts(span: ReadableSpan) -> ReadableSpan:
    """Return a span without events and status description: the MCP SDK puts errors' texts there."""
    if not span.events and not span.status.description:
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    """Return the exporter of that name. Raises `ImportError`, `ValueError`."""
    if name == "console":
        return ConsoleSpanExporter(out=sys.stderr)  # stdout is the script's
    if name == "otlp":
        protocol = (
            environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or _DEFAULT_PROTOCOL
        )
        if protocol not in _EXPORTER_OF_PROTOCOL:
            protocols = ", ".join(_EXPORTER_OF_PROTOCOL)
            raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; expected {protocols}")
        name = _EXPORTER_OF_PROTOCOL[protocol]
    if name == "otlp_proto_http":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    installed = entry_points(group=_ENTRY_POINTS, name=name)
    if not installed:
        raise ValueError(
            f"no installed package has the exporter {name!r}; the extra `otel` has otlp "
            "(http/protobuf) and console"
        )
    exporter: SpanExporter = next(iter(installed)).load()()
    return exporter


def _resource() -> Resource:
    """Return who we are; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win."""
    own = {"service.name": "kosmo-circleci", "service.version": __version__}
    resource = Resource.create({**own, **OTELResourceDetector().detect().attributes})
    # A detector of processes tells the command line, and with it the arguments.
    kept = {
        key: value
        for key, value in resource.attributes.items()
        if not key.startswith("process.command")
    }
    return Resource(kept, resource.schema_url)


def _end_s(environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_BSP_EXPORT_TIMEOUT", "").strip()
    return int(text) / 1000 if text.isascii() and text.isdigit() else END_S
