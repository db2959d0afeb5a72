"""`--report`: a run as one self-contained HTML page, without scripts and without a network.

Every text on the page comes from a script or from a server, so every text is escaped; the page's
own content policy would keep anything that slipped through from running or being fetched.
"""

import datetime
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final, NamedTuple

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.cli.script.timeline import Placed, Timeline, placed
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.version import __version__

_TEMPLATE: Final = Path(__file__).with_name("report.html")
_MOST_TEXT: Final = 1024 * 1024
_MOST_BARS: Final = 2000
_MOST_ROWS: Final = 5000
_LANE: Final = 22
_LEFT: Final = 60
_WIDTH: Final = 1080
_STEPS_MS: Final = tuple(factor * 10**power for power in range(8) for factor in (1, 2, 5))
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Subject(NamedTuple):
    """What the page is about: the script's name and text (secrets masked), the names in `args`."""

    name: str
    source: str
    args: tuple[str, ...] = ()


def page(run: Run, timeline: Timeline, subject: Subject, at: datetime.datetime) -> str:
    """Return the page of a run; `at` is when it began, as it is to be shown."""
    calls = placed(timeline.records(run))
    parts = {
        "title": f"kosmo: {subject.name}",
        "state": "ok" if run.success else "error",
        "verdict": "succeeded" if run.success else f"failed ({run.error_type})",
        "facts": " · ".join(_facts(run, subject, at)),
    }
    blocks = {
        "error": _error(run.error),
        "timeline": _picture(calls, run.execution_time_ms),
        "output": _text(timeline.output(run), "Nothing was printed."),
        "result": _text(_pretty(run.result_json), "The script returned nothing."),
        "calls": _table([call.record for call in calls], timeline.left_out),
        "script": _script(subject.source),
    }
    escaped = {name: _escaped(text) for name, text in parts.items()}
    return Template(_TEMPLATE.read_text("utf-8")).substitute(escaped | blocks)


def _facts(run: Run, subject: Subject, at: datetime.datetime) -> list[str]:
    facts = [
        at.strftime("%Y-%m-%d %H:%M:%S %Z").strip(),
        f"{_duration(run.execution_time_ms)}",
        f"{run.call_count} call{'' if run.call_count == 1 else 's'}",
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
    return f'<section id="error"><h2>Error</h2><pre class="error">{_escaped(error)}</pre></section>'


def _text(text: str, if_empty: str) -> str:
    if not text:
        return f'<p class="empty">{escape(if_empty)}</p>'
    return f"<pre>{_escaped(_cut(text))}</pre>"


def _script(source: str) -> str:
    text = _cut(source.replace("\r\n", "\n").removesuffix("\n"))
    lines = "".join(f"<li>{_escaped(line)}\n</li>" for line in text.split("\n"))
    return f"<pre><ol>{lines}</ol></pre>"


def _pretty(result_json: str) -> str:
    if result_json == "null":
        return ""
    value = jsonvalue.decode(result_json)
    return value if isinstance(value, str) else jsonvalue.encode(value, pretty=True)


def _table(records: Sequence[CallRecord], left_out: int) -> str:
    if not records:
        return '<p class="empty">No request was sent.</p>'
    shown = records[:_MOST_ROWS]
    hidden = len(records) - len(shown) + left_out
    rows = "".join(map(_row, range(1, len(shown) + 1), shown))
    heads = ("#", "Function", "Account", "Arguments", "Status", "Start", "Duration", "Attempts")
    head = "".join(f"<th>{each}</th>" for each in heads)
    more = f'<p class="empty">{hidden} further calls are not shown.</p>' if hidden else ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{more}"
    )


def _row(number: int, record: CallRecord) -> str:
    cells = (
        f'<td class="number">{number}</td>',
        f'<td><code title="{_escaped(record.function)}">{_escaped(_short(record))}</code></td>',
        f"<td>{_escaped(record.account)}</td>",
        f"<td><code>{_escaped(record.arguments)}</code></td>",
        f'<td class="{record.status}">{_status(record)}</td>',
        f'<td class="number">{_duration(record.started_ms)}</td>',
        f'<td class="number">{_duration(record.duration_ms)}</td>',
        f'<td class="number">{record.attempts}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _status(record: CallRecord) -> str:
    return f"{record.status} {record.http_status or ''}".strip()


def _short(record: CallRecord) -> str:
    """Return the function's path without what stands in front of every one."""
    return record.function.removeprefix("app.integrations.").removeprefix("circleci.")


def _picture(calls: Sequence[Placed], total_ms: float) -> str:
    if not calls:
        return '<p class="empty">No request was sent.</p>'
    drawn = calls[:_MOST_BARS]
    end_ms = max(total_ms, *(each.record.started_ms + each.record.duration_ms for each in drawn), 1)
    lanes = 1 + max(each.lane for each in drawn)
    height = lanes * _LANE + 30
    scale = (_WIDTH - _LEFT - 20) / end_ms
    more = len(calls) - len(drawn)
    note = f'<p class="empty">The first {_MOST_BARS} calls are drawn.</p>' if more else ""
    shapes = "".join([*_grid(end_ms, scale, height), *(_bar(each, scale) for each in drawn)])
    names = "".join(
        f'<text class="lane" x="8" y="{lane * _LANE + 15}">{lane + 1}</text>'
        for lane in range(lanes)
    )
    return (
        f'<div class="scroll"><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="Calls over time, one row per call in flight" width="{_WIDTH}" '
        f'height="{height}" viewBox="0 0 {_WIDTH} {height}">{names}{shapes}</svg></div>{note}'
    )


def _grid(end_ms: float, scale: float, height: int) -> Iterable[str]:
    step_ms = next((step for step in _STEPS_MS if end_ms / step <= 8), _STEPS_MS[-1])
    for count in range(int(end_ms / step_ms) + 1):
        x = _LEFT + count * step_ms * scale
        yield (
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 24}"/>'
            f'<text class="axis" x="{x:.1f}" y="{height - 8}">{_duration(count * step_ms)}</text>'
        )


def _bar(call: Placed, scale: float) -> str:
    record = call.record
    x, y = _LEFT + record.started_ms * scale, call.lane * _LANE + 2
    width = max(2.0, record.duration_ms * scale)
    kind = "call" if record.status == "ok" else "call failed"
    name = record.function.rpartition(".")[2]
    label = ""
    if width > 7 * len(name) + 8:
        label = f'<text class="name" x="{x + 4:.1f}" y="{y + 13}">{_escaped(name)}</text>'
    title = (
        f"{record.function}: {_status(record)}, {_duration(record.duration_ms)}\n{record.arguments}"
    )
    return (
        f'<g><title>{_escaped(title)}</title><rect class="{kind}" x="{x:.1f}" y="{y}" '
        f'width="{width:.1f}" height="{_LANE - 4}" rx="3"/>{label}</g>'
    )


def _duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.3g} ms"
    return f"{milliseconds / 1000:.3g} s" if milliseconds < 1e6 else f"{milliseconds / 1000:.0f} s"


def _cut(text: str) -> str:
    if len(text) <= _MOST_TEXT:
        return text
    return f"{text[:_MOST_TEXT]}\n… {len(text) - _MOST_TEXT:,} further characters are not shown."


def _escaped(text: str) -> str:
    """Return text for HTML: escaped, with the characters HTML forbids made visible."""
    return escape(_FORBIDDEN.sub(_visible, text.replace("\r\n", "\n")))


def _visible(found: re.Match[str]) -> str:
    char = found[0]
    return chr(0x2400 + ord(char)) if char < " " else "\ufffd"
