"""Whether runs are traced. Every run asks, so nothing of OpenTelemetry is loaded to tell.

Source of the variables: OpenTelemetry's "Environment Variable Specification".
"""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

_API: Final = "opentelemetry.trace"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OTLP: Final = "otlp"
_NONE: Final = "none"


def exporter_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the exporters that `OTEL_*` asks for; none of them means that telemetry is off.

    `OTEL_TRACES_EXPORTER` is a list of names, `none` among them turns it off. Without it, an
    endpoint for OTLP asks for `otlp`. Unlike in an SDK, no variable at all means off.
    """
    if is_disabled(environ):
        return ()
    words = environ.get("OTEL_TRACES_EXPORTER", "").split(",")
    names = tuple(dict.fromkeys(word.strip() for word in words if word.strip()))
    if names:
        return () if _NONE in names else names
    return (_OTLP,) if any(environ.get(name, "").strip() for name in _ENDPOINTS) else ()


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Say whether `OTEL_SDK_DISABLED` is `true`; any other value counts as false."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def has_host_provider(modules: Mapping[str, ModuleType] = sys.modules) -> bool:
    """Say whether the program around us has set up a tracer provider.

    One that has must have loaded OpenTelemetry's API; where it is not loaded, there is none.
    """
    api: Any = modules.get(_API)
    if api is None:
        return False
    try:
        provider = api.get_tracer_provider()
    except Exception:  # `OTEL_PYTHON_TRACER_PROVIDER` names one that cannot be loaded
        return False
    return not isinstance(provider, api.ProxyTracerProvider | api.NoOpTracerProvider)
