"""Permission questions to the user of an MCP client, in the form of either era of the protocol."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, cast

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from kosmo_circleci.agent.running_call import PATIENCE_S, Question, RunningCall
from kosmo_circleci.run.consent import CHOICES, safe_question
from kosmo_circleci.run.listener import Consent

STATE_S: Final = 600.0
"""How long a retry may take to arrive."""

MAX_OPEN: Final = 32
"""How many questions may wait for the retry that answers them."""

RELATED_TASK: Final = "io.modelcontextprotocol/related-task"
"""Where a message says which task it belongs to."""

_KEY: Final = "permission"
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "answer": {
            "type": "string",
            "title": "Answer",
            "enum": [each.consent for each in CHOICES],
            "enumNames": [each.label for each in CHOICES],
        }
    },
    "required": ["answer"],
}


def can_be_asked(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Say whether the client puts forms to its user: an empty `elicitation` means that it does."""
    capabilities = ctx.session.client_capabilities
    elicitation = None if capabilities is None else capabilities.elicitation
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def is_modern(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Say whether the request came without a session in which the server could ask back."""
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


async def elicited(
    ctx: ServerRequestContext[Any, Any],
    text: str,
    *,
    task_id: str | None = None,
    apart: bool = False,
) -> Consent:
    """Put a question to the client's user and wait for the answer: what is not a yes is a no.

    `task_id` is the task that asks. The question belongs to the request of `ctx`; one that is put
    `apart` outlives it.
    """
    related = None if apart else ServerMessageMetadata(related_request_id=ctx.request_id)
    try:
        result = await ctx.session.send_request(
            types.ElicitRequest(params=_form(text, task_id)),
            types.ElicitResult,
            request_read_timeout_seconds=PATIENCE_S,
            metadata=related,
        )
    except (MCPError, ValueError):
        return "no"
    return consent_of(result)


def request_of(text: str) -> types.ElicitRequest:
    """Return the question as a request that the client finds in an answer of the server."""
    return types.ElicitRequest(params=_form(text))


def _form(text: str, task_id: str | None = None) -> types.ElicitRequestFormParams:
    params = types.ElicitRequestFormParams(message=safe_question(text), requested_schema=_SCHEMA)
    if task_id is not None:
        params.meta = cast("types.RequestParamsMeta", {RELATED_TASK: {"taskId": task_id}})
    return params


class OpenQuestions:
    """The calls that wait for a retry of their request, by a state that is good for one answer.

    The SDK seals the state: it cannot be forged, nor used for other arguments or by another client.
    That it is used once is held here.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[RunningCall, Question]] = {}

    def open(self, call: RunningCall, question: Question) -> types.InputRequiredResult:
        """Return the result that asks the client's user and wants the request to be retried."""
        while len(self._open) >= MAX_OPEN:
            oldest, unanswered = self._open.pop(next(iter(self._open)))
            oldest.answer(unanswered, "no")
        state = secrets.token_urlsafe(16)
        self._open[state] = call, question
        requests: types.InputRequests = {_KEY: request_of(question.text)}
        return types.InputRequiredResult(input_requests=requests, request_state=state)

    def resume(self, state: str, responses: Mapping[str, Any] | None) -> RunningCall:
        """Return the call whose question the retry of its request answers, answered.

        Raises `MCPError` for a state that was used before, or whose question was given up.
        """
        call, question = self._open.pop(state, (None, None))
        if call is None or question is None:
            raise MCPError(
                code=types.INVALID_PARAMS,
                message="The question was answered before, or waited for too long. Nothing was "
                "done again; call the tool again.",
            )
        call.answer(question, consent_of((responses or {}).get(_KEY)))
        return call

    def forget(self, call: RunningCall) -> None:
        """Drop the question of a call that has ended without an answer."""
        self._open = {state: each for state, each in self._open.items() if each[0] is not call}


def consent_of(response: Any) -> Consent:
    """Return what a client's response means: nothing but a clear yes is one."""
    if not isinstance(response, types.ElicitResult) or response.action != "accept":
        return "no"
    answer = (response.content or {}).get("answer")
    return answer if answer in ("once", "run") else "no"  # type: ignore[return-value]
