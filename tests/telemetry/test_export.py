"""The command and the programs without a provider of their own: what a collector gets from them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from collector import TOKEN, Api, Collector
from ended import Ended

Kosmo = Callable[..., Ended]

C: Final = "local c = app.integrations.circleci "
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
PARENT: Final = f"00-{TRACE}-{SPAN}-01"
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
CALL: Final = C + "print(c.get_current_user().login) return 1"
UNSENT: Final = (
    "warning: OpenTelemetry: not all spans could be sent. Check OTEL_EXPORTER_OTLP_ENDPOINT and "
    "whether the collector runs.\n"
)


def test_a_script_and_its_requests_arrive_under_the_parent_of_the_environment(
    kosmo: Kosmo, collector: Collector
) -> None:
    env = {ENDPOINT: collector.origin, "TRACEPARENT": PARENT, "OTEL_RESOURCE_ATTRIBUTES": "a=b"}
    ended = kosmo("run", "--simulate", "-e", CALL, env=env)
    assert ended == Ended(0, "example-user\n1\n", "")
    run, call = collector.named("run eval"), collector.named("GET /me")
    assert (run.trace, run.parent) == (TRACE, SPAN)
    assert (call.trace, call.parent) == (TRACE, run.span)
    assert run.resource.items() >= {"service.name": "kosmo-circleci", "a": "b"}.items()


def test_the_name_of_the_service_is_the_environments(kosmo: Kosmo, collector: Collector) -> None:
    for variable in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        value = "nightly" if variable == "OTEL_SERVICE_NAME" else "service.name=nightly"
        detectors = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel,process"}
        env = {ENDPOINT: collector.origin, variable: value, **detectors}
        kosmo("run", "--simulate", "-e", "return 1", env=env)
    assert [each.resource["service.name"] for each in collector.spans()] == ["nightly"] * 2
    # The command line has the arguments.
    assert not [key for key in collector.spans()[0].resource if key.startswith("process.command")]


def test_a_call_is_a_run_of_one_request(kosmo: Kosmo, collector: Collector) -> None:
    env = {ENDPOINT: collector.origin}
    call = ("integrations:call", "get_project", "--project-slug=gh/acme/nowhere", "--simulate")
    assert kosmo(*call, env=env).code == 1
    run, request = collector.named("call get_project"), collector.spans()[1]
    assert (request.name, request.parent) == ("GET /project/{project-slug}", run.span)
    assert (run.attributes["error.type"], request.attributes["error.type"]) == ("api", "404")
    assert kosmo(*call[:2], "--all", "--simulate", env=env).code == 2


FORKED: Final = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def processes():
    return ProcessPoolExecutor(2, mp_context=get_context("fork"))
"""


@pytest.mark.parametrize("executor", ["processes", "threads", "forked:processes"])
def test_each_input_is_a_run_of_the_trace(
    executor: str, kosmo: Kosmo, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "forked.py").write_text(FORKED)
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text("1\n2\n3\n")
    env = {ENDPOINT: collector.origin, "TRACEPARENT": PARENT, "PYTHONPATH": str(tmp_path)}
    each = ("run", "--simulate", "--each", str(inputs), "--jobs", "2", "--executor", executor)
    assert kosmo(*each, "-e", CALL, env=env).code == 0
    # A worker of another executor outlives the command by the moment it takes to send.
    until = time.monotonic() + 10
    while len(collector.spans()) < 6 and time.monotonic() < until:
        time.sleep(0.05)
    runs = [span for span in collector.spans() if span.name == "run eval"]
    assert {(run.trace, run.parent) for run in runs} == {(TRACE, SPAN)}
    calls = [span for span in collector.spans() if span.name == "GET /me"]
    assert sorted(call.parent for call in calls) == sorted(run.span for run in runs)
    assert len(runs) == 3


@pytest.mark.parametrize("last", ["error('hunter2-error')", "return c.get_pipeline('hunter2-id')"])
def test_nothing_that_people_wrote_is_sent(
    last: str, kosmo: Kosmo, collector: Collector, api: Api
) -> None:
    api.answer = lambda call: (500 if "hunter2-id" in call.path else 200, {"id": "hunter2"}, 0)
    code = C + (
        "print('hunter2-printed', args.a) log('hunter2-printed') "
        "c.upsert_context_env_var('hunter2-context', 'HUNTER2_NAME', 'hunter2-value') "
        "c.create_context({name = 'hunter2-argument', owner_id = 'hunter2-owner'}) "
        "pcall(c.api_get, '/hunter2-path', {query = 'hunter2-query'}) "
        "pcall(c.get_job_details, 'hunter2') " + last
    )
    more = ("--arg", "a=hunter2-argument", "--arg-env", "b=HUNTER2", "--account", "default")
    env = {ENDPOINT: collector.origin, "HUNTER2": "hunter2-variable"}
    ended = kosmo("run", "--force", "--json", *more, "-e", code, env=env)
    assert (ended.code, json.loads(ended.out)["meta"]["writes"]["done"]) == (1, 2)
    assert len(collector.spans()) > 3
    sent = b"".join(collector.bodies).lower()
    assert b"hunter2" not in sent
    assert TOKEN.encode() not in sent


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a collector that takes everything and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("code", ["return 1", "error('x')", "exit(3)"])
def test_a_collector_that_is_dead_changes_nothing_but_one_line(code: str, kosmo: Kosmo) -> None:
    line = ("run", "--simulate", "--json", "-e", code)
    expected, ended = kosmo(*line, env={}), kosmo(*line, env={ENDPOINT: "http://127.0.0.1:1"})
    assert (ended.code, ended.err) == (expected.code, UNSENT)
    for measured in ("execution_time_ms", "memory_usage"):
        assert f'"{measured}":' in ended.out
    assert without_measures(ended.out) == without_measures(expected.out)


def without_measures(envelope: str) -> dict[str, object]:
    value = json.loads(envelope)
    del value["execution_time_ms"], value["memory_usage"]
    return dict(value)


def test_a_collector_that_never_answers_is_not_waited_for(kosmo: Kosmo, silent: str) -> None:
    env = {ENDPOINT: silent, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
    ended = kosmo("run", "--simulate", "-e", "return 1", env=env)
    assert ended == Ended(0, "1\n", UNSENT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_is_sent_too(
    number: signal.Signals, collector: Collector, api: Api
) -> None:
    api.answer = lambda call: (200, {}, 2.0)
    command = [sys.executable, "-m", "kosmo_circleci", "run", "--json", "-e", CALL]
    env = os.environ | {ENDPOINT: collector.origin}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 20
        while not api.calls and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        stdout, _ = process.communicate(timeout=20)
    assert (process.returncode, json.loads(stdout)["error_type"]) == (128 + number, "interrupted")
    assert collector.named("run eval").attributes["error.type"] == "interrupted"
    call = collector.named("GET /me")
    assert (call.is_error, call.attributes["error.type"]) == (True, "interrupted")


def test_a_limit_that_kills_the_process_is_sent_too(kosmo: Kosmo, collector: Collector) -> None:
    code = C + "c.get_current_user() table.move({}, 1, 1e12, 2)"
    ended = kosmo(
        "run", "--simulate", "--timeout", "4", "-e", code, env={ENDPOINT: collector.origin}
    )
    assert ended.code == 1
    run = collector.named("run eval")
    assert (run.is_error, run.attributes["error.type"]) == (True, "limit")
    assert collector.named("GET /me").parent == run.span


def test_without_the_extra_one_line_says_so_and_the_run_goes_on(
    kosmo: Kosmo, tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('not here')")
    env = {"PYTHONPATH": str(hidden.parent), ENDPOINT: "http://127.0.0.1:1"}
    ended = kosmo("run", "--simulate", "-e", CALL, env=env)
    assert ended == Ended(
        0,
        "example-user\n1\n",
        "warning: telemetry is off although OTEL_* asks for it: OpenTelemetry's SDK or its "
        "exporter is not installed; run: pip install 'kosmo-circleci[otel]'\n",
    )


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"OTEL_TRACES_EXPORTER": "carrier-pigeon"}, "has the exporter 'carrier-pigeon'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/xml"}, "expected grpc, http/protobuf"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size must be a positive integer"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_the_run_goes_on(
    env: dict[str, str], why: str, kosmo: Kosmo
) -> None:
    ended = kosmo("run", "--simulate", "-e", "return 1", env={ENDPOINT: "http://127.0.0.1:1"} | env)
    assert (ended.code, ended.out) == (0, "1\n")
    assert ended.err.startswith("warning: telemetry is off although OTEL_* asks for it: ")
    assert why in ended.err
    assert ended.err.count("\n") == 1


def test_the_console_is_standard_error(kosmo: Kosmo) -> None:
    env = {"OTEL_TRACES_EXPORTER": "console"}
    ended = kosmo("run", "--simulate", "-e", "return 1", env=env)
    assert (ended.code, ended.out) == (0, "1\n")
    assert json.loads(ended.err)["name"] == "run eval"


PROGRAM: Final = """
from kosmo_circleci import Bridge
if __name__ == "__main__":
    bridge = Bridge(simulate=True)
    for isolate in (False, True):
        bridge.run("app.integrations.circleci.get_current_user()", isolate=isolate)
    bridge.close()
"""


def test_a_program_without_a_provider_is_traced_as_the_environment_says(
    collector: Collector,
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {ENDPOINT: collector.origin, "TRACEPARENT": PARENT},
        capture_output=True,
        timeout=40,
        text=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    names = [span.name for span in collector.spans()]
    assert names == ["run script", "GET /me"] * 2
    assert {span.trace for span in collector.spans()} == {TRACE}
