"""Every block of the README is carried out, or at least checked against what it names.

Shell blocks run as they stand, with a real `kosmo`, against a simulated CircleCI on loopback. Those
that build the environment (`make`, `pip`) are checked for targets and extras that exist.
"""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from kosmo_circleci import Bridge
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.cli.commands import COMMANDS
from kosmo_circleci.config import file
from kosmo_circleci.simulator.transport import SIMULATED_TOKEN, SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
PLACEHOLDER: Final = "your-token"
BUILDERS: Final = ("make ", "pip ")


class Block(NamedTuple):
    language: str
    line: int
    text: str


def _blocks(language: str) -> list[Block]:
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [
        Block(match[1], README[: match.start()].count("\n") + 1, match[2])
        for match in found
        if match[1] == language
    ]


def _builds(block: Block) -> bool:
    return block.text.startswith(BUILDERS)


SHELL: Final = _blocks("sh")
TO_RUN: Final = [block for block in SHELL if not _builds(block)]


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        assert isinstance(self.server, _Server)
        token = self.headers.get("Circle-Token", "")
        self.server.tokens.append(token)
        # The README's token is a placeholder; the simulation knows its own.
        headers = {"Circle-Token": SIMULATED_TOKEN if token == PLACEHOLDER else token}
        answer = self.server.transport.send(
            WireRequest(self.command, f"http://simulated{self.path}", headers, body)
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the output belongs to the test."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    transport: SimulatorTransport
    tokens: list[str]


@pytest.fixture
def served(isolation: None) -> Iterator[_Server]:
    """A CircleCI on loopback that lives as long as the test."""
    server = _Server(("127.0.0.1", 0), _Answering)
    server.transport, server.tokens = SimulatorTransport(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def circleci(served: _Server) -> str:
    """Its base URL."""
    return f"http://127.0.0.1:{served.server_port}"


def _run(command: list[str], circleci: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CIRCLECI_BASE_URL": circleci,
    }
    return subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("block", TO_RUN, ids=lambda block: f"line {block.line}")
def test_a_shell_block_runs_to_its_end(block: Block, circleci: str, tmp_path: Path) -> None:
    done = _run(["bash", "-euo", "pipefail", "-c", block.text], circleci, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_first_real_call_sends_the_token_and_prints_who_it_is(
    served: _Server, circleci: str, tmp_path: Path
) -> None:
    block = next(block for block in TO_RUN if "export CIRCLECI_TOKEN" in block.text)
    done = _run(["bash", "-euo", "pipefail", "-c", block.text], circleci, tmp_path)
    envelope = json.loads(done.stdout.strip().splitlines()[-1])
    assert envelope["result"]["login"] == "example-user"
    writes = {"done": 0, "refused": 0, "unknown": 0}
    assert envelope["meta"] == {
        "permission_bypassed": False,
        "simulated": False,
        "writes": writes,
    }
    assert set(served.tokens) == {PLACEHOLDER}


@pytest.mark.parametrize("block", _blocks("python"), ids=lambda block: f"line {block.line}")
def test_a_python_block_runs(block: Block, circleci: str, tmp_path: Path) -> None:
    done = _run([sys.executable, "-c", block.text], circleci, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", [*filter(_builds, SHELL)], ids=lambda block: f"line {block.line}")
def test_a_block_that_builds_names_targets_and_extras_that_exist(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for line in block.text.splitlines():
        wanted = line.split()[1] if line.startswith("make ") else "demo"
        assert wanted in targets
        for extras in re.findall(r"\[([a-z,]+)\]", line):
            assert set(extras.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    ("token", "code", "shown"),
    [
        ("", "get_current_user()", "The account 'default' has no CircleCI token"),
        ("invalid", "get_current_user()", "CircleCI API error (401)"),
        (PLACEHOLDER, "get_project('gh/example-org/nowhere')", "CircleCI API error (404)"),
        (PLACEHOLDER, "cancel_workflow('id')", "is a write: the policy asks before writes"),
        (PLACEHOLDER, "get_pipelin('id')", "Unknown function"),
    ],
)
def test_what_troubleshooting_shows_is_what_one_sees(
    token: str, code: str, shown: str, circleci: str
) -> None:
    assert f"| `{shown}`" in README.partition("## Troubleshooting")[2]
    with Bridge(environ={"CIRCLECI_BASE_URL": circleci, "CIRCLECI_TOKEN": token}) as bridge:
        run = bridge.run(f"return app.integrations.circleci.{code}")
    assert shown in str(run.error)


def test_a_configuration_block_is_a_configuration() -> None:
    (block,) = _blocks("yaml")
    said = file.from_mapping(yaml.safe_load(block.text), reserved_names=load_catalog().names)
    assert (said.policy.read, said.policy.write) == ("allow", "ask")
    assert sorted(said.accounts) == ["default", "work"]


def test_a_json_block_starts_a_command_that_exists() -> None:
    (block,) = _blocks("json")
    (server,) = json.loads(block.text)["mcpServers"].values()
    assert server["command"] == "kosmo"
    assert server["args"][0] in COMMANDS


def test_every_block_is_of_a_language_these_tests_know() -> None:
    languages = set(re.findall(r"^```(\w*)$", README, re.MULTILINE)) - {""}
    assert languages == {"sh", "lua", "python", "json", "yaml"}


def test_the_first_paragraph_says_what_it_is_in_five_lines() -> None:
    assert len(README.split("\n\n")[1].splitlines()) == 5
    assert f"\n{len(load_catalog().names)} functions " in README


def test_links_lead_to_files_that_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
