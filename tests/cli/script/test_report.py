"""`--report`: a run as one page that shows everything and executes nothing."""

import datetime
import tracemalloc
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord, Writes
from kosmo_circleci.cli.script.report import Subject, page
from kosmo_circleci.cli.script.report_html import MAX_TEXT, breakable, duration
from kosmo_circleci.cli.script.timeline import Timeline, Wait
from kosmo_circleci.run.envelope import Run

AT = datetime.datetime(2026, 11, 25, 16, 0, tzinfo=datetime.UTC)
HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(2)</script>&amp;\"'\x00\x1b[31m\ud800"
VOID = frozenset({"meta", "line", "rect", "img", "br", "link", "wbr"})


class Page(HTMLParser):
    """A page taken apart: its tags in order, its attributes, and the text of each section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.sections: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, name in self._open:
            if name is not None:
                self.sections[name] = self.sections.get(name, "") + data


def record(start_ms: float, duration_ms: float, arguments: str = "{}") -> CallRecord:
    name = "app.integrations.circleci.get_pipeline"
    return CallRecord(
        name,
        "circleci_get_pipeline",
        "default",
        "read",
        "none",
        "ok",
        200,
        duration_ms,
        1,
        start_ms,
        arguments,
    )


DEPLOY = Subject("deploy.lua", "print(1)\n")


def shown(run: Run, subject: Subject = DEPLOY) -> Page:
    return Page(page(run, Timeline(), subject, AT))


def test_a_run_without_calls_says_what_there_is_not() -> None:
    found = shown(Run(True, execution_time_ms=12.3, memory_usage=51234))
    assert found.sections == {
        "state": "succeeded",
        "summary": "Duration12 msCalls0Failed0Repeated requests0",
        "timeline": "TimelineNo request was sent.",
        "output": "OutputNothing was printed.",
        "result": "ResultThe script returned nothing.",
        "calls": "All callsNo request was sent.",
        "script": "Scriptprint(1)\n",
    }


def test_a_failed_run_shows_error_output_result_calls_and_script() -> None:
    run = Run(
        False,
        output="one\ntwo",
        error="deploy.lua:2: boom",
        error_type="runtime",
        call_count=2,
        call_records=(record(0, 1500, '{"a":1}'), record(0.5, 2)),
    )
    found = shown(run, Subject("deploy.lua", "line 1\r\nline 2", ("branch",)))
    assert found.sections["state"] == "failed (runtime)"
    assert found.sections["error"] == "Errordeploy.lua:2: boom"
    assert found.sections["output"] == "Outputone\ntwo"
    assert found.sections["script"] == "Scriptline 1\nline 2\n"
    assert found.sections["calls"] == (
        "All calls#FunctionAccountArgumentsStatusStartDurationAttempts"
        '1get_pipelinedefault{"a":1}ok 2000 ms1.5 s12get_pipelinedefault{}ok 2000.5 ms2 ms1'
    )
    assert found.tags.count("rect") == 2
    assert "failures" not in found.sections


def test_what_failed_precedes_everything_but_the_figures() -> None:
    failed = record(10, 40, '{"a":1}')._replace(status="error", http_status=404, attempts=3)
    run = Run(
        False,
        error="deploy.lua:2: boom",
        error_type="api",
        execution_time_ms=83_000,
        call_count=3,
        call_records=(record(0, 5), failed, record(60, 2)),
    )
    html = page(run, Timeline(), DEPLOY, AT)
    found = Page(html)
    assert list(found.sections) == [
        *("state", "summary", "error", "failures", "timeline", "output", "result", "functions"),
        *("calls", "script"),
    ]
    assert found.sections["summary"] == (
        "Duration83 sCalls3Failed1Repeated requests2Longest call40 ms"
    )
    assert found.sections["failures"] == (
        "Failed calls#FunctionAccountArgumentsStatusStartDurationAttempts"
        '2get_pipelinedefault{"a":1}error 40410 ms40 ms3'
    )
    assert found.sections["functions"] == (
        "Calls by functionFunctionCallsFailedTotalLongestget_pipeline3147 ms40 ms"
    )


def test_what_writes_did_is_summed_and_stands_at_each() -> None:
    done = record(0, 1)._replace(kind="write", effect="done")
    lost = record(1, 1)._replace(kind="write", effect="unknown", status="error", http_status=None)
    found = shown(
        Run(True, call_count=2, call_records=(done, lost), writes=Writes(done=1, unknown=1))
    )
    assert "Writes1 done, 1 unknown" in found.sections["summary"]
    assert "ok 200, done" in found.sections["calls"]
    assert "error, unknown" in found.sections["calls"]


def test_waits_are_drawn_and_summed() -> None:
    timeline = Timeline()
    timeline.waits += [Wait(10, 4000, "flow.wait: look 1"), Wait(5000, 116_000, "flow.wait <2>")]
    found = Page(page(Run(True, execution_time_ms=121_000), timeline, DEPLOY, AT))
    assert "Waiting in flow2 min" in found.sections["summary"]
    assert found.sections["timeline"].startswith("Timelineflow waits")
    assert "flow.wait <2>\n1 min 56 s" in found.sections["timeline"]
    assert ("class", "wait") in found.attributes


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.123, "0.12 ms"),
        (9.4, "9.4 ms"),
        (840, "840 ms"),
        (1500, "1.5 s"),
        (99_400, "99.4 s"),
        (200_000, "3 min 20 s"),
        (240_000, "4 min"),
        (7_500_000, "2 h 5 min"),
        (7_200_000, "2 h"),
    ],
)
def test_a_duration_is_written_as_people_read_it(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text


def test_a_name_may_break_behind_its_punctuation_and_nowhere_else() -> None:
    assert breakable("get_pipeline") == "get_<wbr>pipeline"
    assert breakable("a/b-c.lua") == "a/<wbr>b-<wbr>c.<wbr>lua"
    assert breakable("<x>") == "&lt;x&gt;"


@pytest.mark.parametrize(
    ("result_json", "text"),
    [
        ('"plain <text>"', "plain <text>"),
        ('{"b":[1],"a":"x"}', '{\n  "b": [\n    1\n  ],\n  "a": "x"\n}'),
    ],
)
def test_a_result_is_shown_as_on_the_screen(result_json: str, text: str) -> None:
    assert shown(Run(True, result_json=result_json)).sections["result"] == f"Result{text}"


def test_hostile_text_stays_text_wherever_it_stands() -> None:
    run = Run(
        False,
        output=HOSTILE,
        error=HOSTILE,
        error_type="runtime",
        call_records=(record(0, 5, HOSTILE)._replace(function=HOSTILE, account=HOSTILE),),
        call_count=1,
    )
    html = page(run, Timeline(), Subject(HOSTILE, HOSTILE, (HOSTILE,)), AT)
    found = Page(html)
    assert {"script", "img", "iframe", "link", "object", "a"} & set(found.tags) == set()
    names = {name for name, _ in found.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href")]
    readable = HOSTILE.replace("\x00", "␀").replace("\x1b", "␛").replace("\ud800", "�")
    assert found.sections["error"] == f"Error{readable}"
    assert found.sections["script"] == f"Script{readable}\n"
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    html.encode("utf-8")


def test_what_is_too_long_is_cut_and_says_so() -> None:
    records = tuple(record(number, 1) for number in range(6000))
    run = Run(True, output="x" * (MAX_TEXT + 5), call_records=records, call_count=6000)
    found = shown(run)
    assert found.sections["output"].endswith("\n… 5 further characters are not shown.")
    assert found.sections["timeline"].endswith("The first 2000 calls are drawn.")
    assert found.sections["calls"].endswith("1,000 further calls not shown.")


def test_the_page_stays_small_whatever_the_run_was() -> None:
    huge = "".join(f"line {number}\n" for number in range(600_000))
    records = tuple(record(number, 1, "x" * 200) for number in range(20_000))
    run = Run(
        False,
        output=huge,
        result_json=jsonvalue.encode(huge),
        error=huge,
        error_type="runtime",
        call_records=records,
        call_count=20_000,
    )
    tracemalloc.start()
    try:
        html = page(run, Timeline(), Subject("x", huge), AT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(html) < 8 * 1024 * 1024
    assert peak < 96 * 1024 * 1024


def test_the_command_writes_the_page_without_secrets(process: Any, tmp_path: Path) -> None:
    file, script = tmp_path / "run.html", tmp_path / "deploy.lua"
    script.write_text(
        "#!/usr/bin/env kosmo\n"
        "print(args.password)\n"
        "app.integrations.circleci.upsert_context_env_var({context_id = 'context-uuid',\n"
        "  env_var_name = 'A', value = 'hunter2!'})\n"
        "error('the token is ' .. 'CCIPAT_abc_0123456789')\n"
    )
    ended = process(
        *("integrations:lua", str(script), "--simulate", "--force", "--report", str(file)),
        *("--arg", "password=open-sesame"),
        env={"CIRCLECI_TOKEN": "CCIPAT_abc_0123456789"},
    )
    assert ended.code == 1
    found = Page(file.read_text())
    assert found.sections["state"] == "failed (runtime)"
    assert found.sections["error"] == f"Error{script}:5: the token is ***"
    assert found.sections["output"] == "Outputopen-sesame"  # the script's own doing
    assert "value = '***'" in found.sections["script"]
    assert "hunter2!" not in file.read_text()
    assert "CCIPAT" not in file.read_text()


SECRETIVE = """
local pass = "hunter2!" -- a comment
local slug = "gh/example-org/example-repo"
app.integrations.circleci.create_project_env_var(slug, "KEY", pass)
"""


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ("", ('"gh/example-org/example-repo"', 'local pass = "***"')),
        ("error('boom')", ('"gh/example-org/example-repo"', 'local pass = "***"')),
        # Killed in the middle of a C function: only that process knew which values are secrets.
        ("string.find(('a'):rep(3e4), ('.-'):rep(20) .. 'b')", ("Not shown", "the run was killed")),
    ],
)
def test_a_secret_that_only_the_run_knows_is_hidden_in_the_script(
    process: Any, tmp_path: Path, more: str, shown: tuple[str, ...]
) -> None:
    file = tmp_path / "run.html"
    options = ("--simulate", "--force", "--timeout", "1", "--report", str(file))
    ended = process("integrations:lua", *options, "-e", SECRETIVE + more)
    assert ended.code == (1 if more else 0)
    assert "hunter2!" not in file.read_text()
    found = Page(file.read_text())
    assert [each in found.sections["script"] for each in shown] == [True, True]
