"""integrations:doctor: every fault has its own words and the next step."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

TOKEN = "CCIPAT_abc_0123456789"


class Answers:
    """A server on loopback that answers every request as it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"id": "u", "login": "octo", "name": "Octo Cat"}'
        self.tokens: list[str | None] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers.tokens.append(self.headers["Circle-Token"])
                self.send_response(answers.status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(answers.body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    running = Answers()
    monkeypatch.setenv("CIRCLECI_BASE_URL", running.url)
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    yield running
    running.server.shutdown()
    running.server.server_close()


def last(ended: Any) -> tuple[int, str, str, str | None, str | None]:
    """Return (exit code, error type, and status, detail and next of the last check)."""
    check = ended.json["checks"][-1]
    return ended.code, ended.json["error_type"], check["status"], check["detail"], check["next"]


def test_where_all_is_well_every_step_is_ok(kosmo: Any, answers: Answers, tmp_path: Path) -> None:
    assert kosmo("integrations:doctor") == (
        0,
        f"""\
ok    configuration file: {tmp_path}/.config/kosmo/config.yaml does not exist (optional)
ok    token: from environment CIRCLECI_TOKEN
ok    base URL: {answers.url} (environment CIRCLECI_BASE_URL)
ok    policy: read allow, write ask (without a terminal a write needs --force)
ok    proxy: none for this address
skip  TLS: a loopback address without TLS
ok    DNS: 127.0.0.1 is 127.0.0.1
ok    reachable: {answers.url} answers (HTTP 200)
ok    who am I: octo (Octo Cat)
""",
        "",
    )
    assert answers.tokens == [TOKEN]
    report = kosmo("integrations:doctor", "--json").json
    assert (report["success"], report["error"], report["error_type"]) == (True, None, None)
    assert report["checks"][-1] == {
        "name": "who am I",
        "status": "ok",
        "detail": "octo (Octo Cat)",
        "next": None,
    }


@pytest.mark.parametrize(
    ("days", "status", "detail", "next_step"),
    [
        (-1, "fail", "from file {file}, ended on {day}", "kosmo login"),
        (3, "warn", "from file {file}, until {day}", "kosmo login"),
        (60, "ok", "from file {file}, until {day}", None),
    ],
)
def test_a_token_that_ends_says_when(
    kosmo: Any,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    days: int,
    status: str,
    detail: str,
    next_step: str | None,
) -> None:
    monkeypatch.delenv("CIRCLECI_TOKEN")
    ends = datetime.now(UTC) + timedelta(days=days)
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "integrations: {circleci: {accounts: {default: {"
        f'token: {TOKEN}, token_expires: "{ends:%Y-%m-%dT%H:%M:%SZ}"}}}}}}}}'
    )
    file.chmod(0o600)
    checks = kosmo("integrations:doctor", "--json").json["checks"]
    [token] = [each for each in checks if each["name"] == "token"]
    assert (token["status"], token["detail"], token["next"]) == (
        status,
        detail.format(file=file, day=f"{ends:%Y-%m-%d}"),
        next_step,
    )
    [row] = kosmo("integrations:status", "--json").json["accounts"]
    assert row["token_expires"] == f"{ends:%Y-%m-%dT%H:%M:%SZ}"
    assert f"file {file}, until {ends:%Y-%m-%d}" in kosmo("integrations:status").out
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)  # its end is not known
    [row] = kosmo("integrations:status", "--json").json["accounts"]
    assert "token_expires" not in row


@pytest.mark.parametrize(
    ("scope", "detail"),
    [("read", "can only read, until 2"), ("write admin", "scope write admin, until 2")],
)
def test_what_a_token_may_do_is_shown_where_it_is_known(
    kosmo: Any,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    scope: str,
    detail: str,
) -> None:
    monkeypatch.delenv("CIRCLECI_TOKEN")
    file = tmp_path / ".config" / "kosmo" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "integrations: {circleci: {accounts: {default: {"
        f'token: {TOKEN}, token_expires: "2099-01-01T00:00:00Z", token_scope: {scope}}}}}}}}}'
    )
    file.chmod(0o600)
    [token] = [
        each
        for each in kosmo("integrations:doctor", "--json").json["checks"]
        if each["name"] == "token"
    ]
    assert (token["status"], token["detail"]) == ("ok", f"from file {file}, {detail}099-01-01")
    [row] = kosmo("integrations:status", "--json").json["accounts"]
    assert row["token_scope"] == scope
    assert f"file {file}, {detail}" in kosmo("integrations:status").out


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_says_how_to_get_another(kosmo: Any, answers: Answers, status: int) -> None:
    answers.status, answers.body = status, b'{"message": "You must log in first."}'
    assert last(kosmo("integrations:doctor", "--json")) == (
        1,
        "api",
        "fail",
        f"CircleCI refuses the token (HTTP {status})",
        "kosmo login, or make a personal API token in CircleCI's user settings, then: "
        "kosmo integrations:configure circleci",
    )
    ended = kosmo("integrations:doctor")
    assert (ended.code, ended.err) == (1, "error: Failed: who am I.\n")
    assert TOKEN not in ended.out


@pytest.mark.parametrize(
    ("status", "body", "detail", "next_step"),
    [
        (404, b"{}", "unexpected answer: HTTP 404", "check: kosmo integrations:status"),
        (
            200,
            b"<html>Sign in</html>",
            "the answer is not CircleCI's: Expecting value at line 1 column 1",
            "check the URL: kosmo integrations:status",
        ),
        (200, b"[]", "the answer names no user", "check the URL: kosmo integrations:status"),
    ],
)
def test_an_answer_that_is_not_circlecis_is_told(
    kosmo: Any, answers: Answers, status: int, body: bytes, detail: str, next_step: str
) -> None:
    answers.status, answers.body = status, body
    report = last(kosmo("integrations:doctor", "--json"))
    assert report == (1, "api", "fail", detail, next_step)


def test_without_a_token_it_still_tries_the_way(
    kosmo: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIRCLECI_TOKEN")
    answers.status = 401
    ended = kosmo("integrations:doctor", "--json")
    assert (ended.code, ended.json["error"], ended.json["error_type"]) == (
        1,
        "Failed: token.",
        "configuration",
    )
    checks = {each["name"]: (each["status"], each["next"]) for each in ended.json["checks"]}
    assert checks["token"] == (
        "fail",
        "kosmo login, or kosmo integrations:configure circleci",
    )
    assert checks["reachable"] == ("ok", None)
    assert checks["who am I"] == ("skip", None)
    assert answers.tokens == [None]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that takes connections and says nothing; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("CIRCLECI_BASE_URL", url)
        monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
        yield url


def test_a_server_that_says_nothing_ends_with_the_timeout_and_advice_that_exists(
    kosmo: Any, silent: str
) -> None:
    assert last(kosmo("integrations:doctor", "--timeout", "200ms", "--json")) == (
        1,
        "network",
        "fail",
        f"{silent} did not answer within 0.2 s",
        f"curl -sv {silent}/api/v2/me; or wait longer: kosmo integrations:doctor --timeout 60",
    )


def test_each_step_is_shown_when_it_has_ended_and_a_terminal_sees_what_is_waited_for(
    terminal: Any, silent: str
) -> None:
    screen = terminal("integrations:doctor", "--timeout", "5m")
    screen.expect("ok    DNS: 127.0.0.1 is 127.0.0.1")
    screen.expect(f"...   waiting for {silent}, 300 s at most")
    screen.send("\x03")
    screen.expect("error: Interrupted by Ctrl-C.")
    assert screen.end() == 130


def test_a_proxy_that_is_not_a_url_is_told_before_the_network(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "no-scheme://proxy:1")
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    code, error_type, status, detail, next_step = last(kosmo("integrations:doctor", "--json"))
    assert (code, error_type, status) == (1, "configuration", "fail")
    assert detail.startswith("The proxy named in HTTPS_PROXY or ALL_PROXY cannot be used. ")
    assert next_step == "unset HTTPS_PROXY ALL_PROXY"


def test_an_account_that_cannot_be_used_says_why(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRCLECI_BASE_URL", "circleci")
    assert last(kosmo("integrations:doctor", "--json")) == (
        1,
        "configuration",
        "fail",
        "CIRCLECI_BASE_URL: 'circleci' is not a base URL; write it as https://host",
        "correct that, and run this again",
    )


def test_a_closed_port_is_unreachable(kosmo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("CIRCLECI_BASE_URL", url)
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    code, error_type, status, detail, next_step = last(kosmo("integrations:doctor", "--json"))
    assert (code, error_type, status) == (1, "network", "fail")
    assert "refused" in detail
    assert next_step == f"curl -sv {url}/api/v2/me; and check the URL: kosmo integrations:status"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "No such file or directory"),
        ("SSL_CERT_DIR", "/nowhere", "No such file or directory"),
    ],
)
def test_certificates_that_are_not_there_are_found_before_the_network(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    monkeypatch.setenv("CIRCLECI_BASE_URL", "https://127.0.0.1:9")
    assert last(kosmo("integrations:doctor", "--json")) == (
        1,
        "configuration",
        "fail",
        f"{variable} names '{value}', which cannot be read as PEM certificates: {reason}.",
        f"unset {variable}",
    )


def test_a_proxys_password_is_not_shown(kosmo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("CIRCLECI_TOKEN", TOKEN)
    ended = kosmo("integrations:doctor")
    assert "proxy: 127.0.0.1:9 (HTTPS_PROXY or ALL_PROXY)\n" in ended.out
    assert "skip  DNS: the proxy looks names up\n" in ended.out
    assert "fail  reachable:" in ended.out
    assert "s3cret" not in ended.out + ended.err
    assert ended.code == 1


def test_an_unknown_account_names_those_there_are(kosmo: Any) -> None:
    assert last(kosmo("integrations:doctor", "--account", "work", "--json")) == (
        1,
        "configuration",
        "fail",
        "there is no account 'work'; configured: default",
        "kosmo integrations:configure circleci --account work",
    )


def test_a_broken_configuration_ends_the_checks(
    kosmo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("integrations: [\n")
    monkeypatch.setenv("KOSMO_CONFIG", str(file))
    ended = kosmo("integrations:doctor", "--json")
    assert ended.code == 1
    assert [each["name"] for each in ended.json["checks"]] == ["configuration"]
    assert ended.json["checks"][0]["detail"].startswith(f"{file}:")
    assert ended.json["checks"][0]["next"] == "correct that line, and run this again"


def test_warnings_leave_the_exit_code_at_zero(
    kosmo: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        json.dumps(
            {
                "integrations": {
                    "circleci": {
                        "permissions": {"read": "deny"},
                        "accounts": {"work": {"token": TOKEN}},
                    }
                }
            }
        )
    )
    file.chmod(0o644)
    monkeypatch.setenv("KOSMO_CONFIG", str(file))
    ended = kosmo("integrations:doctor", "--json")
    warned = {
        each["name"]: each["next"] for each in ended.json["checks"] if each["status"] == "warn"
    }
    assert (ended.code, warned) == (
        0,
        {
            "configuration file": f"chmod 600 {file}",
            "policy": "kosmo integrations:configure circleci --read allow",
        },
    )


def test_the_simulator_needs_neither_token_nor_network(kosmo: Any) -> None:
    ended = kosmo("integrations:doctor", "--simulate", "--json")
    assert ended.code == 0
    assert [(each["name"], each["status"]) for each in ended.json["checks"]] == [
        ("configuration file", "ok"),
        ("token", "skip"),
        ("base URL", "ok"),
        ("policy", "ok"),
        ("network", "skip"),
        ("who am I", "ok"),
    ]
