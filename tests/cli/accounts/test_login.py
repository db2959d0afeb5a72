"""login and logout: the whole way through real sockets, and everything that can go wrong on it."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import yaml
from authorization_server import TOKEN, AuthorizationServer

from kosmo_circleci.simulator.server import Server, ServerOptions

# No keyring but the one that fails at everything, as on a machine without a desktop.
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

WITH_KEYRING = """
import json, os, sys
import keyring
from keyring.backend import KeyringBackend
class FileKeyring(KeyringBackend):
    priority = 1
    def _load(self):
        try:
            with open(os.environ["RING"]) as ring: return json.load(ring)
        except FileNotFoundError: return {}
    def _save(self, entries):
        with open(os.environ["RING"], "w") as ring: json.dump(entries, ring)
    def set_password(self, service, name, password):
        self._save(self._load() | {f"{service}/{name}": password})
    def get_password(self, service, name): return self._load().get(f"{service}/{name}")
    def delete_password(self, service, name):
        entries = self._load(); del entries[f"{service}/{name}"]; self._save(entries)
keyring.set_keyring(FileKeyring())
from kosmo_circleci.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorizationServer]:
    running = AuthorizationServer()
    monkeypatch.setenv("CIRCLECI_BASE_URL", running.url)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    yield running
    running.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "kosmo" / "config.yaml"


class Login:
    """A `kosmo login` that runs; `url` is what it prints for the browser."""

    def __init__(self, *options: str, program: str = "", **env: str) -> None:
        command = ["-c", program] if program else ["-m", "kosmo_circleci"]
        self.process = subprocess.Popen(
            [sys.executable, *command, "login", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | NO_KEYRING | env,
        )
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(20), "no URL, and no end"
        self.printed = "".join(self._lines)
        urls = re.findall(r"https?://\S+/oauth/authorize\?\S+", self.printed)
        self.url = urls[0] if urls else ""

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
            if "Read" in line:  # the last line before it waits
                self._ready.set()
        self._ready.set()

    def end(self) -> tuple[int, str, str]:
        """Return exit code, stdout, and what stderr says after what was printed at first."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(30)
        self._reader.join(30)
        return code, out, "".join(self._lines).removeprefix(self.printed)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(30)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(urlsplit(self.url).query).items()}


@pytest.fixture
def login() -> Iterator[Any]:
    started: list[Login] = []

    def start(*options: str, **more: str) -> Login:
        started.append(Login(*options, **more))
        return started[-1]

    yield start
    for each in started:
        each.close()


def browse(url: str) -> tuple[int, str]:
    """Follow a URL and its redirects as a browser would; return the last status and page."""
    try:
        with urllib.request.urlopen(url, timeout=10) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def back(login: Login, **query: str) -> tuple[int, str]:
    """Come back to the program without having asked the server."""
    return browse(f"{login.query['redirect_uri']}?{urlencode(query)}")


def test_signing_in_stores_a_token_in_the_private_file_where_there_is_no_keyring(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    running = login()
    status, page = browse(running.url)
    assert (status, "Return to the terminal" in page) == (200, True)

    code, out, err = running.end()

    account = yaml.safe_load(file.read_text())["integrations"]["circleci"]["accounts"]["default"]
    expires = account.pop("token_expires")
    assert account == {"url": server.url, "token": TOKEN}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", expires)
    assert (code, out) == (
        0,
        f"Signed in to {server.url} as ada (account default).\n"
        f"The token is in {file} and ends on {expires[:10]}.\n",
    )
    choice = "The page asks what the token may do; Read is enough for scripts that only look."
    assert running.printed == f"To sign in, visit:\n\n  {running.url}\n\n{choice}\n"
    assert err == ""
    assert TOKEN not in running.printed + out + err


def test_the_token_stays_with_its_server_when_the_variable_that_named_it_is_gone(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    file.parent.mkdir(parents=True)
    other = "https://other.example.com"
    file.write_text(f"integrations: {{circleci: {{accounts: {{default: {{url: '{other}'}}}}}}}}\n")
    file.chmod(0o600)
    running = login()
    browse(running.url)
    assert running.end()[0] == 0
    account = yaml.safe_load(file.read_text())["integrations"]["circleci"]["accounts"]["default"]
    assert (account["url"], account["token"]) == (server.url, TOKEN)


def test_what_the_browser_is_sent_with(server: AuthorizationServer, login: Any) -> None:
    query = login().query
    redirect = urlsplit(query["redirect_uri"])
    assert (redirect.scheme, redirect.hostname, redirect.path) == ("http", "127.0.0.1", "/callback")
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["client_id"] in server.clients
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", query["code_challenge"])
    assert len(query["state"]) >= 40
    assert "scope" not in query


def test_two_sign_ins_share_no_secret(server: AuthorizationServer, login: Any) -> None:
    first, second = login().query, login().query
    for name in ("state", "code_challenge", "client_id"):
        assert first[name] != second[name]


def test_the_answer_in_json_is_one_object_without_the_token(
    server: AuthorizationServer, login: Any
) -> None:
    running = login("--account", "default", "--json")
    browse(running.url)
    code, out, _ = running.end()
    value = json.loads(out)
    assert value.pop("token_expires").endswith("Z")
    assert (code, value) == (
        0,
        {
            "success": True,
            "account": "default",
            "url": server.url,
            "user": "ada",
            "token_stored_in": "file",
            "scope": None,
        },
    )


def test_a_keyring_takes_the_token_and_logout_removes_it(
    server: AuthorizationServer, login: Any, file: Path, tmp_path: Path, process: Any
) -> None:
    pytest.importorskip("keyring")
    ring, command = tmp_path / "ring", (sys.executable, "-c", WITH_KEYRING)
    running = login(program=WITH_KEYRING, RING=str(ring))
    browse(running.url)
    code, out, _ = running.end()
    assert (code, "The token is in the keyring and ends on" in out) == (0, True)
    assert json.loads(ring.read_text()) == {"kosmo-circleci/default": TOKEN}
    assert TOKEN not in file.read_text()

    env = {"RING": str(ring)}
    doctor = process("integrations:doctor", "--json", env=env, command=command).json
    checks = {each["name"]: each["detail"] for each in doctor["checks"]}
    assert re.fullmatch(r"from keyring, until \d{4}-\d\d-\d\d", checks["token"])
    assert checks["who am I"] == "ada"

    ended = process("logout", env=env, command=command)
    assert ended == (
        0,
        "Removed the token of account default from the keyring.\n"
        "It stays valid until it ends; delete it in CircleCI's user settings to end it now.\n",
        "",
    )
    assert json.loads(ring.read_text()) == {}
    assert "keyring" not in file.read_text()
    again = process("logout", env=env, command=command)
    assert again == (1, "", "error: No token is stored for the account 'default'.\n")


def test_a_token_that_only_the_environment_has_is_not_logged_out(process: Any) -> None:
    ended = process("logout", env=NO_KEYRING | {"CIRCLE_TOKEN": TOKEN})
    assert ended == (
        1,
        "",
        "error: No token is stored for the account 'default'. Its token is in CIRCLE_TOKEN: unset "
        "that variable.\n",
    )


def test_logout_removes_the_token_of_the_file_and_keeps_the_rest(process: Any, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(
        "# mine\nintegrations:\n  circleci:\n    accounts:\n      work:\n"
        f"        url: https://ci.example.com\n        token: {TOKEN}\n"
        '        token_expires: "2026-01-01T00:00:00Z"\n        token_scope: read\n'
    )
    file.chmod(0o600)
    ended = process("logout", "--account", "work", "--json", env=NO_KEYRING)
    assert (ended.code, ended.json) == (
        0,
        {"success": True, "account": "work", "removed_from": ["file"]},
    )
    assert file.read_text() == (
        "# mine\nintegrations:\n  circleci:\n    accounts:\n      work:\n"
        "        url: https://ci.example.com\n"
    )


def test_read_only_is_said_and_asked_for_where_the_server_knows_it(
    server: AuthorizationServer, login: Any
) -> None:
    assert "scope" not in login("--read-only").query
    server.scopes = ["read", "write", "admin"]
    running = login("--read-only")
    assert running.query["scope"] == "read"
    assert running.printed.endswith("On the page, choose Read: such a token can change nothing.\n")


def test_read_only_says_so_where_the_server_does_not_say_what_the_token_may_do(
    server: AuthorizationServer, login: Any
) -> None:
    running = login("--read-only")
    browse(running.url)
    code, _, err = running.end()
    assert (code, err) == (
        0,
        "warning: the server does not say what the token may do; it can only read if you chose "
        "Read on the page.\n",
    )


def test_a_token_that_may_do_more_than_was_wanted_is_not_stored(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    server.scope = "write"
    running = login("--read-only")
    browse(running.url)
    assert refused(running, file) == (
        "The token may do more than read (scope write), and --read-only was given. "
        f"{AGAIN} Choose Read on the page. The new token stays valid until it is deleted in "
        "CircleCI's user settings."
    )


@pytest.mark.parametrize(
    ("options", "writes"), [((), "done"), (("--read-only",), "CircleCI API error (403)")]
)
def test_the_simulated_circleci_is_signed_in_to_and_knows_what_the_token_may_do(
    options: tuple[str, ...],
    writes: str,
    monkeypatch: pytest.MonkeyPatch,
    login: Any,
    process: Any,
) -> None:
    pytest.importorskip("waitress")
    code = """
        local ok, fault = pcall(app.integrations.circleci.create_context,
            {name = "signed-in", owner_slug = "gh/example-org"})
        return ok and "done" or tostring(fault)
    """
    with Server(ServerOptions(port=0)).serving() as url:
        monkeypatch.setenv("CIRCLECI_BASE_URL", url)
        running = login(*options)
        assert browse(running.url)[0] == 200
        exit_code, out, _ = running.end()
        read_only = "The token can only read, is in" in out
        assert (exit_code, out.partition(" (account")[0], read_only) == (
            0,
            f"Signed in to {url} as example-user",
            bool(options),
        )
        run = process("integrations:lua", "--eval", code, "--force", "--json", env=NO_KEYRING)
        assert (run.json["success"], str(run.json["result"]).startswith(writes)) == (True, True)
        doctor = process("integrations:doctor", env=NO_KEYRING)
        assert (doctor.code, "can only read" in doctor.out) == (0, bool(options))


def test_the_browser_of_the_user_is_opened_unless_it_must_not(
    server: AuthorizationServer, login: Any, tmp_path: Path
) -> None:
    program = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10).read()"
    script = tmp_path / "browser"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{program}' \"$1\"\n")
    script.chmod(0o755)
    running = login(BROWSER=f"{script} %s &")
    assert running.end()[0] == 0
    assert running.printed.startswith("Opening your browser. If no page appears, visit:\n")

    running = login("--no-browser", "--timeout", "300ms", BROWSER=f"{script} %s &")
    assert running.printed.startswith("To sign in, visit:\n")
    assert running.end()[0] == 1


def refused(running: Login, file: Path) -> str:
    """Return the error of a sign-in that failed and stored nothing."""
    code, out, err = running.end()
    assert (code, out, file.exists()) == (1, "", False)
    return err.rpartition("error: ")[2].strip()


AGAIN = "Nothing was stored; run `kosmo login` again."


def test_a_wrong_state_ends_it_and_stores_nothing(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    running = login()
    status, page = back(running, code="stolen", state="guessed")
    assert (status, "Not signed in" in page) == (400, True)
    assert refused(running, file) == (
        "The browser came back with a wrong state, so that redirect does not belong to this "
        f"sign-in. {AGAIN}"
    )
    assert server.issued == []


@pytest.mark.parametrize("query", [{}, {"code": "c"}, {"error": "access_denied"}])
def test_a_redirect_without_the_state_is_one_with_a_wrong_state(
    query: dict[str, str], server: AuthorizationServer, login: Any, file: Path
) -> None:
    running = login()
    back(running, **query)
    assert "wrong state" in refused(running, file)


def test_a_user_who_says_no_is_told_so(server: AuthorizationServer, login: Any, file: Path) -> None:
    server.refusal = "access_denied"
    running = login()
    assert browse(running.url)[0] == 400
    assert refused(running, file) == (
        "The sign-in was refused: access_denied: The user said no. Nothing was stored."
    )


def test_a_code_that_has_expired_is_told(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    server.code_lifetime_s = -1.0
    running = login()
    browse(running.url)
    assert refused(running, file) == (
        "The sign-in server did not exchange the code for a token (invalid_grant: the code has "
        f"expired). {AGAIN}"
    )


def test_a_code_of_another_sign_in_is_worthless(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    victim, attacker = login(), login()
    server.refusal = None
    target = server.authorize(attacker.query)
    assert target is not None
    stolen = parse_qs(urlsplit(target).query)["code"][0]
    back(victim, code=stolen, state=victim.query["state"])
    assert "invalid_grant" in refused(victim, file)


def test_a_second_redirect_changes_nothing(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    running = login()
    first = back(running, error="access_denied", state=running.query["state"])
    assert first[0] == 400
    # The listener is gone by now, or answers that it has had its redirect.
    try:
        status, _ = back(running, code="late", state=running.query["state"])
        assert status == 409
    except (OSError, urllib.error.URLError):
        pass
    assert "access_denied" in refused(running, file)


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [("/favicon.ico", None, 404), ("/callback?code=c&state=s", "evil.example", 421)],
)
def test_what_is_not_the_redirect_is_answered_and_changes_nothing(
    target: str, host: str | None, status: int, server: AuthorizationServer, login: Any
) -> None:
    running = login()
    redirect = urlsplit(running.query["redirect_uri"])
    request = urllib.request.Request(f"http://{redirect.netloc}{target}")
    if host is not None:
        request.add_header("Host", host)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    caught.value.close()
    assert caught.value.code == status
    browse(running.url)
    assert running.end()[0] == 0


def test_a_connection_that_says_nothing_does_not_hold_up_the_browser(
    server: AuthorizationServer, login: Any
) -> None:
    running = login()
    redirect = urlsplit(running.query["redirect_uri"])
    with socket.create_connection((redirect.hostname, redirect.port)):
        browse(running.url)
        assert running.end()[0] == 0


def test_nobody_comes(server: AuthorizationServer, login: Any, file: Path) -> None:
    assert refused(login("--timeout", "300ms"), file) == (
        f"Nobody signed in within 0.3 s. {AGAIN} --timeout 30m gives more time."
    )


def test_ctrl_c_ends_the_wait_and_stores_nothing(
    server: AuthorizationServer, terminal: Any, file: Path
) -> None:
    screen = terminal("login", env=NO_KEYRING)
    screen.expect("Read is enough")
    screen.send("\x03")
    screen.expect("error: Interrupted by Ctrl-C.")
    assert screen.end() == 130
    assert not file.exists()


def test_a_busy_port_is_told_before_anything_is_sent(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        running = login("--port", str(port))
        code, out, _ = running.end()
        assert (code, out, server.clients) == (1, "", {})
        assert running.printed == (
            f"error: Cannot listen on port {port} for the redirect: Address already in use. "
            "Choose another with --port, or leave it out for a free one.\n"
        )


def test_the_port_may_be_chosen(server: AuthorizationServer, login: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert urlsplit(login("--port", str(port)).query["redirect_uri"]).port == port


def test_a_server_without_sign_in_is_told(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    server.register_status = 404
    running = login()
    assert running.printed == (
        f"error: The sign-in server did not register this program (HTTP 404). {AGAIN}\n"
    )
    assert running.end()[0] == 1


def test_a_server_that_is_not_there_is_told(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    server.close()
    running = login()
    host = server.url.removeprefix("http://")
    assert running.printed == f"error: {host} refused the connection. {AGAIN}\n"


def test_a_token_that_circleci_does_not_accept_is_not_stored(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    server.me_status = 401
    running = login()
    browse(running.url)
    assert refused(running, file) == (
        f"{server.url} does not accept the new token (HTTP 401). {AGAIN}"
    )


def test_a_variable_that_wins_is_named(server: AuthorizationServer, login: Any) -> None:
    running = login(CIRCLECI_TOKEN="t-other")
    browse(running.url)
    assert running.end()[2].endswith(
        "warning: CIRCLECI_TOKEN is set and takes precedence over what was written\n"
    )


def test_an_account_name_that_cannot_be_one_is_a_usage_error(process: Any) -> None:
    for command in ("login", "logout"):
        assert process(command, "--account", "my-work") == (
            2,
            "",
            "error: 'my-work' cannot name an account; use letters, digits and _, as in a Lua "
            "name.\n",
        )


def test_a_broken_file_is_found_before_the_browser_is(
    server: AuthorizationServer, login: Any, file: Path
) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("integrations: [\n")
    running = login()
    assert running.printed.startswith(f"error: {file}:2: ")
    assert server.clients == {}
