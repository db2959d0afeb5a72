"""The command itself: one JSON object whatever happens, and no process left behind."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

# A row of the table whose module is not there stands for any fault of ours.
WITH_A_FAULT = """
import sys
import time
from kosmo_circleci.cli import commands
for name in ("integrations:list", "integrations:lua", "integrations:call"):
    commands.COMMANDS[name] = ("not_there", "nothing", "A line.")
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("integrations:list", {"success", "error", "error_type"}),
        (
            "integrations:call",
            {
                *("success", "result", "error", "error_type", "execution_time_ms", "call_count"),
                *("call_log", "meta"),
            },
        ),
        (
            "integrations:lua",
            {
                *("success", "output", "result", "error", "error_type", "execution_time_ms"),
                *("memory_usage", "call_count", "call_log", "meta"),
            },
        ),
    ],
)
def test_a_fault_of_ours_still_ends_in_one_json_object(
    process: Any, name: str, keys: set[str]
) -> None:
    ended = process(name, "--json", command=(sys.executable, "-c", WITH_A_FAULT))
    assert ended.code == 1
    assert set(ended.json) == keys
    assert ended.json["error_type"] == "runtime"
    assert ended.json["error"].startswith("internal error: ModuleNotFoundError: ")
    assert "Traceback" in ended.err  # for the report of the fault


def test_a_fault_of_ours_is_one_line_for_a_person_behind_the_traceback(process: Any) -> None:
    ended = process("integrations:list", command=(sys.executable, "-c", WITH_A_FAULT))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1].startswith("error: internal error: ModuleNotFoundError: ")


def test_the_module_and_the_command_are_the_same(process: Any) -> None:
    for argument in ("--version", "--help"):
        script = (sys.executable, "-c", "from kosmo_circleci.cli.main import main; main()")
        assert process(argument, command=script) == process(argument)


@pytest.mark.parametrize(
    "arguments",
    [
        ("integrations:lua", "-e", "return 1"),
        ("integrations:lua", "--nonsense"),
        ("integrations:lua", "--repl", "--simulate"),
        ("integrations:lua", "--account", "nope", "-e", "return 1"),
        ("integrations:lua", "--timeout", "0.2", "-e", "while true do end"),
    ],
)
def test_a_command_leaves_no_process_behind(arguments: tuple[str, ...]) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "kosmo_circleci", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    session = started.pid
    assert _in_session(session) == [session]
    started.wait(timeout=20)
    assert _in_session(session) == []


def _in_session(session: int) -> list[int]:
    """Return the processes of a session that have not ended, the first of its children left out."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system does not list processes in /proc")
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(file.parent.name))
    return sorted(found)[:1]


def test_a_closed_standard_input_is_no_fault(process: Any) -> None:
    command = ("sh", "-c", f'exec {sys.executable} -m kosmo_circleci "$@" <&-', "sh")
    assert process("integrations:lua", "-e", "return 1", command=command) == (0, "1\n", "")
    ended = process("integrations:lua", command=command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: Standard input is empty.")
    ended = process("integrations:call", "get_current_user", "--simulate", command=command)
    assert (ended.code, ended.err) == (0, "")


def test_a_closed_standard_error_is_no_fault(process: Any) -> None:
    command = ("sh", "-c", f'exec {sys.executable} -m kosmo_circleci "$@" 2>&-', "sh")
    assert process("integrations:lua", "-e", "return 1", command=command) == (0, "1\n", "")
    assert process("integrations:lua", "-e", "x x", command=command).code == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("arguments", [("run", "-"), ("call", "get_project", "-")])
def test_a_signal_while_the_command_reads_its_input_ends_it_with_that_signals_code(
    arguments: tuple[str, ...], number: int, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "kosmo_circleci", *arguments, "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    _until_reading(process.pid)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    if process.returncode == -number:
        # A call that reads has nothing to report yet: the shell says 143 of a plain SIGTERM.
        assert (arguments[0], number, out) == ("call", signal.SIGTERM, b"")
        return
    assert process.returncode == code
    cause = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    assert json.loads(out)["error"] == f"Interrupted by {cause}."
    assert json.loads(out)["error_type"] == "interrupted"


def _until_reading(pid: int) -> None:
    """Wait until the process sleeps in a read of its standard input."""
    state = Path(f"/proc/{pid}/syscall")
    if not state.exists():
        pytest.skip("this system does not show what a process waits for")
    for _ in range(1000):
        with contextlib.suppress(OSError):
            if state.read_text().startswith("0 0x0 "):
                return
        time.sleep(0.01)
    pytest.fail("the command did not come to read its input")


def test_a_one_line_script_loads_nothing_it_does_not_use() -> None:
    program = (
        "import sys\n"
        "from kosmo_circleci.cli.main import main\n"
        "try: main(['run', '-e', 'return 1'])\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20)
    loaded = set(ended.stderr.decode().split())
    heavy = {"httpx", "rich", "jq", "yaml", "subprocess", "hashlib", "csv", "lupa"}
    assert ended.stdout == b"1\n"
    assert heavy & loaded == set()
