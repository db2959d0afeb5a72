"""Time the command against hand-written httpx, and `flow` against its ideal.

    python scripts/bench.py [--runs N] [--quick] [--strict]

Every line shows what was measured, its budget, and `ok` or `OVER`. Each figure is the median of
runs that take turns, ours and httpx, so that a busy moment hits both. The server is a process of
this script on loopback; `GET …/100` answers after 100 ms. `--strict` exits 1 if a line is over.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

KOSMO: Final = Path(sys.executable).with_name("kosmo")

PIPELINE: Final = (
    b'{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b","errors":[],"project_slug":"gh/acme/web",'
    b'"updated_at":"2025-01-15T10:00:05.000Z","number":25,"state":"created","trigger_parameters":{},'
    b'"created_at":"2025-01-15T10:00:00.000Z","trigger":{"type":"webhook","received_at":'
    b'"2025-01-15T10:00:00.000Z","actor":{"login":"octo","avatar_url":null}},"vcs":{"branch":"main",'
    b'"provider_name":"GitHub","target_repository_url":"https://github.com/acme/web",'
    b'"revision":"f454a02b5d10fcccfd7d9dd7608a76d6493a98b4","commit":{"subject":"Fix","body":""}}}'
)

HTTPX_ONE: Final = """
import os, httpx
headers = {"Circle-Token": os.environ["CIRCLECI_TOKEN"], "Accept": "application/json"}
base = os.environ["CIRCLECI_BASE_URL"] + "/api/v2"
with httpx.Client(base_url=base, headers=headers) as client:
    answer = client.get("/pipeline/0")
    answer.raise_for_status()
    pipeline = answer.json()
    if "id" not in pipeline:
        raise SystemExit("no pipeline")
    print(pipeline["number"])
"""

HTTPX_LOOP: Final = """
import os, sys, httpx
headers = {"Circle-Token": os.environ["CIRCLECI_TOKEN"], "Accept": "application/json"}
base = os.environ["CIRCLECI_BASE_URL"] + "/api/v2"
total = 0
with httpx.Client(base_url=base, headers=headers) as client:
    for _ in range(500):
        answer = client.get(f"/pipeline/{sys.argv[1]}")
        answer.raise_for_status()
        total += answer.json()["number"]
print(total)
"""

LUA_DOCS: Final = 'print(docs.read("circleci.get_pipeline"))'
LUA_ONE: Final = 'print(app.integrations.circleci.get_pipeline("0").number)'
LUA_LOOP: Final = """
local total = 0
for _ = 1, 500 do total = total + app.integrations.circleci.get_pipeline(args.delay).number end
print(total)
"""
LUA_FAN_OUT: Final = """
local circleci = app.integrations.circleci
local ids = {}
for index = 1, 100 do ids[index] = "100" end
circleci.get_pipeline("0")
print("begin")
flow.map(ids, function(id)
  for _ = 1, tonumber(args.calls) do circleci.get_pipeline(id) end
end, { concurrency = tonumber(args.concurrency) })
print("end")
"""


class Line(NamedTuple):
    """One measured figure beside its budget; `unit` is "x" for a ratio or "s"."""

    what: str
    measured: float
    budget: float
    unit: str
    details: str

    def text(self) -> str:
        verdict = "ok" if self.measured <= self.budget else "OVER"
        figures = f"{self.measured:6.2f} {self.unit}   budget {self.budget:.2f} {self.unit}"
        return f"{self.what:<58} {figures}   {verdict:<4}   {self.details}"


def main() -> int:
    """Run the benchmark the command line asks for and return the exit code."""
    parser = argparse.ArgumentParser(description="Time kosmo against hand-written httpx.")
    parser.add_argument("--runs", type=int, default=15, help="runs per figure (default 15)")
    parser.add_argument("--quick", action="store_true", help="three runs per figure")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a budget is missed")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return 0
    runs = 3 if options.quick else max(1, options.runs)
    over = False
    with server() as origin, tempfile.TemporaryDirectory() as home:
        environ = bench_environ(home, origin)
        for measure in (docs, one_call, loop, slow_loop, journaled, fan_out, two_calls):
            line = measure(runs, environ)
            print(line.text(), flush=True)
            over |= line.measured > line.budget
    return 1 if over and options.strict else 0


# What is measured ---------------------------------------------------------------------------------


def docs(runs: int, environ: Mapping[str, str]) -> Line:
    """Reading a page of documentation sends nothing, so it need not load an HTTP client."""
    return _against_httpx(
        "docs one-liner / one httpx GET", LUA_DOCS, HTTPX_ONE, 0.60, runs, environ
    )


def one_call(runs: int, environ: Mapping[str, str]) -> Line:
    """The whole command for one call, start and end of both processes included."""
    return _against_httpx("one API call / one httpx GET", LUA_ONE, HTTPX_ONE, 1.25, runs, environ)


def loop(runs: int, environ: Mapping[str, str]) -> Line:
    """500 calls to a server that answers at once: all that is left is the clients' own work."""
    what = "500 calls in a loop / the same in httpx (server: 0 ms)"
    return _against_httpx(what, LUA_LOOP, HTTPX_LOOP, 1.15, runs, environ, "0")


def slow_loop(runs: int, environ: Mapping[str, str]) -> Line:
    """The same with answers after 5 ms: faster than any real API, a third of the runs."""
    what = "500 calls in a loop / the same in httpx (server: 5 ms)"
    return _against_httpx(what, LUA_LOOP, HTTPX_LOOP, 1.15, max(1, runs // 3), environ, "5")


def journaled(runs: int, environ: Mapping[str, str]) -> Line:
    """500 reads with a journal against the same without: the whole process, file and all."""
    plain = [str(KOSMO), "integrations:lua", "--eval", LUA_LOOP, "--arg", "delay=0"]
    recorded = [*plain, "--journal", str(Path(environ["HOME"]) / "bench.journal")]
    with_s, without_s = _take_turns(
        runs, lambda: _wall_s(recorded, environ), lambda: _wall_s(plain, environ)
    )
    details = f"journal {with_s * 1000:.0f} ms, without {without_s * 1000:.0f} ms"
    what = "500 reads with a journal / without (server: 0 ms)"
    return Line(what, with_s / without_s, 1.25, "x", details)


def fan_out(runs: int, environ: Mapping[str, str]) -> Line:
    """One round of 100 calls, all at once; the ideal is 0.10 s."""
    return _loop_time("flow.map: 100 GETs of 100 ms, concurrency 100", 0.35, 1, 100, runs, environ)


def two_calls(runs: int, environ: Mapping[str, str]) -> Line:
    """Two calls one after the other in each of 100 branches, 20 at a time; the ideal is 1.00 s."""
    what = "flow.map: 100 branches of two 100 ms calls, concurrency 20"
    return _loop_time(what, 1.10, 2, 20, runs, environ)


def _against_httpx(
    what: str,
    lua: str,
    python: str,
    budget: float,
    runs: int,
    environ: Mapping[str, str],
    delay_ms: str = "0",
) -> Line:
    ours = [str(KOSMO), "integrations:lua", "--eval", lua, "--arg", f"delay={delay_ms}"]
    theirs = [sys.executable, "-c", python, delay_ms]
    ours_s, theirs_s = _take_turns(
        runs, lambda: _wall_s(ours, environ), lambda: _wall_s(theirs, environ)
    )
    details = f"kosmo {ours_s * 1000:.0f} ms, httpx {theirs_s * 1000:.0f} ms"
    return Line(what, ours_s / theirs_s, budget, "x", details)


def _take_turns(
    runs: int, ours: Callable[[], float], theirs: Callable[[], float]
) -> tuple[float, float]:
    ours(), theirs()  # the first run of each reads the disk
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def _wall_s(command: list[str], environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    # No `timeout`: with one, Python polls for the end, up to 50 ms late.
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _loop_time(
    what: str, budget_s: float, calls: int, concurrency: int, runs: int, environ: Mapping[str, str]
) -> Line:
    """Return the time from the line `begin` to the line `end`, as they arrive on stdout.

    One call goes before, as a script would list what it maps over: loading httpx is start-up, and
    is in the one-call figure. Opening the other connections and starting the threads is in this.
    """
    command = [str(KOSMO), "integrations:lua", "--eval", LUA_FAN_OUT]
    command += ["--arg", f"calls={calls}", "--arg", f"concurrency={concurrency}"]
    taken = [_begin_to_end_s(command, environ) for _ in range(runs + 1)][1:]
    details = f"best {min(taken):.3f} s, worst {max(taken):.3f} s"
    return Line(what, statistics.median(taken), budget_s, "s", details)


def _begin_to_end_s(command: list[str], environ: Mapping[str, str]) -> float:
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = {line.strip(): time.perf_counter() for line in process.stdout}
    if process.returncode != 0 or not {b"begin", b"end"} <= seen.keys():
        raise SystemExit(f"the script failed (exit {process.returncode})")
    return seen[b"end"] - seen[b"begin"]


def bench_environ(home: str, origin: str) -> dict[str, str]:
    """Return an environment whose default account is the server at `origin`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("CIRCLECI_", "CIRCLE_", "KOSMO_"))
        and name.upper() not in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    }
    return kept | {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "CIRCLECI_TOKEN": "bench-token",
        "CIRCLECI_BASE_URL": origin,
    }


# The server ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run the server in a process of its own while the context lasts; gives its origin."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def serve() -> None:
    """Answer on a free port of loopback, which is printed, until standard input ends."""
    event_loop = asyncio.get_running_loop()
    listening = await event_loop.create_server(_Answers, "127.0.0.1", 0, backlog=256)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await event_loop.run_in_executor(None, sys.stdin.read)  # ends with the benchmark, however
    listening.close()


class _Answers(asyncio.Protocol):
    """One connection: `GET …/N` is answered with a pipeline after N ms; keep-alive, no bodies."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            delay_s = int(head.split(b" ", 2)[1].rpartition(b"/")[2]) / 1000
            if delay_s:
                asyncio.get_running_loop().call_later(delay_s, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(PIPELINE), PIPELINE)
        )


if __name__ == "__main__":
    sys.exit(main())
