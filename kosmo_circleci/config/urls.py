"""Base URL forms -> origin."""

from typing import Final
from urllib.parse import urlsplit

from kosmo_circleci.addresses import is_loopback

DEFAULT_ORIGIN: Final = "https://circleci.com"
_PATHS: Final = frozenset({"", "/api", "/api/v2"})
_PORTS: Final = {"https": 443, "http": 80}


def is_server(origin: str) -> bool:
    """Say whether an origin is a CircleCI Server: neither circleci.com nor this machine."""
    host = urlsplit(origin).hostname or ""
    return origin != DEFAULT_ORIGIN and not is_loopback(host)


def origin(url: str) -> str:
    """Return `scheme://host[:port]` of a base URL.

    `https://host`, `https://host/api` and `https://host/api/v2` mean the same, with or without a
    slash at the end. Plain `http://` is accepted for loopback only. Raises `ValueError` saying what
    is wrong.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"'{text}' is not a URL: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"'{text}' is not a base URL; write it as https://host")
    if any(char <= " " or char == "\\" for char in text):
        raise ValueError(f"{text!r} holds a character no URL may hold")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL must not hold a user name or password")
    if parts.query or parts.fragment or parts.path.rstrip("/") not in _PATHS:
        raise ValueError(
            f"'{text}' has more than a host; write https://host or https://host/api/v2"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            f"'{text}' would send the token in the clear; use https:// "
            "(http:// is for loopback only)"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"
