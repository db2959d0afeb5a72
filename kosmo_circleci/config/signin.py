"""Signing in with a browser: OAuth 2 with a public client, and nothing secret in it but the code.

How it works (RFC 6749, 7591, 7636, 8252): the client registers itself with a redirect to a port of
this machine, and sends the browser to the server with the hash of a random verifier and a random
state. The user agrees there; the browser is redirected here with a code and the state (a redirect
with any other state was not caused by this sign-in). The code is exchanged for a token together
with the verifier, which only this process knows, so a code that was read on its way is worthless.

Everything is created afresh for each sign-in; nothing but the token is kept. The facts about
CircleCI's server (paths, 90 days, no refresh token) are those of its documentation.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlencode

from kosmo_circleci import jsonvalue
from kosmo_circleci.config.configuration import READ_SCOPE
from kosmo_circleci.config.file import usable_token
from kosmo_circleci.config.urls import DEFAULT_ORIGIN
from kosmo_circleci.errors import ConfigurationError
from kosmo_circleci.jsonvalue import JsonError, JsonValue
from kosmo_circleci.wording import printable, shorten

CLIENT_NAME: Final = "kosmo"

TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
"""How `token_expires` is written: in UTC, and in an order that sorts."""

AGAIN: Final = "Nothing was stored; run `kosmo login` again."

Send: TypeAlias = Callable[[str, str, Mapping[str, str], bytes | None], tuple[int, bytes]]
"""Sends method, URL, headers and body, and returns status and body. Raises `NetworkError`."""

_CLOUD_SERVER: Final = "https://app.circleci.com"


class SignIn(NamedTuple):
    """One sign-in under way. `state` and `verifier` are random and never shown."""

    server: str
    client_id: str
    redirect_uri: str
    state: str
    verifier: str
    scope: str | None = None

    def authorize_url(self) -> str:
        """Return the page where the user agrees."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": self.state,
        }
        if self.scope is not None:
            query["scope"] = self.scope
        return f"{self.server}/oauth/authorize?{urlencode(query)}"


class Token(NamedTuple):
    """What a sign-in gives. `expires_at` is an aware UTC datetime.

    `scope` is what the token may do: `read`, `write` or `admin`. Both are None where the server
    does not say.
    """

    value: str
    expires_at: datetime | None = None
    scope: str | None = None


def server_of(origin: str) -> str:
    """Return the authorization server of an account's base URL."""
    return _CLOUD_SERVER if origin == DEFAULT_ORIGIN else origin


def begin(server: str, redirect_uri: str, send: Send, *, read_only: bool = False) -> SignIn:
    """Register a client and return the sign-in. Raises `ConfigurationError` or `NetworkError`.

    `read_only` asks for the scope `read` where the server says that it has one; elsewhere the user
    chooses on the page.
    """
    scope = READ_SCOPE if read_only and READ_SCOPE in _scopes(server, send) else None
    registration: JsonValue = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    body = jsonvalue.encode(registration).encode()
    answer = send("POST", f"{server}/oauth/register", headers, body)
    client_id = _fields(answer, "register this program").get("client_id")
    if not isinstance(client_id, str) or not client_id:
        raise _unusable("names no client")
    return SignIn(
        server,
        client_id,
        redirect_uri,
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(64),
        scope,
    )


def exchange(signin: SignIn, code: str, send: Send, now: datetime) -> Token:
    """Return the token for the code of a redirect; `now` is an aware UTC datetime.

    Raises `ConfigurationError` or `NetworkError`.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": signin.redirect_uri,
        "client_id": signin.client_id,
        "code_verifier": signin.verifier,
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    answer = send("POST", f"{signin.server}/oauth/token", headers, urlencode(form).encode())
    fields = _fields(answer, "exchange the code for a token")
    value, seconds = fields.get("access_token"), fields.get("expires_in")
    if not isinstance(value, str) or not value.strip() or not usable_token(value):
        raise _unusable("holds no token")
    expires_at = None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e10:
        expires_at = now + timedelta(seconds=seconds)
    scope = fields.get("scope")
    return Token(value.strip(), expires_at, scope if isinstance(scope, str) and scope else None)


def _scopes(server: str, send: Send) -> list[JsonValue]:
    """Return the scopes the server announces (RFC 8414), none where it announces nothing."""
    url = f"{server}/.well-known/oauth-authorization-server"
    status, body = send("GET", url, {"Accept": "application/json"}, None)
    try:
        metadata = jsonvalue.decode(body) if status == 200 else None
    except JsonError:
        return []
    scopes = metadata.get("scopes_supported") if isinstance(metadata, dict) else None
    return scopes if isinstance(scopes, list) else []


def _fields(answer: tuple[int, bytes], what: str) -> dict[str, JsonValue]:
    status, body = answer
    try:
        fields = jsonvalue.decode(body)
    except JsonError:
        fields = None
    if 200 <= status < 300 and isinstance(fields, dict):
        return fields
    reason = f"HTTP {status}"
    if isinstance(fields, dict) and isinstance(fields.get("error"), str):
        reason = refusal_reason(fields.get("error"), fields.get("error_description"))
    raise ConfigurationError(f"The sign-in server did not {what} ({reason}). {AGAIN}")


def refusal_reason(error: object, description: object) -> str:
    """Return an OAuth error for a message: its code, and its description if it has one."""
    texts = [each for each in (error, description) if isinstance(each, str) and each]
    return printable(shorten(": ".join(texts), 200)).rstrip(".") or "no reason given"


def _unusable(what: str) -> ConfigurationError:
    return ConfigurationError(f"The answer of the sign-in server {what}. {AGAIN}")
