"""A fleet on a real Dask cluster of two worker processes, one of which is killed in mid-run.

Prints one JSON object: the rows, and how often the server was asked to write for each input. It is
a program of its own, because Dask looks for this machine's address in ways that tests forbid.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from distributed import Client, LocalCluster

from kosmo_circleci import Bridge

ITEMS = 12
CODE = """
    local answer = app.integrations.circleci.trigger_pipeline({
      project_slug = "gh/acme/web", parameters = {item = tostring(item)}})
    return answer.number
"""


class Api(BaseHTTPRequestHandler):
    """Takes a while for each pipeline, and counts them by input."""

    writes: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            self.writes[body["parameters"]["item"]] += 1
        time.sleep(0.5)
        answer = b'{"id": "u", "number": 1, "state": "pending", "created_at": "x"}'
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def kill_a_worker(client: Client) -> None:
    """Kill the process of one worker as soon as the server has been asked to write."""
    pids = client.run(os.getpid)
    while not Api.writes:
        time.sleep(0.02)
    os.kill(next(iter(pids.values())), signal.SIGKILL)


def main() -> None:
    """Run the fleet and print the rows."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    os.environ["CIRCLECI_TOKEN"] = "token-of-the-test-0123"
    os.environ["CIRCLECI_BASE_URL"] = f"http://127.0.0.1:{server.server_address[1]}"
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address=None
    )
    with cluster, Client(cluster) as client, Bridge() as bridge:
        threading.Thread(target=kill_a_worker, args=(client,), daemon=True).start()
        address = f"dask:{cluster.scheduler_address}"
        rows = list(bridge.map(CODE, range(ITEMS), executor=address, jobs=4, force=True))
    told = [[row.item, row.success, row.writes.done, row.writes.unknown] for row in rows]
    print(json.dumps({"rows": sorted(told), "writes": Api.writes}))


if __name__ == "__main__":
    main()
