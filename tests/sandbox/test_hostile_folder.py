"""No door runs code of the current folder: a repository may hold a `struct.py` of its own.

The folder has a module for every name that any process of ours could import, each of which leaves a
mark and then fails to import.
"""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import kosmo_circleci

KOSMO: Final = str(Path(sys.executable).with_name("kosmo"))
PACKAGE: Final = Path(kosmo_circleci.__file__).parent
CALL: Final = "return app.integrations.circleci.get_current_user({}).login"
PATIENCE_S: Final = 60

RUN: Final = f"""
import sys
from kosmo_circleci import Bridge
with Bridge(simulate=True) as bridge:
    run = bridge.run({CALL!r}, isolate=True)
assert run.success, run.error
"""
# Once everything is loaded, the path of a program that was started with `python -c`.
RUN_WITH_CURRENT_FOLDER: Final = RUN + 'sys.path[:0] = ["", "."]' + RUN

INITIALIZE: Final = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}
MESSAGES: Final = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "execute_lua", "arguments": {"code": CALL}},
    },
)

SERVE_INPUT: Final = "".join(json.dumps(each) + "\n" for each in MESSAGES)

DOORS: Final[dict[str, tuple[list[str], str]]] = {
    "a one-liner": ([KOSMO, "integrations:lua", "--simulate", "-e", CALL], ""),
    "piped code": ([KOSMO, "integrations:lua", "--simulate", "--json"], CALL),
    "a pattern": ([KOSMO, "integrations:lua", "-e", 'return regex.match("ab", "(?<x>b)").x'], ""),
    "the prompt": ([KOSMO, "integrations:lua", "--simulate", "--repl"], CALL + "\n:quit\n"),
    "mcp:lua": ([KOSMO, "mcp:lua", "-e", "return mcp.servers()"], ""),
    "mcp:list": ([KOSMO, "mcp:list"], ""),
    "mcp:serve": ([KOSMO, "mcp:serve", "--simulate"], SERVE_INPUT),
    "a call": ([KOSMO, "integrations:call", "get_current_user", "--dry-run"], ""),
    "documentation": ([KOSMO, "integrations:docs", "circleci.get_pipeline"], ""),
    "a search": ([KOSMO, "integrations:search", "stop a running job"], ""),
    "status": ([KOSMO, "integrations:status"], ""),
    "help": ([KOSMO, "--help"], ""),
    "an isolated run": ([sys.executable, "-P", "-c", RUN], ""),
    "an isolated run of a host whose path has the current folder": (
        [sys.executable, "-P", "-c", RUN_WITH_CURRENT_FOLDER],
        "",
    ),
}


def module_names() -> set[str]:
    """Return every top-level name that our processes may import."""
    installed = set(importlib.metadata.packages_distributions())
    return {name for name in set(sys.stdlib_module_names) | installed if name.isidentifier()}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "marks").mkdir()
    source = (
        f"open({str(folder / 'marks')!r} + '/' + __name__, 'w').close()\n"
        "raise ImportError('code of the current folder ran: ' + __name__)\n"
    )
    for name in module_names():
        (folder / f"{name}.py").write_text(source)
    for path in PACKAGE.rglob("*.py"):
        copy = folder / "kosmo_circleci" / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(source)
    (folder / "kosmo_circleci.py").unlink(missing_ok=True)
    return folder


@pytest.mark.parametrize("door", DOORS)
def test_no_door_runs_code_of_the_current_folder(door: str, hostile: Path) -> None:
    command, text = DOORS[door]
    for mark in (hostile / "marks").iterdir():
        mark.unlink()
    run = subprocess.run(
        command,
        cwd=hostile,
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert sorted(each.name for each in (hostile / "marks").iterdir()) == []
    assert "ImportError" not in run.stdout + run.stderr
    assert run.returncode == 0, run.stdout + run.stderr
