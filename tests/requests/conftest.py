"""A server on loopback that keeps every request as it arrived."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest


class Arrived(NamedTuple):
    """One request. `target` is what stood on the request line: the raw path and query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Recorder:
    """The server's origin, and what came in since `take` was last called."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.arrived: list[Arrived] = []

    def take(self) -> list[Arrived]:
        arrived, self.arrived = self.arrived, []
        return arrived


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    """Answers `{"items": [], "next_page_token": null}` to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorder.arrived.append(Arrived(self.command, self.path, headers, body))
            text = json.dumps({"items": [], "next_page_token": None}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            """The recorder is the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    recorder = Recorder(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    yield recorder
    server.shutdown()
    server.server_close()
    thread.join(5)
