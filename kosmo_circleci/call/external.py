"""Calls to other servers than CircleCI in a journal: a JSON value, or an error, is the answer."""

from collections.abc import Callable
from http import HTTPStatus

from kosmo_circleci.call.journal import CallJournal, JournalCall
from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.errors import Interrupted, KosmoError, LimitExceeded, NetworkError, ScriptError
from kosmo_circleci.jsonvalue import JsonValue, decode, encode

_JSON = {"content-type": "application/json"}


def external_answer(
    journal: CallJournal, call: JournalCall, perform: Callable[[], JsonValue]
) -> JsonValue:
    """Return the recorded answer of `call`, or that of `perform`, which is recorded.

    An error by which the server refused the call is an answer too. Raises `JournalError`, and what
    `perform` raises or has raised.
    """
    entry = journal.begin(call)
    if entry.answer is not None:
        return _value(entry.answer[-1])
    try:
        value = perform()
    except KosmoError as error:
        if isinstance(error, NetworkError | LimitExceeded | Interrupted):
            journal.failed(entry, error, sent=True)
        else:
            body = encode(error.fields()).encode()
            journal.answered(entry, (ApiResponse(HTTPStatus.BAD_REQUEST, _JSON, body),))
            journal.refused(entry, error)
        raise
    journal.answered(entry, (ApiResponse(HTTPStatus.OK, _JSON, encode(value).encode()),))
    return value


def _value(response: ApiResponse) -> JsonValue:
    value = decode(response.body)
    if response.status == HTTPStatus.OK:
        return value
    assert isinstance(value, dict)
    name = value.get("function_name")
    raise ScriptError(str(value["message"]), function_name=None if name is None else str(name))
