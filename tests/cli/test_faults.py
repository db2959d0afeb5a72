"""A machine that refuses what a command needs: one JSON object and no traceback all the same."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ended import Ended

PATIENCE_S = 20.0
COMMANDS = (
    ("integrations:lua", "--simulate", "-e", "return 1"),
    ("run", "--simulate", "-e", "return 1"),
    ("mcp:lua", "-e", "return 1"),
    ("integrations:call", "get_current_user", "--simulate"),
    ("integrations:docs", "flow"),
    ("integrations:status",),
)
REFUSED = (
    "The system refused what this command needs: {}. "
    "Raise the limit on open files (ulimit -n) or processes (ulimit -u), and try again."
)
NO_FORK = """
import errno, os, sys
def refuse(): raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
os.fork = refuse
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""

NO_HOME = """
import os, pwd, sys
os.environ.pop("HOME", None)
os.environ.pop("XDG_CONFIG_HOME", None)
def no_entry(uid): raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = no_entry
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


def kosmo(
    *arguments: str | bytes,
    prepare: Callable[[], Any] | None = None,
    program: str = "from kosmo_circleci.cli.main import main; main()",
) -> Ended:
    """Run the command in a process of its own that `prepare` has narrowed."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        preexec_fn=prepare,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode("utf-8", "replace"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("descriptors", [5, 6, 7, 8])
def test_few_descriptors_are_told_in_one_object(command: tuple[str, ...], descriptors: int) -> None:
    ended = kosmo(
        *command,
        "--json",
        prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
    )
    assert "Traceback" not in ended.err
    if ended.json["success"]:
        assert ended.code == 0
    else:
        assert (ended.code, ended.json["error_type"]) == (1, "limit")
        assert ended.json["error"] == REFUSED.format("Too many open files")


@pytest.mark.parametrize("command", ["integrations:lua", "run", "mcp:lua"])
def test_a_refused_process_is_told_in_one_object(command: str) -> None:
    ended = kosmo(command, "-e", "return 1", "--json", program=NO_FORK)
    assert (ended.code, ended.err) == (1, "")
    assert ended.json["error"] == REFUSED.format("Resource temporarily unavailable")
    assert ended.json["error_type"] == "limit"
    text = kosmo(command, "-e", "return 1", program=NO_FORK)
    assert (text.code, text.out) == (1, "")
    assert text.err == f"error: {ended.json['error']}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_current_folder_that_is_gone_is_no_fault(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    ended = kosmo(*command, "--json", prepare=leave)
    assert (ended.code, ended.json["success"], ended.err) == (0, True, "")


def test_a_script_that_looks_for_servers_of_a_folder_that_is_gone_finds_none(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def leave() -> None:
        os.chdir(gone)
        gone.rmdir()

    ended = kosmo("run", "-e", "return #mcp.servers()", "--json", prepare=leave)
    assert (ended.code, ended.json["error"], ended.json["result"]) == (0, None, 0)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_home_and_no_entry_for_the_user_are_no_fault(command: tuple[str, ...]) -> None:
    ended = kosmo(*command, "--json", program=NO_HOME)
    assert (ended.code, ended.json["success"], ended.err) == (0, True, "")


@pytest.mark.parametrize("code", [b'return "\xed\xa0\x80"', b'return "\xff"', b"return \xff"])
def test_bytes_that_are_no_text_are_code_like_any_other(code: bytes) -> None:
    ended = kosmo("run", "-e", code, "--json")
    assert set(ended.json) >= {"success", "error", "error_type"}
    assert "Traceback" not in ended.err


def test_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "kosmo_circleci", "docs"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
        )
    assert ended.returncode == 1
    assert ended.stderr == b"error: cannot write the output: No space left on device\n"
