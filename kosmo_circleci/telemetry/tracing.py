"""Runs and single calls as OpenTelemetry spans, where telemetry is on.

How it works. A run tells a `RunListener` of each request, wherever the script's process is; so one
listener on this side makes all spans (`spans.py`), and the script's process needs nothing of
OpenTelemetry. Before a request leaves, it asks that listener how it continues the trace, and waits
for the answer, which also makes the span's start exact. The run's own span reaches the script's
process as `RunSettings.traceparent`.

The parent of a run is, in this order: `RunSettings.traceparent` (a run of a fleet, which starts on
another thread or machine), the span that is current in the calling program, `TRACEPARENT`.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from kosmo_circleci.errors import KosmoError
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.telemetry import switch

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Perform: TypeAlias = Callable[[RunSettings, RunListener], Run]
"""Runs a script as the settings say, and tells the listener."""


def traced(
    settings: RunSettings,
    listener: RunListener | None,
    perform: Perform,
    *,
    simulated: bool,
    title: str | None = None,
) -> Run:
    """Return what `perform` returns; with telemetry on, it is a span, and each request another.

    `title` is the span's name, unless it is `run` and the name of the script. Raises what
    `perform` raises. Telemetry never changes the outcome: what goes wrong with it is dropped.
    """
    listener = listener or RunListener()
    tracer = _tracer()
    if tracer is None:
        return perform(settings, listener)
    from kosmo_circleci.telemetry.spans import RunSpan, Trace, parent_of

    parent = parent_of(settings.traceparent, os.environ)
    span = RunSpan(tracer, title or f"run {settings.name}", parent, simulated=simulated)
    span.describe({"kosmo.script.name": settings.name})
    trace = Trace(tracer, span.context, listener, simulated=simulated)
    try:
        with span.current():
            run = perform(settings._replace(traceparent=span.traceparent), trace)
    except BaseException as error:
        trace.close(_error_type(error))
        span.fail(_error_type(error))
        raise
    trace.close(run.error_type)
    span.end(run)
    return run


def traced_calls(
    listener: RunListener | None, *, simulated: bool
) -> tuple[RunListener, str | None]:
    """Return a listener that makes spans of requests outside of a run, and their `traceparent`.

    They belong to the span that is current in the calling program, or to `TRACEPARENT`.
    """
    listener = listener or RunListener()
    tracer = _tracer()
    if tracer is None:
        return listener, None
    from kosmo_circleci.telemetry.spans import Trace, current_traceparent, parent_of

    trace = Trace(tracer, parent_of(None, os.environ), listener, simulated=simulated)
    return trace, current_traceparent(os.environ) or ""


def with_current_span(settings: RunSettings) -> RunSettings:
    """Return settings whose run belongs to the span that is current here, wherever it starts."""
    if settings.traceparent is not None or _tracer() is None:
        return settings
    from kosmo_circleci.telemetry.spans import current_traceparent

    return settings._replace(traceparent=current_traceparent(os.environ))


@contextlib.contextmanager
def traced_process() -> Iterator[None]:
    """Let libraries of this process, the MCP SDK first of all, send their spans with ours.

    In the block they belong to `TRACEPARENT` unless they know better. For a process of our own
    only: in a host's the provider is the host's to choose.
    """
    if _tracer() is None:
        yield
        return
    from kosmo_circleci.telemetry.provider import own_provider, share
    from kosmo_circleci.telemetry.spans import parent_attached

    share(own_provider())
    with parent_attached(os.environ):
        yield


def _tracer() -> "Tracer | None":
    """Return what makes spans; None where telemetry is off, or cannot be on."""
    if switch.is_disabled(os.environ):
        return None
    if switch.has_host_provider():
        from kosmo_circleci.telemetry.spans import host_tracer

        return host_tracer()
    names = switch.exporter_names(os.environ)
    if not names or _Unavailable.reason is not None:
        return None
    try:
        from kosmo_circleci.telemetry.provider import own_provider
        from kosmo_circleci.telemetry.spans import tracer_of

        return tracer_of(own_provider())
    except ImportError:
        _Unavailable.tell(
            "OpenTelemetry's SDK or its exporter is not installed; run: "
            "pip install 'kosmo-circleci[otel]'"
        )
    except KosmoError:
        raise  # a signal, which arrives wherever this thread is
    except Exception as error:  # a variable with a value that the SDK cannot use
        _Unavailable.tell(f"{error}")
    return None


class _Unavailable:
    """Why this process is not traced although `OTEL_*` asks for it; said once."""

    reason: str | None = None

    @classmethod
    def tell(cls, reason: str) -> None:
        cls.reason = reason
        with contextlib.suppress(OSError, ValueError):
            text = " ".join(reason.split())
            sys.stderr.write(f"warning: telemetry is off although OTEL_* asks for it: {text}\n")


def _error_type(error: BaseException) -> str:
    return error.error_type if isinstance(error, KosmoError) else type(error).__qualname__
