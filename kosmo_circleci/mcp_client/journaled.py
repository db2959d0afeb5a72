"""A request to an MCP server as a journal takes it."""

from collections.abc import Mapping

from kosmo_circleci.call.journal import CallContent, JournalCall
from kosmo_circleci.call.permission import without_secret_keys
from kosmo_circleci.catalog.model import Kind
from kosmo_circleci.jsonvalue import JsonValue, encode


def journal_call(
    server: str, method: str, kind: Kind, params: Mapping[str, JsonValue], call_path: str
) -> JournalCall:
    """Return a request; whether a tool may be called twice is unknown.

    A tool without `readOnlyHint` is a write.
    """
    arguments = params.get("arguments", dict(params))
    shown = without_secret_keys(arguments) if isinstance(arguments, dict) else arguments
    return JournalCall(
        content=CallContent(call_path, server, method, "", (), dict(params)),
        call_path=call_path,
        kind=kind,
        request=f"{method} of the MCP server {server}",
        arguments=encode(shown),
        is_repeatable=kind == "read",
    )
