"""Credentials that CircleCI hands out: which fields of an answer are one, and where they may go."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

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


def may_fetch(url: str, origin: str, hosts: Iterable[str]) -> bool:
    """Return whether a URL that is itself a credential may be fetched, which is done without token.

    Allowed are the account's own `origin`, and over https the `hosts` of the manifest, where
    `*.example.com` means every subdomain of example.com and not that domain itself.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if not host or "@" in parts.netloc or not url.isprintable() or "\\" in url or " " in url:
        return False
    if f"{parts.scheme}://{parts.netloc}" == origin:
        return True
    return parts.scheme == "https" and port in (None, 443) and any(_is(host, h) for h in hosts)


def _is(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return host == pattern


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
