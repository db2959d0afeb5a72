"""Scheme, host and port of a URL: what decides where a token may go."""

import re
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from kosmo_circleci.transport.wire import WireRequest, WireResponse

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")

_REDIRECTS: Final = {
    "GET": frozenset({301, 302, 303, 307, 308}),
    "other": frozenset({307, 308}),  # the others would turn a write into a GET
}


class Origin(NamedTuple):
    """Comparable: two URLs have the same origin or not."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> "Origin | None":
        """Return the origin of an absolute URL; None of one with credentials, or of no URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            return None
        if not parts.hostname or "@" in parts.netloc:
            return None
        return cls(parts.scheme, parts.hostname, port)


def is_sendable(text: str) -> bool:
    """Say whether `text` is printable ASCII without spaces, as URLs and tokens on the wire are."""
    return bool(_PRINTABLE.fullmatch(text))


def redirect_target(request: WireRequest, response: WireResponse) -> str | None:
    """Return the absolute URL a redirect leads to, without its fragment; None if it is not one."""
    location = response.headers.get("location", "")
    followed = _REDIRECTS.get(request.method, _REDIRECTS["other"])
    if response.status not in followed or not is_sendable(location) or "\\" in location:
        return None
    try:
        return urljoin(request.url, location).partition("#")[0]
    except ValueError:
        return None
