"""The authorization server: a client registers itself, a user agrees, a code becomes a token.

It is CircleCI's as far as it is documented (dynamic registration, a public client, PKCE with S256,
loopback redirects, 90 days, no refresh token), and RFC 6749, 7591, 7636 and 8414 for the rest. The
user at the browser is always `example-user`, who agrees or refuses as the mode says.
"""

import base64
import hashlib
import hmac
import html
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from kosmo_circleci.jsonvalue import JsonError, JsonValue, decode
from kosmo_circleci.simulator.answers import Answer, Refusal
from kosmo_circleci.simulator.oauth_tokens import (
    SCOPES,
    TOKEN_LIFETIME_S,
    clients,
    codes,
    issue,
    new_code,
    revoke,
)
from kosmo_circleci.simulator.requests import Request
from kosmo_circleci.simulator.seeded import EXAMPLE_USER
from kosmo_circleci.simulator.world import Row, World

SignInMode: TypeAlias = Literal["approve", "deny", "ask"]
"""What the user does: agrees at once, refuses at once, or is shown a page with both."""

_AUTHORIZE: Final = "/oauth/authorize"
_NO_STORE: Final = {"cache-control": "no-store"}
_LOWEST_PORT: Final = 1025

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated CircleCI</title></head>
<body><h1>Simulated CircleCI</h1><p>{client} asks to act for {user}.</p><ul>{choices}</ul></body>
</html>
"""


class _Fault(Exception):
    """An error of RFC 6749: its code, and what is wrong."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class _Grant(NamedTuple):
    """A request for a code that passed all checks."""

    client: Row
    challenge: str
    scope: str


def sign_in(world: World, request: Request, mode: SignInMode) -> Answer:
    """Answer a request to the authorization server; 404 and 405 for any other."""
    routes = {path: method for method, path in _ROUTES}
    if request.path == _AUTHORIZE and request.method == "GET":
        return _authorize(world, request, mode)
    handler = _ROUTES.get((request.method, request.path))
    if handler is None:
        if request.path in routes or request.path == _AUTHORIZE:
            allowed = routes.get(request.path, "GET")
            raise Refusal(405, "Method not allowed", headers={"allow": allowed})
        raise Refusal(404, "Not found")
    try:
        return handler(world, request)
    except _Fault as fault:
        return _error(fault)


def _metadata(world: World, request: Request) -> Answer:
    origin = request.origin
    return Answer(
        200,
        {
            "issuer": origin,
            "registration_endpoint": f"{origin}/oauth/register",
            "authorization_endpoint": f"{origin}{_AUTHORIZE}",
            "token_endpoint": f"{origin}/oauth/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": [*SCOPES],
        },
    )


def _register(world: World, request: Request) -> Answer:
    fields = _json(request)
    uris = fields.get("redirect_uris")
    if not isinstance(uris, list) or not uris or not all(map(_is_loopback, uris)):
        reason = f"expected http on 127.0.0.1, localhost or ::1 with a port from {_LOWEST_PORT}"
        raise _Fault("invalid_redirect_uri", reason)
    for key, only in (("grant_types", "authorization_code"), ("response_types", "code")):
        if fields.get(key, [only]) != [only]:
            raise _Fault("invalid_client_metadata", f"{key}: only {only} is supported")
    name = fields.get("client_name")
    if not isinstance(name, str) or not name:
        raise _Fault("invalid_client_metadata", "client_name: this field is required")
    row: Row = {
        "id": world.new_id(),
        "client_name": name,
        "redirect_uris": uris,
        "issued_s": world.now_s,
    }
    clients(world)[str(row["id"])] = row
    answer: dict[str, JsonValue] = {
        "client_id": row["id"],
        "client_name": name,
        "redirect_uris": uris,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    return Answer(201, answer, _NO_STORE)


def _authorize(world: World, request: Request, mode: SignInMode) -> Answer:
    query = {key: values[-1] for key, values in request.query.items()}
    client = clients(world).get(query.get("client_id", ""))
    redirect_uri = query.get("redirect_uri", "")
    if client is None or not _is_registered(client, redirect_uri):
        # Never a redirect: the address may be an attacker's.
        return _error(_Fault("invalid_request", "The client or its redirect_uri is unknown."))
    state = query.get("state", "")
    try:
        grant = _grant(client, query)
    except _Fault as fault:
        return _redirect(redirect_uri, _fields(fault), state)
    decision = {"approve": grant.scope, "ask": query.get("decision")}.get(mode, "deny")
    if decision is None:
        return _page(client, request)
    if decision not in SCOPES:
        denied = _Fault("access_denied", "The user refused.")
        return _redirect(redirect_uri, _fields(denied), state)
    code = new_code(world, grant.client, redirect_uri, grant.challenge, decision)
    return _redirect(redirect_uri, {"code": code}, state)


def _grant(client: Row, query: Mapping[str, str]) -> _Grant:
    if query.get("response_type") != "code":
        raise _Fault("unsupported_response_type", "response_type: expected code")
    if not query.get("code_challenge") or query.get("code_challenge_method") != "S256":
        raise _Fault("invalid_request", "A code_challenge of the method S256 is required.")
    scope = query.get("scope") or "write"
    if scope not in SCOPES:
        raise _Fault("invalid_scope", f"scope: expected one of {', '.join(SCOPES)}")
    return _Grant(client, query["code_challenge"], scope)


def _token(world: World, request: Request) -> Answer:
    form = dict(parse_qsl((request.body or b"").decode("utf-8", "replace")))
    if form.get("grant_type") != "authorization_code":
        raise _Fault("unsupported_grant_type", "grant_type: expected authorization_code")
    row = codes(world).get(form.get("code", ""))
    if row is None or world.now_s >= int(str(row["expires_s"])):
        raise _Fault("invalid_grant", "The code is unknown or has expired.")
    if row["token"] is not None:
        revoke(world, str(row["token"]))  # somebody has read the code: RFC 6749, section 4.1.2
        raise _Fault("invalid_grant", "The code was used before.")
    if form.get("client_id") != row["client_id"] or form.get("redirect_uri") != row["redirect_uri"]:
        raise _Fault("invalid_grant", "The code was issued to another client or redirect_uri.")
    if not hmac.compare_digest(_challenge(form.get("code_verifier", "")), str(row["challenge"])):
        raise _Fault("invalid_grant", "The code_verifier does not fit the code_challenge.")
    token = issue(world, str(row["client_id"]), str(row["scope"]))
    row["token"] = token
    answer: dict[str, JsonValue] = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME_S,
        "scope": row["scope"],
    }
    return Answer(200, answer, _NO_STORE)


def _json(request: Request) -> Mapping[str, JsonValue]:
    try:
        fields = decode(request.body or b"")
    except JsonError:
        fields = None
    if not isinstance(fields, dict):
        raise _Fault("invalid_client_metadata", "expected a JSON object")
    return fields


def _is_loopback(uri: JsonValue) -> bool:
    try:
        url = urlsplit(str(uri))
        port = url.port
    except ValueError:
        return False
    local = url.hostname in ("127.0.0.1", "localhost", "::1")
    return url.scheme == "http" and local and port is not None and port >= _LOWEST_PORT


def _is_registered(client: Row, redirect_uri: str) -> bool:
    uris = client["redirect_uris"]
    return isinstance(uris, list) and redirect_uri in uris


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _fields(fault: _Fault) -> dict[str, str]:
    return {"error": fault.error, "error_description": fault.description}


def _error(fault: _Fault) -> Answer:
    return Answer(400, {**_fields(fault)}, _NO_STORE)


def _redirect(uri: str, fields: Mapping[str, str], state: str) -> Answer:
    query = urlencode({**fields, **({"state": state} if state else {})})
    separator = "&" if urlsplit(uri).query else "?"
    return Answer(302, b"", {"location": f"{uri}{separator}{query}", **_NO_STORE})


def _page(client: Row, request: Request) -> Answer:
    query = {key: values[-1] for key, values in request.query.items()}
    choices = "".join(_choice(query, each) for each in (*SCOPES, "deny"))
    page = _PAGE.format(
        client=html.escape(str(client["client_name"])), user=EXAMPLE_USER.login, choices=choices
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        **_NO_STORE,
    }
    return Answer(200, page.encode(), headers)


def _choice(query: Mapping[str, str], decision: str) -> str:
    target = f"{_AUTHORIZE}?{urlencode({**query, 'decision': decision})}"
    return f'<li><a href="{html.escape(target)}">{decision}</a></li>'


_ROUTES: Final[Mapping[tuple[str, str], Callable[[World, Request], Answer]]] = {
    ("GET", "/.well-known/oauth-authorization-server"): _metadata,
    ("POST", "/oauth/register"): _register,
    ("POST", "/oauth/token"): _token,
}
