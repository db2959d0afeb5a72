"""The contract's section 4, through the door: which account a call uses, and what it lacks."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import Bridge, ConfigurationError
from kosmo_circleci.transport.wire import WireRequest, WireResponse


class Seen:
    """Remembers origin and token of every request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        origin = request.url.partition("/api/")[0]
        self.requests.append((origin, request.headers["Circle-Token"]))
        return WireResponse(200, {"content-type": "application/json"}, b'{"login":"ada"}')

    def close(self) -> None:
        """Nothing is open."""


ME = "return app.integrations.circleci.{account}get_current_user().login"


def test_each_account_has_its_own_origin_and_token() -> None:
    seen = Seen()
    environ = {
        "CIRCLECI_TOKEN": "t-default",
        "CIRCLECI_TOKEN_WORK": "t-work",
        "CIRCLECI_BASE_URL_WORK": "https://ci.example.com/api/v2",
    }
    bridge = Bridge(environ=environ, transport=seen)

    for code, account in [
        (ME.format(account=""), "default"),
        (ME.format(account="default."), "default"),
        (ME.format(account="work."), "default"),
        (ME.format(account=""), "work"),
        (ME.format(account="default."), "work"),
    ]:
        run = bridge.run(code, account=account)
        assert (run.error, run.result) == (None, "ada")

    cloud, work = ("https://circleci.com", "t-default"), ("https://ci.example.com", "t-work")
    assert seen.requests == [cloud, cloud, work, work, cloud]


def test_the_call_log_names_the_account_and_what_the_script_wrote() -> None:
    bridge = Bridge(environ={"CIRCLECI_TOKEN_WORK": "t-work"}, transport=Seen())
    run = bridge.run("local c = app.integrations.circleci c.work.get_current_user()")
    assert [(call["function"], call["account"]) for call in run.call_log] == [
        ("app.integrations.circleci.work.get_current_user", "work")
    ]


def test_a_call_without_a_token_says_which_account_and_the_three_ways() -> None:
    run = Bridge(environ={"CIRCLECI_BASE_URL_WORK": "https://ci.example.com"}).run(
        "return app.integrations.circleci.work.get_current_user()"
    )
    assert (run.error_type, run.call_count) == ("configuration", 0)
    assert run.error is not None
    for part in (
        "The account 'work' has no CircleCI token",
        "CIRCLECI_TOKEN_WORK",
        "kosmo/config.yaml",
        "keyring: true",
    ):
        assert part in run.error


ONE_BAD_ACCOUNT = {
    "a keyring that is broken": ("{keyring: true}", {}, "keyring cannot be read"),
    "a URL in the file": ("{token: t, url: 'http://ci.example.com'}", {}, "in the clear"),
    "a token in the environment": ("{}", {"CIRCLECI_TOKEN_WORK": "two words"}, "a space"),
    "a URL in the environment": ("{token: t}", {"CIRCLECI_BASE_URL_WORK": "x"}, "not a base URL"),
}


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("case", list(ONE_BAD_ACCOUNT))
def test_the_fault_of_one_account_stops_no_other(
    case: str, isolate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, environ, complaint = ONE_BAD_ACCOUNT[case]
    file = tmp_path / "config.yaml"
    file.write_text(
        f"integrations: {{circleci: {{accounts: {{work: {entry}, play: {{token: t-play}}}}}}}}"
    )
    # The keyring package's own way to name a backend; this one fails at every question.
    environ = {**environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    code = """
        local ok, fault = pcall(app.integrations.circleci.work.api_get, "/me")
        return {ok = ok, type = fault.type, message = tostring(fault)}
    """
    with serving_me() as origin:
        monkeypatch.setenv("CIRCLECI_BASE_URL_PLAY", origin)
        with Bridge(config=file) as bridge:
            assert bridge.run("return 1", isolate=isolate).result == 1
            play = "return app.integrations.circleci.play.get_current_user().login"
            assert bridge.run(play, isolate=isolate).result == "ada"
            run = bridge.run(code, isolate=isolate)
    assert run.error is None
    assert isinstance(run.result, dict)
    assert (run.result["ok"], run.result["type"]) == (False, "configuration")
    assert complaint in str(run.result["message"])


@contextmanager
def serving_me() -> Iterator[str]:
    class Me(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"login":"ada"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Me) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_documentation_needs_no_token_and_no_valid_configuration() -> None:
    with Bridge(environ={"KOSMO_CONFIG": "/no/such/file.yaml"}) as bridge:
        assert bridge.read_doc("circleci.get_pipeline").startswith("# ")
        assert "circleci.cancel_workflow" in bridge.search_docs("cancel a workflow")


@pytest.mark.parametrize("account", ["wrk", "get_pipeline", ""])
def test_an_unknown_account_is_a_configuration_error_at_every_door(account: str) -> None:
    bridge = Bridge(environ={"CIRCLECI_TOKEN_WORK": "t-work"})
    run = bridge.run("return 1", account=account)
    assert run.error_type == "configuration"
    with pytest.raises(ConfigurationError) as caught:
        bridge.call("get_current_user", account=account)
    assert caught.value.message == run.error
    assert f"Unknown account '{account}'. Configured accounts: default, work." in str(run.error)


def test_an_unknown_account_inside_a_script_is_an_unknown_name() -> None:
    run = Bridge(environ={"CIRCLECI_TOKEN_WORK": "t-work"}).run(
        "return app.integrations.circleci.wrk.get_current_user()"
    )
    assert run.error_type == "validation"
    assert "app.integrations.circleci.wrk" in str(run.error)
    assert "work" in str(run.error)


def test_a_broken_file_is_a_configuration_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("integrations:\n  circleci:\n    acounts: {}\n")
    run = Bridge(config=file).run("return app.integrations.circleci.get_current_user()")
    assert (run.error_type, run.error) == (
        "configuration",
        f"{file}:3: unknown key 'acounts'. Did you mean 'accounts'?",
    )


def kosmo(*arguments: str, home: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kosmo_circleci", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env={"HOME": str(home), **environ},
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_the_command_reads_the_usual_file_and_warns_when_others_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("integrations: {circleci: {accounts: {work: {token: CCIPAT_in_the_file}}}}\n")
    file.chmod(0o644)

    done = kosmo("integrations:lua", "--eval", "return 1", "--json", home=tmp_path)

    envelope: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, envelope["result"]) == (0, 1)
    assert f"{file} holds a token and others can read it; run: chmod 600 {file}" in done.stderr
    assert "CCIPAT_in_the_file" not in done.stdout + done.stderr


def test_the_command_refuses_an_unknown_account_with_exit_code_1(tmp_path: Path) -> None:
    done = kosmo("integrations:lua", "-e", "return 1", "--account", "wrk", "--json", home=tmp_path)
    envelope: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, envelope["success"], envelope["error_type"]) == (
        1,
        False,
        "configuration",
    )


WITHOUT_PASSWORD_ENTRY = """
import pwd, sys
def missing(uid): raise KeyError(uid)
pwd.getpwuid = missing
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""
IN_A_DELETED_FOLDER = """
import os, sys
os.mkdir(sys.argv[1])
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
from kosmo_circleci.cli.main import main
main(sys.argv[2:])
"""
ONE = ["integrations:lua", "--eval", "return 1", "--json"]


def python(
    program: str, *arguments: str, env: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=env, check=False)


def test_a_user_without_a_home_is_configured_by_variables() -> None:
    done = python(WITHOUT_PASSWORD_ENTRY, *ONE, env={"CIRCLECI_TOKEN": "t"})
    assert (done.returncode, json.loads(done.stdout)["result"], done.stderr) == (0, 1, "")
    status = python(WITHOUT_PASSWORD_ENTRY, "integrations:status", env={"CIRCLECI_TOKEN": "t"})
    assert status.stdout.startswith(
        "Configuration file: /nonexistent/.config/kosmo/config.yaml (do"
    )
    assert "environment CIRCLECI_TOKEN" in status.stdout


def test_a_deleted_current_folder_is_no_obstacle(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    done = python(IN_A_DELETED_FOLDER, gone, *ONE, env={"HOME": str(tmp_path)})
    assert (done.returncode, json.loads(done.stdout)["result"], done.stderr) == (0, 1, "")
    lost = {"HOME": str(tmp_path), "KOSMO_CONFIG": "relative.yaml"}
    done = python(IN_A_DELETED_FOLDER, gone, *ONE, env=lost)
    envelope = json.loads(done.stdout)
    assert (done.returncode, envelope["error_type"], envelope["error"]) == (
        1,
        "configuration",
        "relative.yaml: No such file or directory",
    )


def test_variables_that_are_not_text_leave_an_envelope(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "CIRCLECI_TOKEN_\udcff": "t",
        "CIRCLECI_TOKEN_WORK": "t\udcff",
    }
    done = python("from kosmo_circleci.cli.main import main; main()", *ONE, env=environ)
    assert (done.returncode, json.loads(done.stdout)["result"]) == (0, 1)
    assert done.stderr == (
        "warning: CIRCLECI_TOKEN_\\udcff is ignored: '\\udcff' cannot name an account\n"
    )
