"""Fetching what is not an API route: artifacts, exports, the presigned output of a step.

Such a URL leads to other hosts, and may itself be a credential. So it is fetched without a token
(but for the account's own origin, where the caller wants one), over https, from public addresses,
and no message shows more of it than its host. On loopback, where a simulator or a test server runs,
plain http and other ports count too, if the account itself is there.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from kosmo_circleci.addresses import is_address, is_loopback, is_public
from kosmo_circleci.call.model import Account
from kosmo_circleci.errors import ValidationError
from kosmo_circleci.jsonvalue import MAX_TEXT_BYTES
from kosmo_circleci.transport.origin import Origin, is_sendable, redirect_target
from kosmo_circleci.transport.wire import Reach, TransportError, WireRequest, WireResponse
from kosmo_circleci.wording import printable

MAX_REDIRECTS: Final = 5

Sink: TypeAlias = Callable[[], Callable[[bytes], None]]


class Download(NamedTuple):
    """One URL to be fetched with GET.

    `hosts` are the names it may lead to beside the account's own host, `*.` standing for any
    subdomain; None for any public host. `with_token` sends the account's token to the account's own
    origin, and never elsewhere. `byte_range` is the value of a `Range` header: `bytes=0-99`. The
    answer may have `max_bytes`. `sink` is called for each attempt that has content, and what it
    returns takes the pieces; without one they are the answer's body.
    """

    url: str
    hosts: Sequence[str] | None = None
    with_token: bool = False
    byte_range: str | None = None
    max_bytes: int = MAX_TEXT_BYTES
    sink: Sink | None = None


def first_request(download: Download, account: Account, user_agent: str) -> WireRequest:
    """Return the request for the URL. Raises `ValidationError` for one that may not be fetched."""
    url = download.url.partition("#")[0]
    reason = _refusal(url, download, account)
    if reason is not None:
        raise ValidationError(f"The URL {reason}, so nothing was sent.")
    headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
    if download.byte_range is not None:
        headers["Range"] = download.byte_range
    return _request(url, headers, download, account)


def next_request(
    request: WireRequest, response: WireResponse, download: Download, account: Account
) -> WireRequest | None:
    """Return the request a redirect asks for, or None for an answer that is not a redirect.

    Raises `TransportError` for a redirect to where the download may not lead.
    """
    target = redirect_target(request, response)
    if target is None:
        return None
    reason = _refusal(target, download, account)
    if reason is not None:
        raise Refused(f"it redirects to a URL that {reason}")
    headers = {k: v for k, v in request.headers.items() if k != "Circle-Token"}
    return _request(target, headers, download, account)


class Refused(TransportError):
    """A redirect that must not be followed; another attempt would meet the same one."""


def _request(
    url: str, headers: dict[str, str], download: Download, account: Account
) -> WireRequest:
    own = Origin.of(account.origin)
    origin = Origin.of(url)
    if download.with_token and account.token is not None and origin == own:
        headers = {**headers, "Circle-Token": account.token}
    reach: Reach = "public"
    if origin is not None and own is not None and origin.host == own.host:
        reach = "any"
    elif own is not None and is_loopback(own.host):
        reach = "public or loopback"
    return WireRequest(
        "GET", url, headers, max_body_bytes=download.max_bytes, sink=download.sink, reach=reach
    )


def _refusal(url: str, download: Download, account: Account) -> str | None:
    """Return why a URL may not be fetched, as the end of a sentence, or None."""
    origin, own = Origin.of(url), Origin.of(account.origin)
    if origin is None or own is None or not is_sendable(url) or "\\" in url:
        return "is not an absolute https URL"
    host, shown = origin.host, printable(origin.host)
    on_loopback = is_loopback(host) and is_loopback(own.host)
    if origin.scheme != "https" and not (origin.scheme == "http" and on_loopback):
        return f"of {shown} does not begin with https://"
    if host == own.host or on_loopback:
        return None
    if download.hosts is not None and not any(_matches(host, each) for each in download.hosts):
        return f"leads to {shown}, which is not a host that CircleCI's downloads come from"
    if is_loopback(host) or (is_address(host) and not is_public(host)):
        return f"leads to {shown}, which is not a public address"
    return None


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
