"""Tasks as the protocol writes them: in the core of 2025-11-25, and as the extension of 2026-07-28.

Source of the latter: SEP-2663. An answer of the newer shape has the older names beside its own, as
the types of the SDK are the older ones.
"""

from datetime import datetime
from typing import Any, Final

import mcp_types as types
from mcp.server.context import HandlerResult

from kosmo_circleci.agent import questions
from kosmo_circleci.agent.running_call import Question
from kosmo_circleci.agent.tasks import Task

EXTENSION: Final = "io.modelcontextprotocol/tasks"

WITH_TASKS: Final = "2025-11-25"
"""The one revision whose core has tasks."""

POLL_MS: Final = 2000
"""How often a client is asked to poll."""

_CAPABILITY: Final[dict[str, Any]] = {
    "list": {},
    "cancel": {},
    "requests": {"tools": {"call": {}}},
}


def task(task: Task, kept_s: float) -> dict[str, Any]:
    """Return a task in the shape of 2025-11-25."""
    return dumped(
        types.Task(
            task_id=task.task_id,
            status=task.status,
            status_message=task.message or None,
            created_at=_time(task.created_at),
            last_updated_at=_time(task.updated_at),
            ttl=round(kept_s * 1000),
            poll_interval=POLL_MS,
        )
    )


def created(new: Task, kept_s: float) -> dict[str, Any]:
    """Return the answer to a call that became a task, in 2026-07-28."""
    return {"resultType": "task", **_modern(new, kept_s), "task": task(new, kept_s)}


def detailed(one: Task, kept_s: float, result: types.CallToolResult | None) -> dict[str, Any]:
    """Return a task in the shape of 2026-07-28, with its open question or its result."""
    fields = _modern(one, kept_s)
    if one.question is not None:
        request = questions.request_of(one.question.text)
        fields["inputRequests"] = {key(one.question): dumped(request)}
    if result is not None and not one.cancelled:
        fields["result"] = {"resultType": "complete", **dumped(result)}
    return fields


def key(question: Question) -> str:
    """Return what an answer to a question of a task is filed under; no two have the same."""
    return f"permission-{question.number}"


def with_capability(result: HandlerResult) -> HandlerResult:
    """Return the answer to `initialize` with the tasks of the revision that was agreed on."""
    if not isinstance(result, dict) or "capabilities" not in result:
        return result
    capabilities = {**result["capabilities"]}
    capabilities.pop("extensions", None)  # they belong to 2026-07-28
    if result.get("protocolVersion") == WITH_TASKS:
        capabilities["tasks"] = _CAPABILITY
    return {**result, "capabilities": capabilities}


def dumped(model: Any) -> dict[str, Any]:
    """Return one of the SDK's types as JSON, without the type of the result."""
    fields: dict[str, Any] = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    fields.pop("resultType", None)
    return fields


def _modern(one: Task, kept_s: float) -> dict[str, Any]:
    older = task(one, kept_s)
    # In 2026-07-28 a result with `isError` completes a task as any other does.
    status = "completed" if one.status == "failed" else one.status
    return {**older, "status": status, "ttlMs": older["ttl"], "pollIntervalMs": POLL_MS}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
