"""The filter of a search or an analysis: an expression about a run, compiled once for a request."""

from kosmo_circleci.simulator.answers import Refusal
from kosmo_circleci.simulator.calls import Call, JsonObject
from kosmo_circleci.simulator.entities import Pipeline
from kosmo_circleci.simulator.expressions import Environment, ExpressionError, parse
from kosmo_circleci.simulator.phases import run_state
from kosmo_circleci.simulator.world import World


class Filter:
    """The field `filter` of a body as a condition; without one it holds for everything."""

    def __init__(self, call: Call) -> None:
        """Read the expression. Refuses (400) one that cannot be read, and says where."""
        self._text = str(call.field("filter") or "")
        try:
            self._expression = parse(self._text) if self._text.strip() else None
        except ExpressionError as error:
            raise _refusal(error) from None

    def __call__(self, environment: Environment) -> bool:
        """Tell whether the filter holds. Refuses (400) an unknown variable or a wrong operand."""
        if self._expression is None:
            return True
        try:
            return self._expression(environment)
        except ExpressionError as error:
            raise _refusal(error) from None


def run_variables(world: World, pipeline: Pipeline, workflow_id: str | None = None) -> Environment:
    """Return the variables that filters know about a run, and one of its workflows."""
    return {
        "pipeline.id": pipeline.id,
        "pipeline.number": pipeline.number,
        "pipeline.status": run_state(world, pipeline).status,
        "pipeline.git.branch": pipeline.branch,
        "pipeline.git.tag": pipeline.tag,
        "pipeline.git.revision": pipeline.revision,
        "workflow.id": workflow_id,
    }


def _refusal(error: ExpressionError) -> Refusal:
    source: JsonObject = {"pointer": "/filter", "offset": error.offset, "error": str(error)}
    message = f"{error} at offset {error.offset}"
    return Refusal(400, message, title="Invalid filter expression", source=source)
