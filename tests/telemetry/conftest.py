"""A program with a tracer provider of its own, servers to send to, and the command."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from collector import TOKEN, Api, Collector, answering, collecting
from ended import Ended
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a host program's own provider exports. The API lets it be set once a process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A CircleCI that the default account leads to."""
    with answering() as running:
        monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
        monkeypatch.setenv("CIRCLECI_BASE_URL", running.origin)
        yield running


@pytest.fixture
def kosmo() -> Callable[..., Ended]:
    """Return what runs the command as a process, with further variables."""

    def run(*arguments: str, env: Mapping[str, str]) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "kosmo_circleci", *arguments],
            env=os.environ | dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=40,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run
