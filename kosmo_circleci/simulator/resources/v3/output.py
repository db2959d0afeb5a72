"""What the steps of a job printed: all of it, what comes after an offset, the part that matters."""

import re
from typing import Final

from kosmo_circleci.simulator.answers import Answer, Refusal, bad_request, not_found
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.envelopes import filter_text
from kosmo_circleci.simulator.outputs import Output
from kosmo_circleci.simulator.resources.v3.job import job_by_id
from kosmo_circleci.simulator.steps import Step, executions_of

_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?")

_BYTES: Final = "application/octet-stream"


def stdout(call: Call) -> Answer:
    """Answer `GET /jobs/{id}/stdout`: `X-Terminal: true` says that no more will come."""
    step = _step(call)
    complete = {"x-terminal": "true"} if step.outcome else {}
    return _part(call, step.stdout, step.stdout_bytes, complete)


def stderr(call: Call) -> Answer:
    """Answer `GET /jobs/{id}/stderr`."""
    step = _step(call)
    return _part(call, step.stderr, step.stderr_bytes, {})


def condensed(call: Call) -> Answer:
    """Answer `GET /jobs/{id}/stdout/condensed`: the lines about the error."""
    text = _step(call).condensed
    if not text:
        raise not_found("Output")
    return Answer(200, text, {"content-type": _BYTES})


def _part(call: Call, output: Output, size_bytes: int, headers: dict[str, str]) -> Answer:
    """Return the bytes that the header `Range` names.

    Refuses a step without output (404), and a range past the end of what there is (416).
    """
    if size_bytes == 0:
        raise not_found("Output")
    headers = {"content-type": _BYTES, "accept-ranges": "bytes", **headers}
    match = _RANGE.fullmatch(call.headers.get("range", ""))
    if match is None:
        return Answer(200, output.read(0, size_bytes), headers)
    start = int(match[1])
    end = min(size_bytes, int(match[2]) + 1 if match[2] else size_bytes)
    if start >= size_bytes or end <= start:
        length = {"content-range": f"bytes */{size_bytes}"}
        raise Refusal(416, "Nothing follows that offset.", headers={**headers, **length})
    headers["content-range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    return Answer(206, output.read(start, end), headers)


def _step(call: Call) -> Step:
    workflow, job, progress = job_by_id(call)
    numbers = [_number(call, name) for name in ("execution", "step_num")]
    executions = executions_of(job, progress, workflow.pipeline.revision, call.world.now_s)
    if numbers[0] < len(executions):
        for step in executions[numbers[0]]:
            if step.num == numbers[1]:
                return step
    raise not_found("Step")


def _number(call: Call, name: str) -> int:
    text = filter_text(call, name) or ""
    if not text.isdigit():
        raise bad_request(f"filter[{name}]: expected an integer")
    return int(text)


ROUTES: Final[dict[str, Handler]] = {
    "get_job_stdout": stdout,
    "get_job_stderr": stderr,
    "get_job_stdout_condensed": condensed,
}
