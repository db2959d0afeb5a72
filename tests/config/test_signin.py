"""The steps of a sign-in: what they send, and what they make of answers that are wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from kosmo_circleci.config.signin import SignIn, Token, begin, exchange, server_of
from kosmo_circleci.errors import ConfigurationError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# The verifier and its hash of RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
REDIRECT = "http://127.0.0.1:40000/callback"
SIGN_IN = SignIn("https://app.circleci.com", "client", REDIRECT, "state", VERIFIER)


class Server:
    """Answers everything the same, and keeps what it was sent."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = (status, body)
        self.sent: list[tuple[str, str, bytes | None]] = []

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        self.sent.append((method, url, body))
        return self._answer


@pytest.mark.parametrize(
    ("origin", "server"),
    [
        ("https://circleci.com", "https://app.circleci.com"),
        ("https://ci.example.com", "https://ci.example.com"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
    ],
)
def test_the_server_is_that_of_the_accounts_base_url(origin: str, server: str) -> None:
    assert server_of(origin) == server


def test_the_browser_gets_the_hash_of_the_verifier_and_not_the_verifier() -> None:
    url = SIGN_IN.authorize_url()
    assert url.startswith("https://app.circleci.com/oauth/authorize?")
    assert parse_qs(urlsplit(url).query) == {
        "response_type": ["code"],
        "client_id": ["client"],
        "redirect_uri": [REDIRECT],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
        "state": ["state"],
    }


def test_the_exchange_proves_who_asked() -> None:
    server = Server(200, b'{"access_token": " ccipat_x ", "expires_in": 86400}')
    assert exchange(SIGN_IN, "c+d", server, NOW) == Token(
        "ccipat_x", datetime(2026, 1, 2, tzinfo=UTC)
    )
    [(method, url, body)] = server.sent
    assert (method, url) == ("POST", "https://app.circleci.com/oauth/token")
    assert body is not None
    assert parse_qs(body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c+d"],
        "redirect_uri": [REDIRECT],
        "client_id": ["client"],
        "code_verifier": [VERIFIER],
    }


@pytest.mark.parametrize("seconds", ["null", '"soon"', "true", "-1", "1e300"])
def test_an_end_that_is_not_a_number_of_seconds_is_not_known(seconds: str) -> None:
    body = f'{{"access_token": "t", "expires_in": {seconds}}}'.encode()
    assert exchange(SIGN_IN, "c", Server(200, body), NOW) == Token("t", None)


AGAIN = "Nothing was stored; run `kosmo login` again."


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (200, b"{}", f"The answer of the sign-in server holds no token. {AGAIN}"),
        (200, b'{"access_token": ""}', f"The answer of the sign-in server holds no token. {AGAIN}"),
        (
            200,
            b'{"access_token": "a b"}',
            f"The answer of the sign-in server holds no token. {AGAIN}",
        ),
        (
            200,
            b"<html>",
            f"The sign-in server did not exchange the code for a token (HTTP 200). {AGAIN}",
        ),
        (
            500,
            b"[]",
            f"The sign-in server did not exchange the code for a token (HTTP 500). {AGAIN}",
        ),
        (
            400,
            b'{"error": "invalid_grant", "error_description": "\\u001b[2Jgone"}',
            "The sign-in server did not exchange the code for a token "
            rf"(invalid_grant: \x1b[2Jgone). {AGAIN}",
        ),
    ],
)
def test_an_answer_without_a_token_is_an_error_that_steers_no_terminal(
    status: int, body: bytes, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        exchange(SIGN_IN, "c", Server(status, body), NOW)
    assert caught.value.message == message


@pytest.mark.parametrize("body", [b"{}", b'{"client_id": 5}', b'{"client_id": ""}'])
def test_a_registration_without_a_client_is_an_error(body: bytes) -> None:
    with pytest.raises(ConfigurationError, match="names no client"):
        begin("https://ci.example.com", REDIRECT, Server(201, body))
