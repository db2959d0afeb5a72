"""`--trace`: a run as Chrome trace events, which Perfetto and chrome://tracing open.

Format: "Trace Event Format", JSON object form: complete events (`ph: X`), instants (`i`) and the
names of processes and threads (`M`). Times are microseconds since the run began.
"""

from kosmo_circleci import jsonvalue
from kosmo_circleci.call.model import CallRecord
from kosmo_circleci.cli.script.timeline import Notice, Timeline, Wait, placed
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.run.envelope import Run
from kosmo_circleci.version import __version__

_PROCESS = 1
_SCRIPT = 0


def chrome_trace(run: Run, timeline: Timeline, name: str) -> str:
    """Return the JSON text of a run's trace; `name` is what the run is called in it.

    Lane 0 is the script itself and what `flow` waits for; each further lane is one slot for a call
    in flight. Arguments are masked already.
    """
    calls = placed(timeline.records(run))
    lanes = 1 + max((call.lane for call in calls), default=-1)
    events: list[JsonValue] = [
        _named("process_name", _SCRIPT, f"kosmo {name}"),
        _named("thread_name", _SCRIPT, "script"),
        *(_named("thread_name", lane + 1, f"in flight {lane + 1}") for lane in range(lanes)),
        _script(run, name),
        *(_call(call.lane + 1, call.record) for call in calls),
        *map(_wait, timeline.waits),
        *map(_notice, timeline.notices),
    ]
    about: JsonValue = {
        "version": f"kosmo-circleci {__version__}",
        "call_count": run.call_count,
        "calls_left_out": timeline.left_out,
    }
    return jsonvalue.encode({"displayTimeUnit": "ms", "traceEvents": events, "otherData": about})


def _script(run: Run, name: str) -> JsonValue:
    return {
        "name": name,
        "cat": "script",
        "ph": "X",
        "ts": 0,
        "dur": _us(run.execution_time_ms),
        "pid": _PROCESS,
        "tid": _SCRIPT,
        "args": {
            "success": run.success,
            "error": run.error,
            "error_type": run.error_type,
            "simulated": run.simulated,
        },
    }


def _call(thread: int, record: CallRecord) -> JsonValue:
    return {
        "name": record.function.rpartition(".")[2],
        "cat": record.status,
        "ph": "X",
        "ts": _us(record.started_ms),
        "dur": _us(record.duration_ms),
        "pid": _PROCESS,
        "tid": thread,
        "args": {
            "function": record.function,
            "account": record.account,
            "status": record.status,
            "http_status": record.http_status,
            "attempts": record.attempts,
            "arguments": record.arguments,
        },
    }


def _wait(wait: Wait) -> JsonValue:
    return {
        "name": wait.text,
        "cat": "flow",
        "ph": "X",
        "ts": _us(wait.started_ms),
        "dur": _us(wait.duration_ms),
        "pid": _PROCESS,
        "tid": _SCRIPT,
    }


def _notice(notice: Notice) -> JsonValue:
    return {
        "name": notice.text,
        "cat": "flow",
        "ph": "i",
        "s": "t",
        "ts": _us(notice.at_ms),
        "pid": _PROCESS,
        "tid": _SCRIPT,
    }


def _named(kind: str, thread: int, name: str) -> JsonValue:
    return {"name": kind, "ph": "M", "pid": _PROCESS, "tid": thread, "args": {"name": name}}


def _us(milliseconds: float) -> int:
    return round(milliseconds * 1000)
