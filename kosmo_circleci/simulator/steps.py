"""The steps of a job, as a pure function of its plan and the time: nothing of them is stored.

A job's time is shared out among its steps: the one that does its work (`pytest`, the deployment)
gets what the others leave. A failing job fails in that step of its first parallel execution; the
other executions succeed.
"""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from kosmo_circleci.simulator import step_texts
from kosmo_circleci.simulator.entities import Job
from kosmo_circleci.simulator.outputs import Output, output
from kosmo_circleci.simulator.progress import FAILURES, JobProgress
from kosmo_circleci.simulator.step_templates import Template, templates_of
from kosmo_circleci.simulator.step_texts import Texts

StepOutcome: TypeAlias = Literal["succeeded", "failed", "timedout", "canceled"]

_SHELL: Final = "#!/bin/bash -eo pipefail\n"

_FIRST_NUM: Final = 101
"""The number of the checkout. The two steps before it are 0 and 99: the numbers have gaps."""

_OVERHEAD_S: Final = 1.0
_SILENCE_S: Final = 600

_TOLERANCE_S: Final = 0.001
"""Lengths are fractions of a second: what ends this close to the end of its job has ended."""


class Step(NamedTuple):
    """A step of one execution of a job, at one instant.

    `outcome` and `ended_s` are None until it ends; they stay None where the machine was lost.
    `exit_code` is None for a step without a command, and for one that was killed. The outputs are
    whole; `stdout_bytes` and `stderr_bytes` say how much of them there is yet. `condensed` is the
    part of the output about its error, empty if there was none.
    """

    num: int
    name: str
    type: str
    command: str | None
    outcome: StepOutcome | None
    exit_code: int | None
    started_s: float
    ended_s: float | None
    stdout: Output
    stderr: Output
    stdout_bytes: int
    stderr_bytes: int
    condensed: bytes


class _Span(NamedTuple):
    """When a step runs, and until when this is looked at: now, or the end of its job."""

    start_s: float
    length_s: float
    until_s: float

    @property
    def has_ended(self) -> bool:
        return self.start_s + self.length_s <= self.until_s + _TOLERANCE_S

    @property
    def part(self) -> float:
        return 1.0 if self.has_ended else (self.until_s - self.start_s) / self.length_s


def executions_of(job: Job, progress: JobProgress, revision: str, now_s: float) -> list[list[Step]]:
    """Return the steps of each parallel execution of the job, those that have begun.

    It is empty for an approval and for a job that no machine has begun to run. `revision` is the
    commit that is checked out.
    """
    if job.plan.is_approval or progress.started_s is None:
        return []
    until_s = float(now_s if progress.stopped_s is None else progress.stopped_s)
    return [
        [*_steps(job, progress, revision, execution, until_s)]
        for execution in range(job.plan.parallelism)
    ]


def status_of_execution(execution: int, progress: JobProgress) -> str:
    """Return the (v2) status of one parallel execution: only the first one of a job fails."""
    return "success" if execution and progress.status in FAILURES else progress.status


def _steps(
    job: Job, progress: JobProgress, revision: str, execution: int, until_s: float
) -> Iterator[Step]:
    ending = job.plan.outcome if execution == 0 else "success"
    templates = templates_of(job, revision, execution, fails=ending == "failed")
    start_s = float(progress.started_s or 0)
    if ending == "infrastructure_fail":
        yield _lost(templates[0], start_s)
        return
    if ending == "timedout":
        main = next(place for place, each in enumerate(templates) if each.is_main)
        del templates[main + 1 :]
    overhead_s = _overhead_s(job.plan.duration_s, len(templates))
    main_s = job.plan.duration_s - overhead_s * (len(templates) - 1)
    for place, template in enumerate(templates):
        if place and start_s >= until_s - _TOLERANCE_S:
            return
        span = _Span(start_s, main_s if template.is_main else overhead_s, until_s)
        killed = template.is_main and ending == "timedout"
        if killed:
            template = _killed(template, span)
        step = _step(_num(place), template, span)
        yield _ended(step, template, span, killed=killed, canceled=progress.status == "canceled")
        start_s += span.length_s


def _step(num: int, template: Template, span: _Span) -> Step:
    """Return the step as long as it runs."""
    stdout = output(template.texts.stdout, log_bytes=template.log_bytes)
    stderr = output(template.texts.stderr)
    return Step(
        num,
        template.name,
        template.type,
        None if template.command is None else _SHELL + template.command,
        None,
        None,
        span.start_s,
        None,
        stdout,
        stderr,
        stdout.size_at(span.part),
        stderr.size_at(span.part),
        b"",
    )


def _ended(step: Step, template: Template, span: _Span, *, killed: bool, canceled: bool) -> Step:
    """Return the step with its end, if that has come."""
    if not span.has_ended:
        return step._replace(outcome="canceled", ended_s=span.until_s) if canceled else step
    end_s = min(span.start_s + span.length_s, span.until_s)
    ended = step._replace(ended_s=end_s, condensed=output(template.texts.condensed).text)
    if killed:
        return ended._replace(outcome="timedout")
    return ended._replace(
        outcome="failed" if template.fails else "succeeded",
        exit_code=None if template.command is None else int(template.fails),
    )


def _killed(template: Template, span: _Span) -> Template:
    """Return the step as one that prints less, and is killed after it was silent."""
    seconds = int(min(_SILENCE_S, span.length_s))
    silence = f"{seconds // 60}m{seconds % 60}s"
    reason = step_texts.killed(silence)
    stdout = template.texts.stdout.partition("\n\n")[0] + reason
    return template._replace(texts=Texts(stdout, condensed=reason.lstrip()))


def _lost(template: Template, start_s: float) -> Step:
    """Return the one step of an execution whose machine was lost: it began, and never ended."""
    return _step(0, template, _Span(start_s, 2.0, start_s + 1.0))


def _overhead_s(duration_s: int, steps: int) -> float:
    """Return how long each step but the main one takes: a second, or half of the job for all."""
    return min(_OVERHEAD_S, duration_s / 2 / max(1, steps - 1))


def _num(place: int) -> int:
    return (0, 99)[place] if place < 2 else _FIRST_NUM + place - 2
