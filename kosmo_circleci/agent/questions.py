"""Permission questions to the user of an MCP client, in the form of either era of the protocol."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from kosmo_circleci.agent.running_call import RunningCall
from kosmo_circleci.run.consent import CHOICES, safe_question
from kosmo_circleci.run.listener import Consent

STATE_S: Final = 600.0
"""How long a retry may take to arrive."""

MAX_OPEN: Final = 32
"""How many questions may wait for the retry that answers them."""

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


async def elicited(ctx: ServerRequestContext[Any, Any], text: str) -> Consent:
    """Put a question to the client's user and wait for the answer; whatever is no answer is no."""
    try:
        result = await ctx.session.elicit_form(
            safe_question(text), _SCHEMA, related_request_id=ctx.request_id
        )
    except (MCPError, ValueError):
        return "no"
    return _consent(result)


class OpenQuestions:
    """The calls that wait for a retry of their request, by a state that is good for one answer.

    The SDK seals the state: it cannot be forged, nor used for other arguments or by another client.
    That it is used once is held here.
    """

    def __init__(self) -> None:
        self._calls: dict[str, RunningCall] = {}

    def open(self, call: RunningCall, text: str) -> types.InputRequiredResult:
        """Return the result that asks the client's user and wants the request to be retried."""
        while len(self._calls) >= MAX_OPEN:
            self._calls.pop(next(iter(self._calls))).answer("no")
        state = secrets.token_urlsafe(16)
        self._calls[state] = call
        params = types.ElicitRequestFormParams(
            message=safe_question(text), requested_schema=_SCHEMA
        )
        requests: types.InputRequests = {_KEY: types.ElicitRequest(params=params)}
        return types.InputRequiredResult(input_requests=requests, request_state=state)

    def resume(self, state: str, responses: Mapping[str, Any] | None) -> RunningCall:
        """Return the call whose question the retry of its request answers, answered.

        Raises `MCPError` for a state that was used before, or whose question was given up.
        """
        call = self._calls.pop(state, None)
        if call is None:
            raise MCPError(
                code=types.INVALID_PARAMS,
                message="The question was answered before, or waited for too long. Nothing was "
                "done again; call the tool anew.",
            )
        call.answer(_consent((responses or {}).get(_KEY)))
        return call

    def forget(self, call: RunningCall) -> None:
        """Drop the question of a call that has ended without an answer."""
        self._calls = {state: each for state, each in self._calls.items() if each is not call}


def _consent(response: Any) -> Consent:
    if not isinstance(response, types.ElicitResult) or response.action != "accept":
        return "no"
    answer = (response.content or {}).get("answer")
    return answer if answer in ("once", "run") else "no"  # type: ignore[return-value]
