"""Secrets do not leave the process, in whatever form they are written."""

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.errors import ApiError, NetworkError
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.masking import MASK, MIN_SECRET_LENGTH, Mask, names_a_secret

SECRET = 'hush/"9f+ é\\x'
SECRETS = st.text(min_size=MIN_SECRET_LENGTH, max_size=40).filter(
    lambda text: (
        len(text.strip()) >= MIN_SECRET_LENGTH
        and text.strip().lower() not in ("true", "false", "none", "null")
        and MASK not in text
    )
)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        quote(SECRET, safe=""),
        quote_plus(SECRET),
    ],
)
def test_a_secret_is_hidden_in_every_form(written: str) -> None:
    assert Mask([SECRET]).text(f"a {written} b") == f"a {MASK} b"


def test_a_secret_of_several_lines_is_hidden_as_a_whole_and_line_by_line() -> None:
    mask = Mask(["first line\nsecond line\n"])
    assert mask.text("<first line\nsecond line\n>") == f"<{MASK}>"
    assert mask.text("> second line <") == f"> {MASK} <"


@pytest.mark.parametrize("ordinary", ["", "a", "abc", "true", "False", "NULL", "  x  ", "none"])
def test_what_is_short_or_ordinary_is_not_hidden(ordinary: str) -> None:
    text = "true false null a abc x none False NULL"
    assert Mask([ordinary]).text(text) == text


def test_the_longest_secret_is_hidden_first() -> None:
    assert Mask(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_secrets_inside_lists_and_objects_are_found() -> None:
    mask = Mask()
    mask.add({"headers": [{"Authorization": "Bearer 1234"}, 567890, True, None]})
    assert mask.text("Bearer 1234, 567890, Authorization") == f"{MASK}, {MASK}, Authorization"


def test_json_keeps_its_form_and_loses_its_secrets() -> None:
    value: Any = {
        "say hush-hush": ["hush-hush", {"deep": "a hush-hush b"}, 1, 1.5, True, None],
        "digits": 123456,
        "more": 1234567,
    }
    mask = Mask(["hush-hush", "123456"])
    masked = {
        f"say {MASK}": [MASK, {"deep": f"a {MASK} b"}, 1, 1.5, True, None],
        "digits": MASK,
        "more": 1234567,
    }
    assert mask.json(value) == masked
    assert json.loads(mask.json_text(encode(value))) == masked
    assert Mask().json(value) is value


@given(SECRETS, st.text(), st.text())
def test_no_secret_is_left_in_a_text(secret: str, before: str, after: str) -> None:
    masked = Mask([secret]).text(f"{before}{secret}{after}")
    # What stood around the secret may, with the mask between, spell it again: `aa` in `a***a`.
    assert secret not in masked or secret in before + after or MASK in secret


@given(SECRETS, st.sampled_from(["plain", "key", "list", "twice encoded"]))
def test_no_secret_is_left_in_json_and_it_stays_json(secret: str, where: str) -> None:
    value: Any = {
        "plain": {"value": secret},
        "key": {secret: 1},
        "list": [f"x{secret}"],
        "twice encoded": {"raw": json.dumps({"v": secret})},
    }[where]
    masked = json.loads(Mask([secret]).json_text(encode(value)))
    text = masked["raw"] if where == "twice encoded" else str(masked)
    shown = json.dumps(secret)[1:-1] if where == "twice encoded" else secret
    assert shown not in text or shown in "{'value': '***'}['x***']{'***': 1}{\"v\": \"***\"}"


def test_an_error_loses_its_secrets_in_every_field() -> None:
    error = ApiError(
        "no hush-hush here",
        status=400,
        code="hush-hush",
        body={"hush-hush": ["hush-hush"]},
        request_id="r hush-hush",
    )
    Mask(["hush-hush"]).hide_in_error(error)
    assert str(error) == f"no {MASK} here"
    assert error.fields() == {
        "type": "api",
        "message": f"no {MASK} here",
        "status": 400,
        "code": MASK,
        "body": {MASK: [MASK]},
        "request_id": f"r {MASK}",
        "attempts": 1,
    }


def test_an_error_without_secrets_stays_as_it_is() -> None:
    error = NetworkError("gone", attempts=2)
    Mask(["hush-hush"]).hide_in_error(error)
    assert error.fields() == {"type": "network", "message": "gone", "attempts": 2}


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("api_token", True),
        ("CLIENT_SECRET", True),
        ("dbPassword", True),
        ("DB_PASS", True),
        ("passphrase", True),
        ("X-Api-Key", True),
        ("apikey", True),
        ("private_key", True),
        ("Authorization", True),
        ("proxyAuth", True),
        ("auth_header", True),
        ("credentials", True),
        ("Cookie", True),
        ("author", False),
        ("keyboard", False),
        ("bypass", False),
        ("branch", False),
        ("NODE_OPTIONS", False),
        ("GIT_ASKPASS", False),
    ],
)
def test_names_that_look_like_those_of_secrets(name: str, is_secret: bool) -> None:
    assert names_a_secret(name) is is_secret
