"""A simulated CircleCI as a WSGI application, for this machine alone."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

HOST: Final = "127.0.0.1"
"""The only address served: what is simulated is for this machine alone."""

_LOOPBACK_NAMES: Final = frozenset({HOST, "::1", "localhost"})

_REASONS: Final = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

Application: TypeAlias = "Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]"


def application(transport: SimulatorTransport) -> Application:
    """Return the WSGI application that answers as `transport` does."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = _answer(transport, environ)
        headers = [(name.title(), value) for name, value in response.headers.items()]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        start_response(f"{response.status} {_REASONS.get(response.status, '')}", headers)
        return [response.body]

    return answer


def _answer(transport: SimulatorTransport, environ: "WSGIEnvironment") -> WireResponse:
    foreign = _foreign_header(environ)
    if foreign is not None:
        return _fault(403, f"{foreign} does not name this machine. Use http://{HOST} and the port.")
    try:
        return transport.send(_request(environ))
    except TransportError as error:
        return _fault(503, str(error))
    except ConfigurationError as error:
        # The change was made but not saved, which the owner of the state file must learn.
        print(f"error: {error.message}", file=sys.stderr)
        return _fault(500, error.message)


def _request(environ: "WSGIEnvironment") -> WireRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = str(environ["CONTENT_TYPE"])
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else None
    # PATH_INFO is decoded already, and an encoded slash in a slug would be lost.
    target = str(environ["REQUEST_URI"])
    path = target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]
    host = headers.get("host") or f"{HOST}:{environ['SERVER_PORT']}"
    return WireRequest(str(environ["REQUEST_METHOD"]), f"http://{host}{path}", headers, body)


def _foreign_header(environ: "WSGIEnvironment") -> str | None:
    """Return the header that names another machine than this one, as `Host NAME`, or None.

    A web page can make a browser send requests here: its `Origin` is then that page's, or, if the
    page's own name was made to resolve to this machine (DNS rebinding), its `Host`.
    """
    host, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
    if host is not None and not _is_loopback(f"//{host}"):
        return f"Host {host}"
    if origin is not None and not _is_loopback(origin):
        return f"Origin {origin}"
    return None


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK_NAMES
    except ValueError:
        return False


def _fault(status: int, message: str) -> WireResponse:
    body = encode({"message": message}).encode()
    return WireResponse(status, {"content-type": "application/json"}, body)
