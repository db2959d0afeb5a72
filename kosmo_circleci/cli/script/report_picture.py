"""The report's timeline: calls and waits as bars, drawn in parts of the available width.

Places and widths are percentages and there is no `viewBox`, so that the picture fits a telephone
without a scrollbar and its letters stay letters. A label is HTML, which ends in `…` where it must.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from kosmo_circleci.cli.script.report_html import duration, empty, escaped
from kosmo_circleci.cli.script.timeline import Placed, Wait

_MAX_BARS: Final = 2000
_LANE: Final = 22
_BAR: Final = 18
_AXIS: Final = 22
_TICKS: Final = 5
_STEPS_MS: Final = tuple(factor * 10**power for power in range(8) for factor in (1, 2, 5))


def picture(calls: Sequence[Placed], waits: Sequence[Wait], total_ms: float) -> str:
    """Return the picture of a run that took `total_ms`; lanes are rows of calls in flight at once.

    Waits of `flow` are the first row, where there were any.
    """
    if not calls and not waits:
        return empty("No request was sent.")
    drawn, waited = calls[:_MAX_BARS], waits[:_MAX_BARS]
    ends = [each.record.started_ms + each.record.duration_ms for each in drawn]
    end_ms = max([total_ms, 1.0, *ends, *(each.started_ms + each.duration_ms for each in waited)])
    top = _LANE if waited else 0
    lanes = 1 + max((each.lane for each in drawn), default=-1)
    height = top + lanes * _LANE
    shapes = [
        *_grid(end_ms, height),
        *(_wait(each, end_ms) for each in waited),
        *(_call(each, end_ms, top) for each in drawn),
    ]
    left_out = len(calls) + len(waits) - len(drawn) - len(waited)
    note = empty(f"The first {_MAX_BARS} calls are drawn.") if left_out else ""
    return (
        f"{_legend(bool(waited), drawn)}"
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="100%" '
        f'height="{height + _AXIS}" aria-label="Calls over time, one row for each call in flight">'
        f"{''.join(shapes)}</svg>{note}"
    )


def _legend(has_waits: bool, calls: Sequence[Placed]) -> str:
    kinds = []
    if any(each.record.status == "ok" for each in calls):
        kinds.append(("call", "call"))
    if any(each.record.status != "ok" for each in calls):
        kinds.append(("failed", "failed call"))
    if has_waits:
        kinds.append(("wait", "flow waits"))
    items = "".join(f'<li class="{kind}">{text}</li>' for kind, text in kinds)
    return f'<ul class="legend">{items}</ul>'


def _grid(end_ms: float, height: int) -> Iterable[str]:
    step_ms = next((step for step in _STEPS_MS if end_ms / step <= _TICKS), _STEPS_MS[-1])
    for number in range(int(end_ms / step_ms) + 1):
        x = _percent(number * step_ms, end_ms)
        anchor = "start" if number == 0 else "end" if x > 92 else "middle"
        yield f'<line class="grid" x1="{x:.3f}%" x2="{x:.3f}%" y1="0" y2="{height}"/>'
        yield (
            f'<text class="axis" x="{x:.3f}%" y="{height + 15}" text-anchor="{anchor}">'
            f"{duration(number * step_ms) if number else '0'}</text>"
        )


def _call(call: Placed, end_ms: float, top: int) -> str:
    record = call.record
    kind = "call" if record.status == "ok" else "call failed"
    status = f"{record.status} {record.http_status or ''}".strip()
    again = f", {record.attempts} attempts" if record.attempts > 1 else ""
    title = f"{record.function}: {status}, {duration(record.duration_ms)}{again}\n"
    return _bar(
        kind,
        (record.started_ms, record.duration_ms, end_ms),
        top + call.lane * _LANE,
        record.function.rpartition(".")[2],
        title + record.arguments,
    )


def _wait(wait: Wait, end_ms: float) -> str:
    times = (wait.started_ms, wait.duration_ms, end_ms)
    return _bar("wait", times, 0, wait.text, f"{wait.text}\n{duration(wait.duration_ms)}")


def _bar(kind: str, times_ms: tuple[float, float, float], y: int, label: str, title: str) -> str:
    started_ms, duration_ms, end_ms = times_ms
    x, width = _percent(started_ms, end_ms), _percent(duration_ms, end_ms)
    text = ""
    if width > 3:  # less is a letter or two: the title has it all
        text = (
            f'<foreignObject x="{x:.3f}%" y="{y + 2}" width="{width:.3f}%" height="{_BAR}">'
            f'<div class="name">{escaped(label)}</div></foreignObject>'
        )
    return (
        f'<g><title>{escaped(title)}</title><rect class="{kind}" x="{x:.3f}%" y="{y + 2}" '
        f'width="{max(width, 0.15):.3f}%" height="{_BAR}" rx="3"/>{text}</g>'
    )


def _percent(part_ms: float, whole_ms: float) -> float:
    return min(100.0, 100 * part_ms / whole_ms)
