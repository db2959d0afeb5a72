"""`Bridge.run(..., isolate=True)`: a process of its own, kept warm, killed at its limits."""

import gc
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from listeners import Lines

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.call.model import ApiRequest, ApiResponse
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import Interrupted
from kosmo_circleci.run.listener import Consent, RunListener

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PATIENCE_S = 10.0
TOKEN = "token-of-the-test-0123456789"
IN_C = "string.rep('', 1 << 60)"
SHORT = Limits(cpu_s=0.1)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


def children() -> set[int]:
    """Return the processes this one has started and not yet seen end."""
    found = set()
    for stat in [Path(f"/proc/{name}/stat") for name in os.listdir("/proc") if name.isdigit()]:
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


@pytest.fixture
def started() -> Iterator[Callable[[], set[int]]]:
    """Tell the processes this test has started; none may be left at its end."""
    before = children()
    yield lambda: children() - before
    gc.collect()
    assert children() - before == set()


def test_a_process_serves_one_run_after_the_other(
    started: Callable[[], set[int]],
) -> None:
    with Bridge(simulate=True) as bridge:
        runs = [bridge.run(f"x = (x or 0) + {n} return x", isolate=True) for n in (1, 2)]
        [first] = started()
        assert [run.result for run in runs] == [1, 2]  # each with globals of its own
        assert bridge.run("return 3", isolate=True).result == 3
        assert started() == {first}


def test_a_process_that_had_to_be_killed_is_replaced(
    started: Callable[[], set[int]],
) -> None:
    with Bridge(simulate=True) as bridge:
        assert bridge.run("return 1", isolate=True).result == 1
        [first] = started()
        run = bridge.run("print('so far') " + IN_C, limits=SHORT, isolate=True)
        assert (run.error_type, run.output, run.memory_usage) == ("limit", "so far", 0)
        assert started() == set()
        assert bridge.run("return 2", isolate=True).result == 2
        [second] = started()
        assert second != first


def test_a_limit_the_script_can_be_told_of_leaves_the_process_alive(
    started: Callable[[], set[int]],
) -> None:
    with Bridge(simulate=True) as bridge:
        run = bridge.run("while true do end", limits=SHORT, isolate=True)
        [first] = started()
        assert run.error_type == "limit"
        assert bridge.run("return 2", isolate=True).result == 2
        assert started() == {first}


def test_runs_from_several_threads_have_processes_of_their_own(
    started: Callable[[], set[int]],
) -> None:
    with Bridge(simulate=True) as bridge, ThreadPoolExecutor(4) as threads:
        results = threads.map(
            lambda n: (
                bridge.run(f"shared = (shared or 0) + {n} return shared", isolate=True).result
            ),
            range(8),
        )
        assert list(results) == list(range(8))
        assert len(started()) == 1  # one stays for the next run


def test_the_second_run_costs_little_more_than_one_in_this_process(bridge: Bridge) -> None:
    code = "return app.integrations.circleci.get_current_user().login"
    bridge.run(code)
    bridge.run(code, isolate=True)

    def typical_s(isolate: bool) -> float:
        taken = []
        for _ in range(9):
            began = time.perf_counter()
            assert bridge.run(code, isolate=isolate).result == "example-user"
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    assert typical_s(True) - typical_s(False) < 0.030


class _Api(BaseHTTPRequestHandler):
    tokens: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.tokens.append(self.headers.get("Circle-Token"))
        body = b'{"login":"login"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("source", ["config", "environ"])
def test_the_token_reaches_the_process_and_shows_nowhere(
    source: str, started: Callable[[], set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        if source == "environ":
            monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
            monkeypatch.setenv("CIRCLECI_BASE_URL", url)
            monkeypatch.setenv("SOMETHING_ELSE", f"Bearer {TOKEN}")
            monkeypatch.setenv("KEPT", "kept")
            bridge = Bridge()
        else:
            accounts = {"default": {"token": TOKEN, "url": url}}
            bridge = Bridge(config={"integrations": {"circleci": {"accounts": accounts}}})
        try:
            _Api.tokens.clear()
            run = bridge.run(
                f"print('{TOKEN}') return app.integrations.circleci.get_current_user().login",
                isolate=True,
            )
            [child] = started()
            shown = [Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")]
        finally:
            bridge.close()
            server.shutdown()
            thread.join()

    assert (run.error, run.result, run.output) == (None, "login", "***")
    assert _Api.tokens == [TOKEN]
    assert all(TOKEN.encode() not in text for text in shown)
    assert (b"KEPT=kept" in shown[1]) == (source == "environ")


def test_lines_and_questions_come_while_the_script_runs(bridge: Bridge) -> None:
    heard: list[str] = []

    class Person(RunListener):
        def output(self, line: str) -> None:
            heard.append(line)

        def ask(self, question: str) -> Consent:
            heard.append("asked: " + question.partition("\n")[0][:30])
            return "no"

    run = bridge.run(
        "print('before')"
        " local _, err = pcall(app.integrations.circleci.cancel_workflow, 'workflow')"
        " print('after') return err.type",
        isolate=True,
        listener=Person(),
    )

    assert (run.result, run.call_count, run.output) == ("permission", 0, "before\nafter")
    assert [line[:6] for line in heard] == ["before", "asked:", "after"]


def test_a_listener_that_fails_ends_the_run_and_its_process(
    started: Callable[[], set[int]],
) -> None:
    def on_output(line: str) -> None:
        raise OSError(line)

    with Bridge(simulate=True) as bridge:
        with pytest.raises(OSError, match=r"^x$"):
            bridge.run("while true do print('x') end", isolate=True, listener=Lines(on_output))
        assert started() == set()
        assert bridge.run("return 1", isolate=True).result == 1


@pytest.mark.parametrize("code", [IN_C, "while true do end", "pcall(flow.sleep, 1e9)"])
def test_another_thread_can_end_a_run(code: str) -> None:
    deadline = Deadline()
    began = [0.0]

    def end_soon(_line: str) -> None:
        began[0] = time.monotonic()
        threading.Timer(0.2, deadline.note, [Interrupted("Enough.")]).start()

    with Bridge() as bridge:  # in the simulator a sleep takes no time
        listener = Lines(end_soon)
        code = "print('so far') " + code
        run = bridge.run(code, isolate=True, listener=listener, deadline=deadline)

    assert (run.success, run.error_type, run.output) == (False, "interrupted", "so far")
    assert run.error is not None
    assert run.error.endswith("Enough.")
    assert time.monotonic() - began[0] < 0.2 + 2


@pytest.mark.parametrize(
    ("number", "error_type", "error"),
    [
        (signal.SIGKILL, "runtime", "The script's process was killed from outside (SIGKILL)"),
        (signal.SIGSEGV, "runtime", "The script's process ended unexpectedly (SIGSEGV)."),
    ],
)
def test_a_process_that_dies_is_an_outcome(
    number: signal.Signals,
    error_type: str,
    error: str,
    bridge: Bridge,
    started: Callable[[], set[int]],
) -> None:
    def on_output(_line: str) -> None:
        [child] = started()
        os.kill(child, number)

    run = bridge.run("print('x') while true do end", isolate=True, listener=Lines(on_output))

    assert (run.success, run.error_type) == (False, error_type)
    assert run.error is not None
    assert run.error.startswith(error)


def test_what_the_supervisor_has_heard_is_in_the_outcome_of_a_killed_run(bridge: Bridge) -> None:
    code = """
        app.integrations.circleci.delete_context("context-uuid")
        print("so far")
    """
    run = bridge.run(code + IN_C, force=True, isolate=True, limits=SHORT, trust_mcp=True)

    assert (run.error_type, run.output) == ("limit", "so far")
    assert run.meta == {
        "permission_bypassed": True,
        "simulated": True,
        "writes": {"done": 1, "refused": 0, "unknown": 0},
        "mcp_trust_bypassed": True,
    }
    assert [(call["kind"], call["effect"]) for call in run.call_log] == [("write", "done")]


def test_a_host_with_very_many_open_files_can_still_watch(bridge: Bridge) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1500 if hard == resource.RLIM_INFINITY else min(1500, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        run = bridge.run("return 1", isolate=True)
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (run.error, run.result) == (None, 1)


def test_runs_leave_no_descriptor_open() -> None:
    with Bridge(simulate=True) as bridge:
        bridge.run("return 1", isolate=True)
    before = len(os.listdir("/proc/self/fd"))
    with Bridge(simulate=True) as bridge:
        for code in ("return 1", IN_C, "return 2"):
            bridge.run(code, limits=SHORT, isolate=True)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_closed_bridge_starts_a_process_when_it_is_used_again(
    bridge: Bridge, started: Callable[[], set[int]]
) -> None:
    bridge.run("return 1", isolate=True)
    bridge.close()
    assert started() == set()
    assert bridge.run("return 2", isolate=True).result == 2
    bridge.close()


HOST = """
import os, signal, sys
from pathlib import Path
from kosmo_circleci import Bridge
bridge = Bridge(simulate=True)
bridge.run("return 1", isolate=True)
for stat in Path("/proc").glob("[0-9]*/stat"):
    if stat.read_text().rpartition(") ")[2].split()[1] == str(os.getpid()):
        print(stat.parent.name, flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["exits", "killed"])
def test_a_process_ends_with_a_program_that_does_not_close_its_bridge(how: str) -> None:
    program = subprocess.run(
        [sys.executable, "-c", HOST, how], capture_output=True, timeout=PATIENCE_S, check=False
    )
    [child] = program.stdout.split()

    ends = time.monotonic() + PATIENCE_S
    while _is_running(int(child)) and time.monotonic() < ends:
        time.sleep(0.01)
    assert not _is_running(int(child))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


class _NoTransport:
    def send(self, request: ApiRequest) -> ApiResponse:
        raise AssertionError(request)

    def close(self) -> None:
        """Has nothing to give back."""


def test_a_transport_object_cannot_be_taken_along() -> None:
    with Bridge(transport=_NoTransport()) as bridge:  # type: ignore[arg-type]
        run = bridge.run("return 1", isolate=True)
    assert (run.success, run.error_type) == (False, "configuration")
    assert "cannot use a transport object" in str(run.error)


@pytest.mark.parametrize(
    "code",
    ["return 'ä'", "return '\udcff'", "\0", "return '\\0\\255'", "x = = 1", "--" + "x" * 99999],
)
def test_any_source_arrives_as_it_is(bridge: Bridge, code: str) -> None:
    here, apart = bridge.run(code), bridge.run(code, isolate=True)

    assert (apart.result, apart.error, apart.error_type) == (
        here.result,
        here.error,
        here.error_type,
    )
