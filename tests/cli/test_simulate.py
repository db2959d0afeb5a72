"""The command circleci:simulate: its screen, its options, and how it ends."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 20.0
KOSMO = (sys.executable, "-m", "kosmo_circleci")
COMMAND = (*KOSMO, "circleci:simulate", "--port", "0")
GET_THE_NUMBER = "return app.integrations.circleci.get_pipeline('pipeline-uuid').number"

Start = Callable[..., "subprocess.Popen[str]"]
Kosmo = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts the simulator; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def first_object(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def me(url: str, token: str) -> tuple[int, str]:
    done = subprocess.run(
        [
            "curl",
            "-s",
            "-m9",
            "-w",
            "%{http_code}",
            "-H",
            f"Circle-Token: {token}",
            f"{url}/api/v2/me",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return int(done.stdout[-3:]), done.stdout[:-3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly_with_the_world_kept(
    start: Start, number: signal.Signals, tmp_path: Path
) -> None:
    path = tmp_path / "world.json"
    process = start("--json", "--state", str(path))
    way = first_object(process)
    answer = me(way["url"], way["environment"]["CIRCLECI_TOKEN"])
    assert answer == (200, '{"id":"user-uuid","login":"example-user","name":"Example User"}')
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert json.loads(path.read_bytes())["requests_answered"] == 1


def test_the_screen_says_what_is_in_it_and_how_to_use_it(start: Start) -> None:
    process = start("--speed", "60", "--rate-limit", "90/min", "--latency", "5ms")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8765", screen(process))
    assert text == SCREEN


def screen(process: "subprocess.Popen[str]") -> str:
    """Return what the command prints when it starts."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "Ctrl-C ends it.\n":
        lines.append(process.stdout.readline())
        assert lines[-1]
    return "".join(lines)


SCREEN = """\
A simulated CircleCI answers at http://127.0.0.1:8765. In another terminal:

  export CIRCLECI_TOKEN=simulated-token CIRCLECI_BASE_URL=http://127.0.0.1:8765

It begins with:

  user          user-uuid                  example-user
  organization  org-uuid                   gh/example-org
  project       project-uuid               gh/example-org/example-repo
  project       another-project-uuid       gh/example-org/another-repo
  context       context-uuid               gh/example-org production
  pipeline      setup-pipeline-uuid        gh/example-org/example-repo 45 setup/dynamic
  workflow      setup-workflow-uuid        setup: success
  pipeline      running-pipeline-uuid      gh/example-org/example-repo 44 main
  workflow      running-workflow-uuid      build-and-test: running
  workflow      integration-workflow-uuid  integration: failed
  pipeline      on-hold-pipeline-uuid      gh/example-org/example-repo 43 main
  workflow      on-hold-workflow-uuid      build-and-test: on_hold
  pipeline      pipeline-uuid              gh/example-org/example-repo 42 main
  workflow      workflow-uuid              build-and-test: success
  pipeline      failed-pipeline-uuid       gh/example-org/example-repo 41 fail/payments
  workflow      failed-workflow-uuid       build-and-test: failed

The branch decides how a pipeline ends:
  fail/… flaky/… hold/… slow/… error/… setup/… timeout/… infra/…
(see: kosmo integrations:docs simulator)
Simulated time runs 60 times as fast.
At most 90 requests a minute are answered.
Each answer takes 0.005 seconds.
Ctrl-C ends it.
"""


def test_a_server_says_that_it_is_one_and_has_no_v3(start: Start) -> None:
    text = screen(start("--server"))
    assert "\nIt is a CircleCI Server: API v2 and v1.1, no v3.\n" in text
    address = re.search(r"http://127\.0\.0\.1:\d+", text)
    assert address is not None
    command = ["curl", "-s", "-o/dev/null", "-w%{http_code}", "-HCircle-Token: simulated-token"]
    done = subprocess.run(
        [*command, f"{address[0]}/api/v3/orgs"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "404"


def test_the_bridge_itself_works_with_what_the_screen_exports(start: Start) -> None:
    way = first_object(start("--json", "--seed", "4"))
    assert (way["success"], way["seed"]) == (True, 4)
    assert {"kind": "context", "id": "context-uuid", "name": "gh/example-org production"} in way[
        "contents"
    ]
    done = subprocess.run(
        [*KOSMO, "integrations:lua", "--json", "-e", GET_THE_NUMBER],
        env=way["environment"] | {"HOME": "/nonexistent", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    envelope = json.loads(done.stdout)
    assert (envelope["error"], envelope["result"]) == (None, 42)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--rate-limit", "0", "'0' is not a number of requests a minute, such as 60/min"),
        ("--rate-limit", "60/hour", "'60/hour' is not a number of requests a minute"),
        ("--latency", "-1", "'-1' is not a time such as 200ms or 1.5s, ten minutes at most"),
        ("--latency", "1h", "'1h' is not a time such as 200ms"),
        ("--latency", "601s", "'601s' is not a time such as 200ms"),
        ("--fail-every", "0", "0 is not in the range x>=1"),
        ("--speed", "-1", "-1.0 is not in the range"),
        ("--port", "65536", "65536 is not in the range"),
        ("--seed", "x", "'x' is not a valid integer"),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error(
    kosmo: Kosmo, option: str, value: str, words: str
) -> None:
    ended = kosmo("circleci:simulate", option, value)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: Invalid value for '{option}': {words}")


def test_a_state_file_that_holds_no_world_is_left_alone(kosmo: Kosmo, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text("{}")
    ended = kosmo("circleci:simulate", "--port", "0", "--json", "--state", str(path))
    assert (ended.code, path.read_text()) == (1, "{}")
    assert ended.json == {
        "success": False,
        "error": f"The state file {path} does not hold a simulated world (expected a world of "
        "format 1). Name another file, or move this one away to start a new world.",
        "error_type": "configuration",
    }


def test_without_the_extra_the_error_names_it(
    kosmo: Kosmo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "waitress.server", None)
    ended = kosmo("circleci:simulate", "--port", "0")
    assert (ended.code, ended.out, ended.err) == (
        1,
        "",
        "error: The simulator over HTTP needs the extra 'simulator': pip install "
        "'kosmo-circleci[simulator]'. In a script, --simulate needs no extra.\n",
    )
