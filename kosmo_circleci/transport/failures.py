"""What httpcore's failures mean, in a sentence: what broke, where, and what to do about it.

No sentence holds a path, a query or a header: those hold tokens.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpcore

from kosmo_circleci.transport.stream import OutOfReach

NEVER_SENT: Final = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
)
"""Failures before the server can have seen anything of the request."""

FAILURES: Final = (
    *NEVER_SENT,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)
"""Everything httpcore raises for an exchange that fails."""


def connect_failure(error: Exception, where: str, connect_timeout_s: float) -> str:
    """Return why nothing was sent to `where` (`host[:port]`); `error` is one of `NEVER_SENT`."""
    if isinstance(error, OutOfReach):
        return f"{where} has no public address"
    if isinstance(error, httpcore.ConnectTimeout):
        return f"no connection to {where} within {connect_timeout_s:g} s"
    if isinstance(error, httpcore.ProxyError):
        return f"the proxy would not connect to {where} ({error})"
    if isinstance(error, httpcore.LocalProtocolError | httpcore.UnsupportedProtocol):
        return f"the request to {where} is not valid HTTP"  # h11's own text quotes the headers
    sentences = (_system_failure(cause, where) for cause in _causes(error))
    return next((each for each in sentences if each), f"could not connect to {where}")


def _system_failure(cause: BaseException, where: str) -> str | None:
    """Return what an error of a socket or of TLS means, or None for any other exception."""
    match cause:
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {where} could not be verified ({cause.verify_message}); "
                "if an authority of your own signed it, set SSL_CERT_FILE to its certificate"
            )
        case ssl.SSLError():
            return f"the TLS handshake with {where} failed ({cause.reason or 'no answer'})"
        case socket.gaierror():
            return f"the host name of {where} could not be resolved (DNS: {cause.strerror})"
        case ConnectionRefusedError():
            return f"{where} refused the connection"
        case OSError():
            return f"could not connect to {where} ({cause.strerror or type(cause).__name__})"
    return None


def is_untrusted(error: Exception) -> bool:
    """Say whether the server's certificate could not be verified."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
