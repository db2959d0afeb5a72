"""Whether telemetry is on, by the environment and by what the program has loaded."""

import subprocess
import sys
from types import ModuleType

import pytest
from opentelemetry import trace

from kosmo_circleci.telemetry.switch import exporter_names, has_host_provider

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OFF_SINCE = {"OTEL_SDK_DISABLED": "true", ENDPOINT: "http://localhost:4318"}


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "nightly"}, ()),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, ()),
        ({ENDPOINT: ""}, ()),
        ({ENDPOINT: "http://localhost:4318"}, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost/v1/traces"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console"}, ("console",)),
        ({"OTEL_TRACES_EXPORTER": " otlp , console,,otlp"}, ("otlp", "console")),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://localhost:4318"}, ()),
        ({"OTEL_TRACES_EXPORTER": "otlp,none"}, ()),
        ({"OTEL_TRACES_EXPORTER": "  ", ENDPOINT: "http://localhost:4318"}, ("otlp",)),
        (OFF_SINCE, ()),
        (OFF_SINCE | {"OTEL_SDK_DISABLED": " TRUE"}, ()),
        (OFF_SINCE | {"OTEL_SDK_DISABLED": "1"}, ("otlp",)),
    ],
)
def test_the_environment_says_which_exporters_there_are(
    environ: dict[str, str], names: tuple[str, ...]
) -> None:
    assert exporter_names(environ) == names


def test_a_provider_counts_only_where_the_program_has_set_one_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not has_host_provider({})
    modules: dict[str, ModuleType] = {"opentelemetry.trace": trace}
    assert not has_host_provider(modules)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    assert not has_host_provider(modules)
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "no-such-provider")
    with monkeypatch.context() as unset:
        unset.setattr(trace, "_TRACER_PROVIDER", None)
        assert not has_host_provider(modules)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", object())
    assert has_host_provider(modules)


PROGRAM = """
import sys
from kosmo_circleci import Bridge
if __name__ == "__main__":
    with Bridge(simulate=True) as bridge:
        for isolate in (False, True):
            assert bridge.run("app.integrations.circleci.get_current_user()", isolate=isolate)
        bridge.call("get_current_user")
    loaded = [name for name in sys.modules if name.startswith("opentelemetry")]
    ours = ("kosmo_circleci.telemetry.spans", "kosmo_circleci.telemetry.provider")
    loaded += {*ours} & {*sys.modules}
    print(loaded)
"""


def test_nothing_is_loaded_where_telemetry_is_off() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=40, check=True
    )
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")
    command = ["-m", "kosmo_circleci", "run", "--simulate", "-e", "return 1"]
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "kosmo_circleci.telemetry.switch" in loaded
    assert not {name for name in loaded if name.startswith("opentelemetry")}
    assert loaded & {f"kosmo_circleci.telemetry.{name}" for name in ("spans", "provider")} == set()
