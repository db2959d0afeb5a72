"""The Python door beyond one run: accounts, transports, asyncio, forks, large results."""

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listeners import Lines

import kosmo_circleci
from kosmo_circleci import Bridge, ConfigurationError, Limits, ValidationError
from kosmo_circleci.errors import UsageError
from kosmo_circleci.run.child import fork_child
from kosmo_circleci.transport.wire import WireRequest, WireResponse

CONFIG: dict[str, Any] = {
    "integrations": {
        "circleci": {
            "accounts": {
                "default": {"token": "token-of-default-0123"},
                "work": {"token": "token-of-work-0123456"},
            }
        }
    }
}


class Sent:
    """A transport that keeps the tokens it was sent, and knows whether it was closed."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.closed = False

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        assert not self.closed
        self.tokens.append(request.headers["Circle-Token"])
        return WireResponse(200, {"content-type": "application/json"}, b'{"id": "u"}')

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def simulated() -> Iterator[Bridge]:
    with Bridge(simulate=True) as bridge:
        yield bridge


@pytest.mark.parametrize(
    ("function", "account", "token"),
    [
        ("get_current_user", None, "token-of-default-0123"),
        ("circleci.work.get_current_user", None, "token-of-work-0123456"),
        ("app.integrations.circleci.work.get_current_user", None, "token-of-work-0123456"),
        ("app.integrations.circleci.default.get_current_user", None, "token-of-default-0123"),
        ("get_current_user", "work", "token-of-work-0123456"),
        ("work.get_current_user", "work", "token-of-work-0123456"),
    ],
)
def test_a_call_goes_through_the_account_its_spelling_names(
    function: str, account: str | None, token: str
) -> None:
    transport = Sent()
    Bridge(config=CONFIG, transport=transport).call(function, account=account)
    assert transport.tokens == [token]


@pytest.mark.parametrize(
    ("function", "account", "error", "message"),
    [
        ("work.get_current_user", "default", ValidationError, "Two accounts: 'work' in "),
        ("default.get_current_user", "work", ValidationError, "Two accounts: 'default' in "),
        ("nobody.get_current_user", None, ConfigurationError, "Unknown account 'nobody'"),
        ("circleci.work.more.get_current_user", None, ValidationError, "Unknown function: "),
        ("work.get_current_usr", None, ValidationError, "Did you mean: get_current_user?"),
    ],
)
def test_a_spelling_that_means_nothing_sends_nothing(
    function: str, account: str | None, error: type[Exception], message: str
) -> None:
    transport = Sent()
    with pytest.raises(error, match=message.replace("?", r"\?")):
        Bridge(config=CONFIG, transport=transport).call(function, account=account)
    assert transport.tokens == []


def test_a_given_transport_stays_the_callers() -> None:
    transport = Sent()
    with Bridge(config=CONFIG, transport=transport) as bridge:
        bridge.call("get_current_user")
    assert not transport.closed
    bridge.call("get_current_user")  # through the same transport, not through the network
    assert len(transport.tokens) == 2


def test_every_public_name_is_listed() -> None:
    assert set(kosmo_circleci.__all__) <= set(dir(kosmo_circleci))


def test_a_file_is_run_under_its_own_name(simulated: Bridge, tmp_path: Path) -> None:
    file = tmp_path / "nightly.lua"
    file.write_text("#!/usr/bin/env kosmo\nerror(args.why)")
    run = simulated.run_file(file, args={"why": "boom"})
    assert run.error == f"{file}:2: boom"
    with pytest.raises(OSError, match="missing"):
        simulated.run_file(tmp_path / "missing.lua")


DECLARING = """--- Say what it was given.
-- @arg project string = @here.project_slug  The project's slug.
-- @arg lines integer = 40  Lines.
-- @arg only string?  A regex.
-- @writes none
return {args.project, args.lines, args.only == nil}
"""


@pytest.mark.parametrize("isolate", [False, True])
def test_the_header_of_a_file_binds_its_arguments(
    isolate: bool, simulated: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "declaring.lua"
    file.write_text(DECLARING)

    run = simulated.run_file(file, args={"lines": "12"}, isolate=isolate)

    assert (run.error, run.result) == (None, ["gh/example-org/example-repo", 12, True])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"line": "12"}, "Unknown argument 'line'. Did you mean 'lines'?"),
        ({"lines": "many"}, "Argument 'lines' takes an integer, got 'many'."),
    ],
)
def test_arguments_that_do_not_fit_the_header_are_a_usage_error(
    arguments: dict[str, str], message: str, simulated: Bridge, tmp_path: Path
) -> None:
    file = tmp_path / "declaring.lua"
    file.write_text(DECLARING)

    with pytest.raises(UsageError, match=re.escape(message)):
        simulated.run_file(file, args=arguments)


def test_a_file_writes_with_no_other_function_than_it_declares(
    simulated: Bridge, tmp_path: Path
) -> None:
    file = tmp_path / "declaring.lua"
    file.write_text(
        '-- @writes none\napp.integrations.circleci.cancel_workflow("running-workflow-uuid")'
    )

    run = simulated.run_file(file, force=True)

    assert (run.error_type, run.call_count) == ("permission", 0)


def test_asyncio_hosts_run_scripts_side_by_side(simulated: Bridge) -> None:
    async def both() -> list[Any]:
        runs = await asyncio.gather(*(simulated.run_async(f"return {n}") for n in range(3)))
        user = await simulated.call_async("get_current_user")
        return [*(run.result for run in runs), user["login"]]

    assert asyncio.run(both()) == [0, 1, 2, "example-user"]


@pytest.mark.parametrize("isolate", [False, True])
def test_cancelling_a_task_ends_its_run_within_two_seconds(
    simulated: Bridge, isolate: bool
) -> None:
    printed = threading.Event()

    async def cancelled() -> float:
        task = asyncio.create_task(
            simulated.run_async(
                "print('a') while true do end",
                isolate=isolate,
                listener=Lines(lambda _line: printed.set()),
                limits=Limits(cpu_s=60),
            )
        )
        await asyncio.to_thread(printed.wait, 30)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(cancelled()) < 2


def test_an_error_of_an_awaited_call_is_the_calls(simulated: Bridge) -> None:
    with pytest.raises(ValidationError, match="Missing required parameter"):
        asyncio.run(simulated.call_async("get_pipeline"))


def test_a_fork_of_the_host_has_processes_of_its_own(simulated: Bridge) -> None:
    """Results crossed between parent and child when both wrote to the same warm process."""
    assert simulated.run("return 'warm'", isolate=True).result == "warm"
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        runs = [simulated.run(f"return 'child {n}'", isolate=True).result for n in range(5)]
        os.write(writing, ",".join(runs).encode())
        simulated.close()
        os._exit(0)
    here = [simulated.run(f"return 'parent {n}'", isolate=True).result for n in range(5)]
    assert os.waitpid(pid, 0)[1] == 0
    assert here == [f"parent {n}" for n in range(5)]
    assert os.read(reading, 1000).decode() == ",".join(f"child {n}" for n in range(5))
    os.close(reading)
    os.close(writing)


def test_a_result_that_is_larger_than_any_answer_arrives(simulated: Bridge) -> None:
    """Messages between our own processes have no limit of 64 MiB, secrets or not."""
    code = """
        app.integrations.circleci.upsert_context_env_var("context-uuid", "A", "hunter2hunter2")
        local part = ("\\1"):rep(1024 * 1024)
        local parts = {}
        for n = 1, 12 do parts[n] = part end
        return {text = table.concat(parts), secret = "hunter2hunter2"}
    """
    limits = Limits(memory_bytes=512 * 1024 * 1024)
    run = simulated.run(code, isolate=True, force=True, limits=limits)
    assert (run.error, run.result["secret"]) == (None, "***")
    assert len(run.result_json) > 64 * 1024 * 1024


@pytest.mark.parametrize("isolate", [False, True])
def test_an_error_text_without_end_is_cut_and_says_so(simulated: Bridge, isolate: bool) -> None:
    run = simulated.run('error(("\\1"):rep(12e6), 0)', isolate=isolate)
    assert run.error_type == "runtime"
    assert len(str(run.error)) < 66 * 1024
    assert "more characters)" in str(run.error)


def _children() -> set[int]:
    """Return the processes this one has started that have not ended."""
    pids: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            pids |= set(map(int, (task / "children").read_text().split()))
    return pids


def _never(_reading: int, _writing: int) -> Any:
    os._exit(0)


def test_a_run_that_ends_after_the_bridge_was_closed_keeps_no_process(simulated: Bridge) -> None:
    before = _children()
    closing = Lines(lambda _line: simulated.close())
    run = simulated.run("print('close it now') return 2", isolate=True, listener=closing)
    assert (run.error, run.result) == (None, 2)
    assert _children() == before


def test_a_process_that_cannot_be_started_leaves_no_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fork", refuse)
    for _ in range(3):
        with pytest.raises(OSError, match="temporarily unavailable"):
            fork_child(_never)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_cannot_be_started_is_an_outcome(
    simulated: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    run = simulated.run("return 1", isolate=True)
    assert (run.success, run.error_type) == (False, "configuration")
    assert "cannot be started: Resource temporarily unavailable" in str(run.error)


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"day": object()}, "args: a Python object is not JSON (at 'day')"),
        ({"jobs": [1, {2}]}, "args: a Python set is not JSON (at 'jobs[2]')"),
        ({"share": float("nan")}, "args: nan is not JSON (at 'share')"),
        ({1: 2}, "args: the keys of an object are strings, got an integer"),
        ([1], "args is a mapping of names to values, got list"),
    ],
)
def test_arguments_that_are_not_json_are_named_before_the_run(
    arguments: Any, message: str, isolate: bool, simulated: Bridge
) -> None:
    with pytest.raises(TypeError) as caught:
        simulated.run("return 1", args=arguments, isolate=isolate)
    assert str(caught.value) == message


def test_limits_of_another_type_are_refused(simulated: Bridge) -> None:
    with pytest.raises(TypeError, match="limits is a Limits, got int"):
        simulated.run("return 1", limits=5)  # type: ignore[arg-type]
