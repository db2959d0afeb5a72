"""The report's tables: what failed, what was called how often, and every call."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.cli.script.report_html import breakable, count, duration, empty, escaped
from kosmo_circleci.cli.script.timeline import Wait
from kosmo_circleci.run.envelope import Run

_MAX_ROWS: Final = 5000
_MAX_FAILURES: Final = 100
_MAX_FUNCTIONS: Final = 50


class Column(NamedTuple):
    """A column: its head, and whether it holds numbers."""

    head: str
    is_number: bool = False


_CALLS: Final = (
    *(Column("#", True), Column("Function"), Column("Account"), Column("Arguments")),
    *(Column("Status"), Column("Start", True), Column("Duration", True), Column("Attempts", True)),
)
_FUNCTIONS: Final = (
    *(Column("Function"), Column("Calls", True), Column("Failed", True)),
    *(Column("Total", True), Column("Longest", True)),
)


def figures(run: Run, records: Sequence[CallRecord], waits: Sequence[Wait]) -> str:
    """Return the run in figures, as a list of terms: what a reader wants to know first."""
    failed = sum(record.status == "error" for record in records)
    repeated = sum(max(0, record.attempts - 1) for record in records)
    terms = [
        ("Duration", duration(run.execution_time_ms), ""),
        ("Calls", f"{run.call_count:,}", ""),
        ("Failed", f"{failed:,}", "error" if failed else ""),
        ("Repeated requests", f"{repeated:,}", ""),
    ]
    effects = [f"{each:,} {effect}" for effect, each in run.writes._asdict().items() if each]
    if effects:
        terms.append(("Writes", ", ".join(effects), "error" if run.writes.unknown else ""))
    if waits:
        waited_ms = sum(wait.duration_ms for wait in waits)
        terms.append(("Waiting in flow", duration(waited_ms), ""))
    if records:
        longest = max(records, key=lambda record: record.duration_ms)
        terms.append(("Longest call", duration(longest.duration_ms), ""))
    items = "".join(
        f'<div><dt>{head}</dt><dd class="{kind}">{escaped(value)}</dd></div>'
        for head, value, kind in terms
    )
    return f"<dl>{items}</dl>"


def failures(records: Iterable[CallRecord]) -> str:
    """Return a section with the calls that failed, or nothing where none did."""
    numbered = [(n, each) for n, each in enumerate(records, 1) if each.status == "error"]
    if not numbered:
        return ""
    rows = [_call_row(number, record) for number, record in numbered[:_MAX_FAILURES]]
    more = len(numbered) - len(rows)
    note = empty(f"{count(more, 'further failed call')} below.") if more else ""
    return f'<section id="failures"><h2>Failed calls</h2>{_table(_CALLS, rows)}{note}</section>'


def by_function(records: Sequence[CallRecord]) -> str:
    """Return a section with a row for each function, the longest in total first."""
    if not records:
        return ""
    groups: dict[str, list[CallRecord]] = {}
    for record in records:
        groups.setdefault(record.function, []).append(record)
    totals = {name: sum(record.duration_ms for record in group) for name, group in groups.items()}
    names = sorted(totals, key=lambda name: -totals[name])[:_MAX_FUNCTIONS]
    rows = [_function_row(name, groups[name], totals[name]) for name in names]
    table = _table(_FUNCTIONS, rows)
    return f'<section id="functions"><h2>Calls by function</h2>{table}</section>'


def every_call(records: Sequence[CallRecord], left_out: int) -> str:
    """Return the table of all calls in the order of their start."""
    if not records:
        return empty("No request was sent.")
    shown = records[:_MAX_ROWS]
    hidden = len(records) - len(shown) + left_out
    rows = [_call_row(number, record) for number, record in enumerate(shown, 1)]
    note = empty(f"{count(hidden, 'further call')} not shown.") if hidden else ""
    return _table(_CALLS, rows) + note


def _function_row(name: str, group: list[CallRecord], total_ms: float) -> list[str]:
    failed = sum(record.status == "error" for record in group)
    return [
        _code(_short(name)),
        f"{len(group):,}",
        f'<span class="error">{failed:,}</span>' if failed else "0",
        duration(total_ms),
        duration(max(record.duration_ms for record in group)),
    ]


def _call_row(number: int, record: CallRecord) -> list[str]:
    status = f"{record.status} {record.http_status or ''}".strip()
    if record.kind == "write":
        status += f", {record.effect}"
    return [
        f"{number}",
        _code(_short(record.function)),
        breakable(record.account),
        _code(record.arguments),
        f'<span class="{record.status}">{escaped(status)}</span>',
        duration(record.started_ms),
        duration(record.duration_ms),
        f"{record.attempts}",
    ]


def _table(columns: Sequence[Column], rows: Iterable[list[str]]) -> str:
    """Return a table; `data-head` names a cell where a narrow screen shows rows as cards."""
    heads = "".join(f"<th{_kind(column)}>{column.head}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{_kind(column)} data-head="{column.head}">{cell}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _kind(column: Column) -> str:
    return ' class="number"' if column.is_number else ""


def _code(text: str) -> str:
    return f"<code>{breakable(text)}</code>"


def _short(name: str) -> str:
    """Return the function's path without what precedes every one."""
    return name.removeprefix("app.integrations.").removeprefix("circleci.")
