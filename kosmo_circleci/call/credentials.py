"""Credentials that CircleCI hands out: which fields of an answer are one.

A URL among them is fetched by `Executor.fetch` alone: without a token, from the manifest's
`credential_hosts` and the account's own host.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kosmo_circleci.catalog.model import Function
from kosmo_circleci.jsonvalue import JsonValue


class Credentials(NamedTuple):
    """The credentials of one answer, all to be masked.

    `in_result` are those the call is made for: a run's result shows them, nothing else does.
    """

    hidden: tuple[str, ...] = ()
    in_result: tuple[str, ...] = ()


def credentials_of(function: Function, value: JsonValue) -> Credentials:
    """Return what the manifest calls a credential in the decoded answer `value`."""
    hidden: list[str] = []
    in_result: list[str] = []
    for field in function.secret_answers:
        (in_result if field.in_result else hidden).extend(_texts(value, field.path))
    return Credentials(tuple(hidden), tuple(in_result))


def _texts(value: JsonValue, path: tuple[str, ...]) -> Iterator[str]:
    if not path:
        if isinstance(value, str) and value:
            yield value
        return
    if path[0] == "[]":
        for each in value if isinstance(value, list) else ():
            yield from _texts(each, path[1:])
    elif isinstance(value, dict):
        yield from _texts(value.get(path[0]), path[1:])
