"""Hostile scripts; the table is in `attacks/`.

A case begins with `--# NAME :: OUTCOME|OUTCOME… [:: OPTIONS]`. An outcome is an error type and
words of its message, the name of a limit (see `LIMITS`), or `ok` and the result as JSON. Whatever
happens, what was printed before is in the envelope, time and memory stay bounded, and nothing is
left behind.

A case that may end at a limit runs through the real command, in a process of its own. Starting one
takes longer than the rest of the cases, so those follow one another in one isolated process, which
must outlive them all.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kosmo_circleci import Bridge, Limits
from kosmo_circleci.limits import MEBIBYTE

FIRST = 'print("so far"); '
HERE = Path(__file__).parent / "attacks"
HEADER = re.compile(r"^--# (?P<name>.+?) :: (?P<outcomes>.+?)(?: :: (?P<options>.*))?$", re.M)
LIMITS = {
    "cpu": ("limit", "Raise the limit with --cpu-limit SECONDS"),
    "memory": ("limit", "--memory-limit SIZE"),
    "timeout": ("limit", "Raise the limit with --timeout SECONDS"),
    "output": ("limit", "The script printed more than 16,777,216 bytes. Print less"),
    "regex": ("limit", "The pattern ran for more than"),
}
CPU_LIMIT_S = 0.1
MOST_BEYOND_THE_LIMIT_S = 2.0
MOST_MEMORY_BYTES = 300 * 1024 * 1024
ENVELOPE = (
    "success output result error error_type execution_time_ms memory_usage call_count call_log meta"
)


class Case(NamedTuple):
    """One attack: its code, and what may come of it."""

    name: str
    outcomes: tuple[str, ...]
    options: tuple[str, ...]
    code: str

    @property
    def limit_s(self) -> float:
        """The limit that must end it."""
        if "--timeout" in self.options:
            return float(self.options[self.options.index("--timeout") + 1])
        return self.cpu_limit_s

    @property
    def cpu_limit_s(self) -> float:
        """Seconds: time for a busy machine to reach another limit, where that one is meant."""
        return CPU_LIMIT_S if "cpu" in self.outcomes else 10 * CPU_LIMIT_S

    @property
    def world(self) -> tuple[str, ...]:
        """Where its calls go. In the simulator waiting takes no time."""
        return () if "--timeout" in self.options else ("--simulate",)

    @property
    def may_reach_a_limit(self) -> bool:
        """Whether it needs a process of its own."""
        return any(outcome.partition(" ")[0] in LIMITS for outcome in self.outcomes)


def _cases() -> Iterator[Case]:
    for file in sorted(HERE.glob("*.lua")):
        text = file.read_text(encoding="utf-8")
        headers = list(HEADER.finditer(text))
        ends = [each.start() for each in headers[1:]] + [len(text)]
        for header, end in zip(headers, ends, strict=True):
            name = f"{file.stem}: {header['name']}"
            options = tuple((header["options"] or "").split())
            code = text[header.end() + 1 : end]
            yield Case(name, tuple(header["outcomes"].split("|")), options, code)


CASES = {case.name: case for case in _cases()}


LIMITED = {name: case for name, case in CASES.items() if case.may_reach_a_limit}
OTHERS = {name: case for name, case in CASES.items() if not case.may_reach_a_limit}


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, measure: Any) -> Iterator[dict[str, Future[Any]]]:
    """What the command did with every case that this session asks for, a few at a time."""
    asked = {item.callspec.params.get("name") for item in request.session.items if _has_case(item)}
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 2) + 1)) as threads:
        futures = {
            name: threads.submit(
                measure,
                "--json",
                *case.world,
                *("--cpu-limit", str(case.cpu_limit_s), "--memory-limit", "32M", *case.options),
                code=FIRST + case.code,
            )
            for name, case in LIMITED.items()
            if name in asked
        }
        yield futures
        threads.shutdown(cancel_futures=True)


def _has_case(item: pytest.Item) -> bool:
    return hasattr(item, "callspec") and "name" in item.callspec.params


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    """One bridge for all cases: its isolated process stays warm from one to the next."""
    with Bridge(simulate=True) as shared:
        yield shared


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 270


@pytest.mark.parametrize("name", LIMITED)
def test_an_attack_on_a_limit_ends_the_command_as_the_table_says(
    name: str, ended: dict[str, Future[Any]]
) -> None:
    case, command = CASES[name], ended[name].result()
    assert command.stdout.count(b"\n") == 1
    envelope = json.loads(command.stdout)

    assert " ".join(envelope).removesuffix(" log").removesuffix(" traceback") == ENVELOPE
    assert any(_came_true(outcome, envelope) for outcome in case.outcomes), envelope
    assert envelope["output"].startswith("so far")
    assert command.exit_code == (0 if envelope["success"] else 1)
    assert command.stderr == b""
    assert command.left_behind == []
    assert command.cpu_s <= case.limit_s + MOST_BEYOND_THE_LIMIT_S
    assert command.seconds <= case.limit_s + MOST_BEYOND_THE_LIMIT_S
    if sys.platform == "linux":
        assert command.peak_bytes < MOST_MEMORY_BYTES


@pytest.mark.parametrize("name", OTHERS)
def test_an_attack_on_the_host_ends_as_the_table_says(name: str, bridge: Bridge) -> None:
    case = CASES[name]
    limits = Limits(memory_bytes=32 * MEBIBYTE, cpu_s=5.0)
    run = bridge.run(FIRST + case.code, name="stdin", limits=limits, isolate=True)
    envelope = json.loads(run.to_json())

    assert " ".join(envelope).removesuffix(" log").removesuffix(" traceback") == ENVELOPE
    assert any(_came_true(outcome, envelope) for outcome in case.outcomes), envelope
    assert envelope["output"].startswith("so far")
    after = bridge.run("return flow ~= nil and io == nil and #string.rep('x', 3)", isolate=True)
    assert after.result == 3


def _came_true(outcome: str, envelope: dict[str, Any]) -> bool:
    kind, _, words = outcome.partition(" ")
    if kind == "ok":
        return envelope["success"] and (not words or envelope["result"] == json.loads(words))
    kind, words = LIMITS.get(kind, (kind, words))
    return (
        envelope["error_type"] == kind
        and words in envelope["error"]
        and (envelope["success"], envelope["result"]) == (False, None)
    )
