"""A project with MCP servers, and a run that uses them."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from kosmo_circleci.call.journal import JournalCall
from kosmo_circleci.call.model import ExternalCall
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import PermissionDenied
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.mcp_client.functions import McpFunctions
from kosmo_circleci.mcp_client.trust import trust_store

SCRIPTED: Final = Path(__file__).parent / "scripted_server.py"


def _entry(*options: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(SCRIPTED), *options]} | more


@pytest.fixture
def scripted() -> Callable[..., dict[str, Any]]:
    """Return what makes the entry of a configuration file for the scripted server."""
    return _entry


class Recorded(NamedTuple):
    """A call as the run's log has it."""

    call_path: str
    tool: str
    server: str
    ok: bool


class Run:
    """What calls: it allows reads, and writes where `writes` is set; it keeps what it was asked."""

    def __init__(self, *, writes: bool = False, timeout_s: float | None = 30) -> None:
        self.deadline = Deadline(timeout_s)
        self.mask = Mask()
        self.traceparent: str | None = None
        self.questions: list[str] = []
        self.log: list[Recorded] = []
        self.journaled_calls: list[JournalCall] = []
        self._writes = writes

    def permit(self, name: str, question: str, call: JournalCall) -> None:
        self.questions.append(question)
        if call.kind == "write" and not self._writes:
            raise PermissionDenied(f"{call.call_path} is a write", function_name=name)

    def journaled(self, call: JournalCall, perform: Callable[[], JsonValue]) -> JsonValue:
        self.journaled_calls.append(call)
        return perform()

    def record(self, call: ExternalCall) -> None:
        assert call.duration_ms >= 0
        self.log.append(Recorded(call.call_path, call.tool, call.server, call.ok))


@pytest.fixture
def new_run() -> type[Run]:
    """Return the class of a run."""
    return Run


Open = Callable[..., McpFunctions]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project, which is the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def open_functions(project: Path, tmp_path: Path) -> Iterator[Open]:
    """Return what opens the functions of `servers`, written to `.mcp.json` and trusted."""
    opened: list[McpFunctions] = []

    def start(
        servers: dict[str, Any] | None = None, *, trusted: bool = True, **environ: str
    ) -> McpFunctions:
        entries = servers if servers is not None else {"s": _entry()}
        (project / ".mcp.json").write_text(json.dumps({"mcpServers": entries}))
        opened.append(McpFunctions(os.environ | environ, tmp_path, project))
        if trusted:
            store = trust_store(os.environ, tmp_path)
            for server in opened[-1].servers().values():
                store.trust(server)
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def ended_within() -> Callable[[int, float], bool]:
    """Return what says whether a process is gone, or a zombie, before a time is over."""
    return _ended_within


def _ended_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while _runs(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"
