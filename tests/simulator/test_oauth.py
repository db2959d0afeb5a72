"""The authorization server: registration, PKCE, codes that work once, tokens that end."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from kosmo_circleci.jsonvalue import decode, encode
from kosmo_circleci.simulator.oauth import SignInMode
from kosmo_circleci.simulator.transport import SimulatorTransport
from kosmo_circleci.transport.wire import WireRequest, WireResponse

ORIGIN = "http://127.0.0.1:8765"
REDIRECT = "http://127.0.0.1:40123/callback"
VERIFIER = "a-verifier-that-only-the-client-knows-and-that-is-long-enough"

REGISTRATION = {
    "client_name": "kosmo",
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
}


class Client:
    """A program that signs in, and the browser that it sends to the server."""

    def __init__(self, mode: SignInMode = "approve") -> None:
        self.transport = SimulatorTransport(sign_in=mode)
        self.client_id: str = self.register()[1]["client_id"]

    def send(self, method: str, path: str, body: Any = None, token: str = "") -> WireResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.transport.send(WireRequest(method, f"{ORIGIN}{path}", headers, body))

    def register(self, **changes: Any) -> tuple[int, Any]:
        body = encode({**REGISTRATION, **changes}).encode()
        answer = self.send("POST", "/oauth/register", body)
        return answer.status, decode(answer.body)

    def authorize(self, **changes: str | None) -> WireResponse:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": "a-state",
            **changes,
        }
        present = {key: value for key, value in query.items() if value is not None}
        return self.send("GET", f"/oauth/authorize?{urlencode(present)}")

    def code(self, **changes: str) -> str:
        return redirected(self.authorize(**changes))["code"]

    def exchange(self, code: str, changes: dict[str, str] | None = None) -> tuple[int, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": self.client_id,
            "code_verifier": VERIFIER,
            **(changes or {}),
        }
        answer = self.send("POST", "/oauth/token", urlencode(form).encode())
        assert answer.headers["cache-control"] == "no-store"
        return answer.status, decode(answer.body)

    def token(self, **changes: str) -> str:
        status, answer = self.exchange(self.code(**changes))
        assert status == 200, answer
        return str(answer["access_token"])


def redirected(answer: WireResponse) -> dict[str, str]:
    """Return what the browser brings back to the program."""
    assert (answer.status, answer.body) == (302, b"")
    address, _, query = answer.headers["location"].partition("?")
    assert address == REDIRECT
    return dict(parse_qsl(query))


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.transport.close()


def test_a_program_signs_in_and_uses_its_token(client: Client) -> None:
    back = redirected(client.authorize())
    assert back["state"] == "a-state"
    status, answer = client.exchange(back["code"])
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 7_776_000)
    assert "refresh_token" not in answer
    token = answer["access_token"]
    assert token.startswith("ccipat_")
    for version in ("v2/me", "v3/orgs", "v1.1/me"):
        assert client.send("GET", f"/api/{version}", token=token).status == 200


def test_a_token_ends_after_ninety_days(client: Client) -> None:
    token = client.token()
    client.transport.advance(90 * 86_400 - 60)
    assert client.send("GET", "/api/v2/me", token=token).status == 200
    client.transport.advance(60)
    assert client.send("GET", "/api/v2/me", token=token).status == 401


def test_a_token_to_read_does_not_write(client: Client) -> None:
    pipeline = "/api/v2/project/gh/example-org/example-repo/pipeline"
    statuses = {}
    for scope in ("read", "write", "admin"):
        token = client.token(scope=scope)
        statuses[scope] = (
            client.send("GET", pipeline, token=token).status,
            client.send("POST", pipeline, b"{}", token=token).status,
        )
    assert statuses == {"read": (200, 403), "write": (200, 201), "admin": (200, 201)}


def test_a_new_sign_in_of_the_same_client_revokes_the_old_token(client: Client) -> None:
    first = client.token()
    second = client.token()
    statuses = [client.send("GET", "/api/v2/me", token=each).status for each in (first, second)]
    assert statuses == [401, 200]


def test_a_code_works_once_and_a_second_use_ends_its_token(client: Client) -> None:
    code = client.code()
    token = client.exchange(code)[1]["access_token"]
    status, answer = client.exchange(code)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert client.send("GET", "/api/v2/me", token=token).status == 401


def test_a_code_expires(client: Client) -> None:
    code = client.code()
    client.transport.advance(600)
    status, answer = client.exchange(code)
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "another"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code": "another"}, "invalid_grant"),
        ({"client_id": "another"}, "invalid_grant"),
        ({"redirect_uri": REDIRECT + "/other"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
    ],
)
def test_an_exchange_that_does_not_fit_its_code_is_refused(
    client: Client, change: dict[str, str], error: str
) -> None:
    code = client.code()
    status, answer = client.exchange(code, change)
    assert (status, answer["error"]) == (400, error)
    assert client.exchange(code)[0] == 200  # the code was not spent by that


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_a_request_that_makes_no_sense_brings_its_error_back(
    client: Client, change: dict[str, str | None], error: str
) -> None:
    back = redirected(client.authorize(**change))
    assert (back["error"], back["state"], "code" in back) == (error, "a-state", False)


@pytest.mark.parametrize(
    "change", [{"client_id": "another"}, {"redirect_uri": "http://127.0.0.1:40124/callback"}]
)
def test_nothing_is_brought_to_an_address_that_was_not_registered(
    client: Client, change: dict[str, str]
) -> None:
    answer = client.authorize(**change)
    assert (answer.status, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"redirect_uris": ["https://example.com/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1:1024/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1:99999/callback"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"client_name": ""}, "invalid_client_metadata"),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(
    client: Client, change: dict[str, Any], error: str
) -> None:
    status, answer = client.register(**change)
    assert (status, answer["error"]) == (400, error)


def test_a_registration_that_is_not_json_is_refused(client: Client) -> None:
    answer = client.send("POST", "/oauth/register", b"client_name=kosmo")
    assert answer.status == 400


def test_a_user_who_refuses_brings_that_back() -> None:
    client = Client("deny")
    back = redirected(client.authorize(decision="write"))
    assert back == {
        "error": "access_denied",
        "error_description": "The user refused.",
        "state": "a-state",
    }


def test_a_user_who_is_asked_chooses_on_a_page() -> None:
    client = Client("ask")
    client.client_id = client.register(client_name='<b>"kosmo"</b>')[1]["client_id"]
    page = client.authorize()
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"&lt;b&gt;&quot;kosmo&quot;&lt;/b&gt; asks to act for example-user." in page.body
    assert page.body.count(b'<a href="/oauth/authorize?') == 4
    _, answer = client.exchange(client.code(decision="read"))
    assert answer["scope"] == "read"
    assert redirected(client.authorize(decision="deny"))["error"] == "access_denied"


def test_the_server_announces_itself(client: Client) -> None:
    answer: Any = decode(client.send("GET", "/.well-known/oauth-authorization-server").body)
    assert answer["issuer"] == ORIGIN
    assert urlsplit(answer["token_endpoint"]).path == "/oauth/token"
    assert answer["scopes_supported"] == ["read", "write", "admin"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/oauth/token", 405),
        ("POST", "/oauth/authorize", 405),
        ("GET", "/oauth/nothing", 404),
        ("GET", "/.well-known/nothing", 404),
    ],
)
def test_any_other_route_is_refused(client: Client, method: str, path: str, status: int) -> None:
    assert client.send(method, path).status == status


def test_a_sign_in_survives_in_a_snapshot(client: Client) -> None:
    code, token = client.code(), client.token(scope="read")
    other = Client()
    other.client_id = client.client_id
    other.transport.restore(client.transport.snapshot())
    assert other.send("GET", "/api/v2/me", token=token).status == 200
    assert other.send("POST", "/api/v2/context", b"{}", token=token).status == 403
    assert other.exchange(code)[0] == 200
