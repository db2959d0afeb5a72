"""A CircleCI that counts: what is created has a name, and each name a number of times.

    python counting_server.py      prints its port; ends with its standard input

POST /api/v2/context and PUT …/environment-variable/NAME count a write; GET /counts tells all.
Every answer takes a moment, so that a process can be killed while it waits for one.
"""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER_S = 0.002

counts: Counter[str] = Counter()
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/counts":
            with lock:
                self.answer(dict(counts))
            return
        time.sleep(ANSWER_S)
        self.answer({"id": self.path.rpartition("/")[2], "name": "read"})

    def do_POST(self) -> None:
        body = self.body()
        self.count(f"POST {body['name']}")
        time.sleep(ANSWER_S)
        self.answer({"id": f"id-of-{body['name']}", "name": body["name"]})

    def do_PUT(self) -> None:
        self.body()
        self.count(f"PUT {self.path.rpartition('/')[2]}")
        time.sleep(ANSWER_S)
        self.answer({"variable": self.path.rpartition("/")[2]})

    def count(self, what: str) -> None:
        with lock:
            counts[what] += 1

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def answer(self, value: Any) -> None:
        raw = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that was killed: that is what this server is for."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
