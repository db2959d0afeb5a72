"""`--report`: a run as one self-contained HTML page, without scripts and without a network.

Every text on the page comes from a script or from a server, so every text is escaped; the page's
own content policy would keep anything that slipped through from running or being fetched. Every
text is cut, too: the page of a run that printed 16 MB is to be read, not to be loaded.
"""

import datetime
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.cli.script import report_calls
from kosmo_circleci.cli.script.report_html import (
    MAX_TEXT,
    block,
    breakable,
    count,
    cut,
    duration,
    escaped,
)
from kosmo_circleci.cli.script.report_picture import picture
from kosmo_circleci.cli.script.timeline import Timeline, placed
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.version import __version__

_TEMPLATE: Final = Path(__file__).with_name("report.html")
_MAX_LINES: Final = 10_000


class Subject(NamedTuple):
    """What the page is about: the script's name and text (secrets masked), the names in `args`."""

    name: str
    source: str
    args: tuple[str, ...] = ()


def page(run: Run, timeline: Timeline, subject: Subject, at: datetime.datetime) -> str:
    """Return the page of a run; `at` is when it began, as it is to be shown."""
    records = timeline.records(run)
    parts = {
        "title": escaped(f"kosmo: {subject.name}"),
        "name": breakable(subject.name),
        "state": "ok" if run.success else "error",
        "verdict": escaped("succeeded" if run.success else f"failed ({run.error_type})"),
        "facts": escaped(" · ".join(_facts(run, subject, at))),
        "summary": report_calls.figures(run, records, timeline.waits),
        "error": _error(run.error),
        "failures": report_calls.failures(records),
        "timeline": picture(placed(records), timeline.waits, run.execution_time_ms),
        "output": block(timeline.printed(run), "Nothing was printed."),
        "result": block(_pretty(run.result_json), "The script returned nothing."),
        "functions": report_calls.by_function(records),
        "calls": report_calls.every_call(records, timeline.left_out),
        "script": _script(subject.source),
    }
    return Template(_TEMPLATE.read_text("utf-8")).substitute(parts)


def _facts(run: Run, subject: Subject, at: datetime.datetime) -> list[str]:
    facts = [
        at.strftime("%Y-%m-%d %H:%M:%S %Z").strip(),
        duration(run.execution_time_ms),
        count(run.call_count, "call"),
        f"{run.memory_usage / 1024:,.0f} KiB of Lua memory",
    ]
    if subject.args:
        facts.append(f"args: {', '.join(subject.args)}")
    if run.simulated:
        facts.append("simulated")
    if run.permission_bypassed:
        facts.append("policy lifted by --force")
    return [*facts, f"kosmo-circleci {__version__}"]


def _error(error: str | None) -> str:
    if error is None:
        return ""
    text = escaped(cut(error))
    return f'<section id="error"><h2>Error</h2><pre class="error">{text}</pre></section>'


def _script(source: str) -> str:
    lines = cut(source.replace("\r\n", "\n").removesuffix("\n")).split("\n")
    shown = "".join(f"<li>{escaped(line)}\n</li>" for line in lines[:_MAX_LINES])
    more = len(lines) - _MAX_LINES
    note = f"<li>… {count(more, 'further line')} not shown.\n</li>" if more > 0 else ""
    return f"<pre><ol>{shown}{note}</ol></pre>"


def _pretty(result_json: str) -> str:
    """Return a result as the screen shows it; one that is cut anyway stays on its line."""
    if result_json == "null":
        return ""
    if len(result_json) > MAX_TEXT:
        return result_json
    value = jsonvalue.decode(result_json)
    return value if isinstance(value, str) else jsonvalue.encode(value, pretty=True)
