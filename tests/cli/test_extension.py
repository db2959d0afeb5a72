"""circleci-lua: the installed program, started as the official CLI starts an extension."""

import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

TOKEN = "CCIPAT_of_the_official_cli"


@pytest.fixture
def program() -> tuple[str, ...]:
    installed = shutil.which("circleci-lua", path=str(Path(sys.executable).parent))
    assert installed is not None, "run `make setup`: the project has a new program"
    return (installed,)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str | None]]]:
    """A server that knows one user: its URL, and the tokens it was sent."""
    tokens: list[str | None] = []

    class Me(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers["Circle-Token"])
            body = b'{"login": "ada"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Me)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", tokens
    running.shutdown()
    running.server_close()


def test_a_script_has_the_token_and_the_host_of_the_official_cli(
    program: tuple[str, ...], server: tuple[str, list[str | None]], process: Any
) -> None:
    url, tokens = server
    code = "return app.integrations.circleci.get_current_user().login .. args.mark"
    done = process(
        *("--eval", code, "--arg", "mark=!", "--json"),
        env={"CIRCLE_TOKEN": TOKEN, "CIRCLE_HOST": url},
        command=program,
    )
    assert (done.code, done.json["result"], tokens) == (0, "ada!", [TOKEN])


def test_a_script_file_and_its_exit_code_are_passed_on(
    program: tuple[str, ...], process: Any, tmp_path: Path
) -> None:
    script = tmp_path / "workflow.lua"
    script.write_text("print('said') error('no', 0)\n")
    assert process(str(script), command=program) == (1, "said\n", "error: no\n")
    missing = process(str(tmp_path / "missing.lua"), command=program)
    assert (missing.code, missing.out) == (2, "")
