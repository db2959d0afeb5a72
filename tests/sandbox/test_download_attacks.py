"""Hostile servers and URLs for `files.download`: where it goes, what it takes, what it tells."""

import contextlib
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from kosmo_circleci import Bridge, Limits, Run
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.limits import MEBIBYTE

TOKEN: Final = "CCIPAT_download_0123456789"
BLOCK: Final = b"x" * 65536


class HostileServer:
    """Answers by path; `seen` has (path, token) of every request."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.target = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(server: HostileServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            server.seen.append((path, self.headers["Circle-Token"]))
            self.close_connection = True
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                getattr(self, path.strip("/"))()

        def head(self, status: int, **headers: object) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.send_header("Connection", "close")
            self.end_headers()

        def file(self) -> None:
            self.head(200, Content_Length=4)
            self.wfile.write(b"file")

        def missing(self) -> None:
            self.head(404, Content_Length=6)
            self.wfile.write(b"secret")

        def redirect(self) -> None:
            self.head(302, Location=server.target, Content_Length=0)

        def circle(self) -> None:
            self.head(302, Location="/circle", Content_Length=0)

        def endless(self) -> None:
            self.head(200)
            while True:
                self.wfile.write(BLOCK)

        def declared(self) -> None:
            self.head(200, Content_Length=1 << 40)
            self.wfile.write(BLOCK)

        def short(self) -> None:
            self.head(200, Content_Length=100)
            self.wfile.write(b"half")

        def long(self) -> None:
            self.head(200, Content_Length=4)
            self.wfile.write(b"file and what nobody asked for")

        def chunked(self) -> None:
            self.head(200, Transfer_Encoding="chunked")
            self.wfile.write(b"4\r\nhalf\r\n")

        def bomb(self) -> None:
            body = gzip.compress(bytes(256 * MEBIBYTE), 1)
            self.head(200, Content_Encoding="gzip", Content_Length=len(body))
            self.wfile.write(body)

        def packed(self) -> None:
            body = gzip.compress(b"packed" * 1_000_000)
            self.head(200, Content_Encoding="gzip", Content_Length=len(body))
            self.wfile.write(body)

        def part(self) -> None:
            self.head(206, Content_Length=4, Content_Range="bytes 0-3/100")
            self.wfile.write(b"part")

        def trickle(self) -> None:
            self.head(200)
            for _ in range(600):
                self.wfile.write(b"x")
                time.sleep(0.05)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[HostileServer]:
    started = HostileServer()
    yield started
    started.close()


@pytest.fixture
def other() -> Iterator[HostileServer]:
    started = HostileServer()
    yield started
    started.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


def configuration(url: str) -> dict[str, Any]:
    return {"integrations": {"circleci": {"accounts": {"default": {"token": TOKEN, "url": url}}}}}


def download(account: str, url: str, folder: Path, **options: Any) -> Run:
    """Run a script that downloads `url` into a name; `account` is the URL of the account."""
    code = "return files.download(args.url, 'got/file')"
    with Bridge(config=configuration(account)) as bridge:
        return bridge.run(code, args={"url": url}, files=folder, **options)


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files with their content; an empty folder counts as well."""
    files = {each.name: each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    empty = [each.name for each in folder.rglob("*") if each.is_dir() and not [*each.iterdir()]]
    return files | dict.fromkeys(empty, b"")


@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_a_download_has_the_token_of_the_accounts_own_origin_and_is_logged_as_a_read(
    isolate: bool, server: HostileServer, folder: Path
) -> None:
    run = download(server.url, f"{server.url}/file?token=presigned", folder, isolate=isolate)
    assert (run.error, run.result, files_in(folder)) == (None, 4, {"file": b"file"})
    assert server.seen == [("/file", TOKEN)]
    [record] = run.call_log
    assert {name: record[name] for name in ("function", "kind", "status", "http_status")} == {
        "function": "files.download",
        "kind": "read",
        "status": "ok",
        "http_status": 200,
    }
    assert "presigned" not in run.to_json()


def test_the_token_does_not_go_along_with_a_redirect_to_another_origin(
    server: HostileServer, other: HostileServer, folder: Path
) -> None:
    server.target = f"{other.url}/file"
    run = download(server.url, f"{server.url}/redirect", folder)
    assert run.error is None
    assert (server.seen, other.seen) == ([("/redirect", TOKEN)], [("/file", None)])


def test_the_token_does_not_go_to_another_origin_that_a_script_names(
    server: HostileServer, other: HostileServer, folder: Path
) -> None:
    assert download(server.url, f"{other.url}/file", folder).error is None
    assert other.seen == [("/file", None)]


def test_another_accounts_file_is_fetched_with_its_own_token(
    server: HostileServer, other: HostileServer, folder: Path
) -> None:
    config = configuration(server.url)
    config["integrations"]["circleci"]["accounts"]["work"] = {
        "token": "work-0123",
        "url": other.url,
    }
    with Bridge(config=config) as bridge:
        code = "return files.download(args.url, 'x')"
        run = bridge.run(code, args={"url": f"{other.url}/file"}, files=folder)
    assert (run.call_log[0]["account"], other.seen) == ("work", [("/file", "work-0123")])


FORBIDDEN: Final = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://10.0.0.1/",
    "https://192.168.1.1/",
    "https://[fd00::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://[2002:a00:1::]/",
    "https://[64:ff9b::a00:1]/",
    "http://example.com/",
    "file:///etc/passwd",
    "ftp://example.com/x",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "data:text/plain,hello",
    "https://user:password@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://exam ple.com/",
    "https://example.com/\r\nX-Header: 1",
    "//example.com/x",
    "x",
    "",
]


@pytest.mark.parametrize("url", [*FORBIDDEN, "https://127.0.0.1/", "https://localhost/x"])
def test_a_url_that_leads_to_where_no_script_may_ask_is_refused_unsent(
    url: str, folder: Path
) -> None:
    run = download("https://circleci.com", url, folder)
    assert run.error_type == "validation"
    assert run.error is not None
    assert run.error.startswith("script:1: files.download: the URL ")
    assert run.error.endswith("so nothing was sent.")
    assert (run.call_count, files_in(folder)) == (0, {})


@pytest.mark.parametrize("target", [each for each in FORBIDDEN if "://" in each or "data:" in each])
def test_a_redirect_to_there_ends_the_download(
    target: str, server: HostileServer, folder: Path
) -> None:
    server.target = target.replace("\r\n", "%0d%0a ")
    run = download(server.url, f"{server.url}/redirect?t=presigned", folder)
    assert run.error_type in ("network", "api")
    assert "presigned" not in str(run.error)
    assert (len(server.seen), files_in(folder)) == (1, {})


def test_redirects_in_a_circle_end(server: HostileServer, folder: Path) -> None:
    run = download(server.url, f"{server.url}/circle", folder)
    assert (run.error_type, len(server.seen), files_in(folder)) == ("api", 6, {})
    assert "127.0.0.1 answered 302 Found" in str(run.error)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "fe80::1", "::1"])
def test_a_name_that_dns_gives_a_private_address_is_not_asked(
    address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [entry])
    monkeypatch.setattr(socket.socket, "connect", lambda _self, place: connected.append(place))
    run = download("https://circleci.com", "https://artifacts.example/x", folder)
    assert run.error_type == "network"
    assert "artifacts.example has no public address" in str(run.error)
    assert (connected, files_in(folder)) == ([], {})


@pytest.mark.parametrize("path", ["endless", "declared", "bomb"])
@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_a_body_over_the_limit_is_given_up(
    path: str, isolate: bool, server: HostileServer, folder: Path
) -> None:
    limits = Limits(memory_bytes=8 * MEBIBYTE)
    run = download(
        server.url,
        f"{server.url}/{path}",
        folder,
        files_limit=2 * MEBIBYTE,
        limits=limits,
        isolate=isolate,
    )
    assert run.error == (
        "script:1: files.download: the files of a run may have 2M in all. Raise the limit with "
        "--files-limit SIZE (Python: files_limit=…)."
    )
    assert (run.error_type, len(server.seen), files_in(folder)) == ("limit", 1, {})


@pytest.mark.parametrize("path", ["short", "chunked"])
def test_a_body_that_is_cut_off_leaves_what_was_there(
    path: str, server: HostileServer, folder: Path
) -> None:
    (folder / "got").mkdir()
    (folder / "got/file").write_text("before")
    limits = Limits(timeout_s=20)
    run = download(server.url, f"{server.url}/{path}", folder, limits=limits)
    assert run.error_type == "network"
    assert (len(server.seen), files_in(folder)) == (4, {"file": b"before"})
    assert run.call_log[0]["attempts"] == 4


def test_what_failed_costs_nothing_of_the_limit(server: HostileServer, folder: Path) -> None:
    code = """
    for _, path in ipairs({"short", "missing", "part"}) do
      assert(not pcall(files.download, args.url .. path, "x"))
    end
    files.write("y", ("x"):rep(100))   -- all of the limit
    return files.list()
    """
    with Bridge(config=configuration(server.url)) as bridge:
        run = bridge.run(code, args={"url": f"{server.url}/"}, files=folder, files_limit=100)
    assert (run.error, run.result) == (None, ["y"])


def test_what_follows_a_body_does_not_count(server: HostileServer, folder: Path) -> None:
    run = download(server.url, f"{server.url}/long", folder)
    assert (run.result, files_in(folder)) == (4, {"file": b"file"})


def test_a_compressed_file_is_unpacked_in_steps(server: HostileServer, folder: Path) -> None:
    run = download(server.url, f"{server.url}/packed", folder)
    assert (run.result, files_in(folder)) == (6_000_000, {"file": b"packed" * 1_000_000})


def test_an_error_answer_leaves_nothing_and_shows_nothing_of_it(
    server: HostileServer, folder: Path
) -> None:
    run = download(server.url, f"{server.url}/missing?t=presigned", folder)
    assert run.error == "script:1: files.download: 127.0.0.1 answered 404 Not Found"
    assert (run.error_type, files_in(folder)) == ("api", {})


@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_a_body_that_trickles_ends_with_the_run(
    isolate: bool, server: HostileServer, folder: Path
) -> None:
    limits = Limits(timeout_s=0.5)
    run = download(server.url, f"{server.url}/trickle", folder, limits=limits, isolate=isolate)
    assert (run.error_type, files_in(folder)) == ("limit", {})


@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_a_run_that_is_cancelled_leaves_no_file_of_any_branch(
    isolate: bool, server: HostileServer, folder: Path
) -> None:
    deadline = Deadline()
    threading.Timer(0.7, deadline.cancel).start()
    code = "flow.map({1, 2, 3}, function(n) files.download(args.url, 'f' .. n) end)"
    with Bridge(config=configuration(server.url)) as bridge:
        run = bridge.run(
            code,
            args={"url": f"{server.url}/trickle"},
            files=folder,
            isolate=isolate,
            deadline=deadline,
        )
        assert (run.error_type, files_in(folder)) == ("interrupted", {})
        assert run.call_count == 3


def test_a_branch_that_fails_takes_the_downloads_of_the_others_along(
    server: HostileServer, folder: Path
) -> None:
    code = """
    local function fetch(path) files.download(args.url .. path, path) end
    local ok = pcall(flow.map, {"trickle", "missing"}, fetch)
    flow.sleep(0.3)
    return {ok, files.list()}
    """
    with Bridge(config=configuration(server.url)) as bridge:
        run = bridge.run(code, args={"url": f"{server.url}/"}, files=folder)
    assert (run.result, run.call_count) == ([False, []], 2)


def test_a_process_that_is_killed_in_a_download_leaves_no_file(
    server: HostileServer, folder: Path
) -> None:
    environ = {**os.environ, "CIRCLECI_TOKEN": TOKEN, "CIRCLECI_BASE_URL": server.url}
    code = f"files.download('{server.url}/trickle', 'file')"
    process = subprocess.Popen(
        [sys.executable, "-m", "kosmo_circleci", "run", "-e", code, "--files", str(folder)],
        env=environ,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while not server.seen and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    time.sleep(0.3)  # the script's own process ends when nobody listens any more
    assert server.seen
    assert files_in(folder) == {}


@pytest.mark.parametrize("isolate", [False, True], ids=["in-process", "isolated"])
def test_downloads_of_a_map_run_at_once_and_count_together(
    isolate: bool, server: HostileServer, folder: Path
) -> None:
    code = (
        "return flow.map({1, 2, 3, 4}, function(n) return files.download(args.url, 'f' .. n) end)"
    )
    with Bridge(config=configuration(server.url)) as bridge:
        arguments = {"url": f"{server.url}/file"}
        run = bridge.run(code, args=arguments, files=folder, isolate=isolate, files_limit=16)
        over = bridge.run(code, args=arguments, files=folder, isolate=isolate, files_limit=15)
    assert (run.result, run.call_count) == ([4, 4, 4, 4], 4)
    assert over.error_type == "limit"


def test_the_policy_of_reads_counts_for_downloads(server: HostileServer, folder: Path) -> None:
    config = configuration(server.url)
    config["integrations"]["circleci"]["permissions"] = {"read": "deny"}
    with Bridge(config=config) as bridge:
        run = bridge.run(
            "files.download(args.url, 'x')", args={"url": f"{server.url}/file"}, files=folder
        )
    assert (run.error_type, server.seen) == ("permission", [])


def test_a_url_that_circleci_hands_out_as_a_credential_is_masked_and_leads_to_listed_hosts(
    folder: Path,
) -> None:
    code = """
    local circleci = app.integrations.circleci
    local window = {org_id = args.org, start = "2025-01-01T00:00:00Z"}
    window["end"] = "2025-01-10T00:00:00Z"
    local job = circleci.create_usage_export(window).usage_export_job_id
    local function look() return circleci.get_usage_export(args.org, job) end
    local export = flow.wait(look, function(each) return each.state == "completed" end)
    print(export.download_urls[1])
    return files.download(export.download_urls[1], "usage.csv.gz")
    """
    with Bridge(simulate=True) as bridge:
        find = "return app.integrations.circleci.get_project('gh/example-org/example-repo')"
        organization = bridge.run(f"{find}.organization_id").result
        run = bridge.run(code, args={"org": organization}, files=folder, force=True)
    assert run.error is None, run.error
    assert run.output == "***"
    assert gzip.decompress((folder / "usage.csv.gz").read_bytes()).startswith(b'"ORGANIZATION_ID"')
    log = json.loads(run.to_json())["call_log"]
    assert log[-1]["function"] == "files.download"
