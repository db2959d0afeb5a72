"""The report page in a real browser: drawn, readable, and nothing runs or is fetched."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.cli.script.report import Subject, page
from kosmo_circleci.cli.script.timeline import Timeline, Wait
from kosmo_circleci.run.envelope import Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_S = 30.0

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Browser:
    """Headless Chromium, spoken to through its debugging pipe: JSON messages ended by a zero."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
        self._process = subprocess.Popen(
            [CHROMIUM, *flags, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(3, 4),
            preexec_fn=lambda: _become_3_and_4(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._number = 0
        self._until = time.monotonic() + PATIENCE_S
        self.events: list[Any] = []

    def send(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Send one command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> Any:
        while b"\0" not in self._buffer:
            left_s = self._until - time.monotonic()
            assert left_s > 0
            assert select.select([self._read], [], [], left_s)[0], "the browser does not answer"
            part = os.read(self._read, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError):
            self.send("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)


def _become_3_and_4(reading: int, writing: int) -> None:
    """Put the pipe's ends where the browser looks for them, whatever numbers they have now."""
    high = fcntl.fcntl(reading, fcntl.F_DUPFD, 10), fcntl.fcntl(writing, fcntl.F_DUPFD, 10)
    os.dup2(high[0], 3)
    os.dup2(high[1], 4)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    started = Browser(tmp_path / "profile")
    yield started
    started.close()


def record(number: int, start_ms: float, duration_ms: float) -> CallRecord:
    failed = number % 4 == 3
    return CallRecord(
        f"app.integrations.circleci.{'get_workflow_job_timeseries' if number % 2 else 'get_job'}",
        "circleci_get_pipeline",
        "default",
        "read",
        "none",
        "error" if failed else "ok",
        None if failed else 200,
        duration_ms,
        1,
        start_ms,
        json.dumps({"pipeline_id": f"5034460f-c7c4-4c43-9457-de07e2029e7{number}", "n": number}),
    )


LOOK = """(() => {
  const rects = [...document.querySelectorAll('svg rect.call')];
  const bars = rects.map(each => each.getBoundingClientRect());
  const overlap = (a, b) => a.top === b.top && a.left < b.right - 1 && b.left < a.right - 1;
  const outside = each => each.left < -0.5 || each.right > window.innerWidth + 0.5;
  const broken = [...document.querySelectorAll('td code, h1')].flatMap(cell => {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), range = new Range();
    const words = [];
    while (walker.nextNode()) {
      for (const word of walker.currentNode.data.matchAll(/[A-Za-z]+/g)) {
        range.setStart(walker.currentNode, word.index);
        range.setEnd(walker.currentNode, word.index + word[0].length);
        if (range.getClientRects().length > 1) words.push(word[0]);
      }
    }
    return words;
  });
  return JSON.stringify({
    title: document.title,
    state: document.getElementById('state').textContent,
    sections: [...document.querySelectorAll('section')].map(each => each.id),
    bars: bars.length,
    lanes: new Set(bars.map(each => each.top)).size,
    overlaps: bars.some((a, i) => bars.some((b, j) => i < j && overlap(a, b))),
    outside: [...document.querySelectorAll('svg, svg rect, svg text, td, dd')]
      .map(each => each.getBoundingClientRect()).filter(outside).length,
    broken,
    rows: document.querySelectorAll('#calls tbody tr').length,
    images: document.images.length,
    ran: window.ran ?? null,
    wide: document.documentElement.scrollWidth > window.innerWidth,
    lines: document.querySelectorAll('#script li').length,
    red: getComputedStyle(document.querySelector('pre.error')).color,
    page: getComputedStyle(document.body).backgroundColor,
  });
})()"""


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize(
    ("scheme", "red", "page_colour"),
    [("light", "rgb(207, 34, 46)", "rgb(255, 255, 255)"),
     ("dark", "rgb(248, 81, 73)", "rgb(13, 17, 23)")],
)  # fmt: skip
def test_a_browser_draws_the_page_and_runs_nothing(
    browser: Browser, tmp_path: Path, width: int, scheme: str, red: str, page_colour: str
) -> None:
    file = tmp_path / "report.html"
    file.write_text(_report_of_a_failed_run())
    target = browser.send("Target.createTarget", url="about:blank")["targetId"]
    session = browser.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Network", "Log", "Runtime"):
        browser.send(f"{domain}.enable", session)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.send("Emulation.setEmulatedMedia", session, features=[feature])
    browser.send("Emulation.setDeviceMetricsOverride", session, width=width, height=900,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
    browser.send("Page.navigate", session, url=file.as_uri())
    look = None
    while look is None:
        answer = browser.send("Runtime.evaluate", session, expression="document.readyState")
        if answer["result"].get("value") == "complete":
            where = browser.send("Runtime.evaluate", session, expression="location.protocol")
            if where["result"].get("value") == "file:":
                look = browser.send("Runtime.evaluate", session, expression=LOOK)
    assert json.loads(look["result"]["value"]) == {
        "title": "kosmo: workflows/deploy_and_wait_for_an_approval.lua",
        "state": "failed (runtime)",
        "sections": [
            *("summary", "error", "failures", "timeline", "output", "result", "functions"),
            *("calls", "script"),
        ],
        "bars": 9,
        "lanes": 3,
        "overlaps": False,
        "outside": 0,
        "broken": [],
        "rows": 9,
        "images": 0,
        "ran": None,
        "wide": False,
        "lines": 2,
        "red": red,
        "page": page_colour,
    }
    requested = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert requested == [file.as_uri()]
    assert not [
        e
        for e in browser.events
        if e.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")
    ]


def _report_of_a_failed_run() -> str:
    records = tuple(record(n, 40.0 * (n % 3) + 130 * (n // 3), 125) for n in range(9))
    evil = "<img src='http://127.0.0.1:9/x' onerror='window.ran=1'><script>window.ran=2</script>"
    run = Run(
        False,
        output=f"deployed {evil}\n" * 3,
        error=f"deploy.lua:2: boom {evil}",
        error_type="runtime",
        execution_time_ms=480,
        call_count=9,
        call_records=records,
    )
    timeline = Timeline()
    timeline.waits.append(Wait(390, 90, "flow.wait_pipeline: look 1, next in 5 s"))
    name = "workflows/deploy_and_wait_for_an_approval.lua"
    subject = Subject(name, f"print('{evil}')\nerror('boom')\n", ("branch",))
    return page(run, timeline, subject, datetime(2026, 11, 25, 16, tzinfo=UTC))
