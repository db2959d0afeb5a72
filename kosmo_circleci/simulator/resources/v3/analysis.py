"""Charges: the credits that jobs, workflows and pipelines of some projects used."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator import metrics
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.calls import Call, Handler
from kosmo_circleci.simulator.clock import second_of
from kosmo_circleci.simulator.entities import Project
from kosmo_circleci.simulator.envelopes import entity, many_by_body, reference
from kosmo_circleci.simulator.metrics import DAY_S, Window, WorkflowRun
from kosmo_circleci.simulator.resources.v3.filters import Filter, run_variables
from kosmo_circleci.simulator.resources.v3.run import scope_of

_DEFAULT_DAYS: Final = 14


class _Charge(NamedTuple):
    """What one job, workflow or pipeline used, by its name, in one project."""

    project: Project
    name: str
    runs: int
    credits: int

    @property
    def credits_per_run(self) -> float:
        return round(self.credits / self.runs, 3)


_FIELDS: Final[Mapping[str, Callable[[_Charge], str | float]]] = {
    "credits": lambda each: each.credits,
    "runs": lambda each: each.runs,
    "credits_per_run": lambda each: each.credits_per_run,
    "name": lambda each: each.name,
}
"""What charges are ordered by."""


def analyze_charges(call: Call) -> JsonValue:
    """Answer `POST /analysis/charges`: a row for each project and name, the dearest first."""
    projects, (start, end) = scope_of(call)
    field, descending = _order(str(call.field("order_by") or "credits desc"))
    end_s = second_of(end) if end else call.world.now_s
    window = Window(second_of(start) if start else end_s - _DEFAULT_DAYS * DAY_S, end_s)
    charges = [each for project in projects for each in _charges(call, project, window)]
    charges.sort(key=lambda each: (each.name, each.project.slug))
    charges.sort(key=_FIELDS[field], reverse=descending)
    return many_by_body(call, charges, _row)


def _charges(call: Call, project: Project, window: Window) -> list[_Charge]:
    totals: dict[str, tuple[set[str], int]] = {}
    for name, run_id, credits_used in _parts(call, project, window):
        runs, total = totals.get(name, (set(), 0))
        totals[name] = (runs | {run_id}, total + credits_used)
    return [_Charge(project, name, len(runs), total) for name, (runs, total) in totals.items()]


def _parts(call: Call, project: Project, window: Window) -> Iterator[tuple[str, str, int]]:
    """Yield the name that is analyzed, what counts as one run of it, and the credits used."""
    keep, analysis = Filter(call), call.text("analysis")
    for run in metrics.workflow_runs(call.world, project, window):
        if not keep(_variables(call, run)):
            continue
        if analysis == "charge.job":
            for job in metrics.job_runs([run]):
                yield job.job.plan.name, job.job.id, job.credits
        elif analysis == "charge.workflow":
            yield run.workflow.name, run.workflow.id, run.credits
        else:
            yield project.name, run.workflow.pipeline.id, run.credits


def _variables(call: Call, run: WorkflowRun) -> dict[str, str | int | bool | None]:
    return {**run_variables(call.world, run.workflow.pipeline, run.workflow.id)}


def _order(text: str) -> tuple[str, bool]:
    field, _, direction = text.partition(" ")
    if field not in _FIELDS or direction not in ("", "asc", "desc"):
        raise bad_request(f"order_by: expected one of {', '.join(_FIELDS)}, with asc or desc")
    return field, direction == "desc"


def _row(charge: _Charge) -> JsonValue:
    attributes: dict[str, JsonValue] = {
        "name": charge.name,
        "credits": charge.credits,
        "runs": charge.runs,
        "credits_per_run": charge.credits_per_run,
    }
    return entity(None, attributes, project=reference(charge.project.id))


ROUTES: Final[dict[str, Handler]] = {"analyze_charges": analyze_charges}
