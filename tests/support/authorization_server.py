"""A small authorization server on loopback: registration, consent, PKCE, codes that are used once.

It is strict where RFC 6749, 7591 and 7636 are, so that a client that forgets a rule fails.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

TOKEN = "ccipat_0123456789abcdef"


class AuthorizationServer:
    """`refusal` is the error that the consent page answers; `scopes` are announced if any."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.code_lifetime_s = 60.0
        self.scopes: list[str] = []
        self.register_status = 201
        self.me_status = 200
        self.expires_in: Any = 7_776_000
        self.scope: str | None = None
        self.clients: dict[str, list[str]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.authorized: list[dict[str, str]] = []
        self.issued: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def register(self, client: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        uris = client.get("redirect_uris") or []
        ports = [urlsplit(uri).port or 0 for uri in uris]
        loopback = all(urlsplit(uri).hostname == "127.0.0.1" for uri in uris)
        if not uris or not loopback or not all(1025 <= port <= 65535 for port in ports):
            return 400, {"error": "invalid_redirect_uri"}
        if client.get("grant_types") != ["authorization_code"] or "client_name" not in client:
            return 400, {"error": "invalid_client_metadata"}
        client_id = secrets.token_hex(8)
        self.clients[client_id] = uris
        return self.register_status, {"client_id": client_id}

    def authorize(self, query: dict[str, str]) -> str | None:
        """Return where the browser is redirected to; None for a request that is not valid."""
        uris = self.clients.get(query.get("client_id", ""), [])
        if query.get("redirect_uri") not in uris or query.get("response_type") != "code":
            return None
        if query.get("code_challenge_method") != "S256" or not query.get("state"):
            return None
        self.authorized.append(query)
        answer = {"state": query["state"]}
        if self.refusal is not None:
            answer |= {"error": self.refusal, "error_description": "The user said no."}
        else:
            code = secrets.token_hex(8)
            self.codes[code] = {**query, "until": time.monotonic() + self.code_lifetime_s}
            answer["code"] = code
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        code = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            form.get("grant_type") != "authorization_code"
            or code is None
            or time.monotonic() > code["until"]
            or code["client_id"] != form.get("client_id")
            or code["redirect_uri"] != form.get("redirect_uri")
            or code["code_challenge"] != challenge
        ):
            return 400, {"error": "invalid_grant", "error_description": "the code has expired"}
        self.issued.append(TOKEN)
        answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": self.expires_in}
        return 200, answer if self.scope is None else {**answer, "scope": self.scope}


def _handler(server: AuthorizationServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/oauth/authorize":
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                target = server.authorize(query)
                self._answer(400 if target is None else 302, {}, target)
            elif parts.path == "/.well-known/oauth-authorization-server" and server.scopes:
                self._answer(200, {"scopes_supported": server.scopes})
            elif parts.path == "/api/v2/me" and self.headers["Circle-Token"] in server.issued:
                self._answer(server.me_status, {"login": "ada", "id": "u"})
            else:
                self._answer(404, {"message": "Not found"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/oauth/register":
                self._answer(*server.register(json.loads(body)))
            elif self.path == "/oauth/token":
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                self._answer(*server.token({k: v[0] for k, v in parse_qs(body).items()}))
            else:
                self._answer(404, {"message": "Not found"})

        def _answer(self, status: int, value: dict[str, Any], location: str | None = None) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
