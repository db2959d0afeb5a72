"""An answer comes out of the file as it went in, and no secret is in the file."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.journal.answers import Answers
from kosmo_circleci.masking import Mask

SALT = b"0" * 32
JSON = {"content-type": "application/json", "x-request-id": "r-1"}


def answers(*secrets: str) -> Answers:
    return Answers(SALT, Mask(secrets))


@pytest.mark.parametrize(
    "answer",
    [
        (ApiResponse(200, JSON, b'{"id":"1","none":null}'),),
        (ApiResponse(404, {}, b"", 2, 1.5), ApiResponse(200, JSON, '["é😀"]'.encode())),
        (ApiResponse(200, {"content-type": "text/plain"}, b"\xff\x00 not UTF-8"),),
    ],
)
def test_an_answer_comes_back_as_it_came(answer: tuple[ApiResponse, ...]) -> None:
    assert answers("hush-hush").decode(answers("hush-hush").encode(answer)) == answer


def test_a_session_of_the_server_is_not_kept() -> None:
    (read,) = answers().decode(
        answers().encode((ApiResponse(200, {**JSON, "set-cookie": "sid=1"}, b"{}"),))
    )
    assert read.headers == JSON


@given(
    st.lists(st.text(min_size=4, max_size=90), min_size=1, max_size=4),
    st.lists(st.sampled_from('0123ab"\\ é-'), max_size=20),
)
def test_secrets_that_are_sent_back_are_restored_by_a_run_that_knows_them(
    secrets: list[str], filling: list[str]
) -> None:
    value = {"".join(filling): [*secrets, *filling], "twice": secrets[0] * 2 + "".join(secrets)}
    body = json.dumps(value).encode()
    answer = (ApiResponse(200, JSON, body),)
    text = answers(*secrets).encode(answer)
    assert answers(*reversed(secrets)).decode(text) == answer


@pytest.mark.parametrize("secret", ['hush/9f+ é\\x"', "dead", "x" * 300, "line one\nline two"])
def test_no_secret_is_in_the_text_and_a_run_without_it_reads_a_mask(secret: str) -> None:
    spellings = [secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    spellings += [quote(secret), json.dumps(json.dumps(secret))[3:-3]]
    body = json.dumps({"plain": secret, "spelt": spellings, "key " + secret: 1}).encode()
    text = answers(secret).encode((ApiResponse(200, {"x-echo": secret}, body),))
    assert secret not in text
    (read,) = answers().decode(text)
    assert secret not in json.loads(read.body)["plain"]
    assert secret not in read.headers["x-echo"]


def test_many_secrets_in_one_answer_are_masked_for_good_beyond_a_hundred() -> None:
    secrets = [f"secret number {index:04}" for index in range(150)]
    body = json.dumps(secrets).encode()
    text = answers(*secrets).encode((ApiResponse(200, JSON, body),))
    assert not any(each in text for each in secrets)
    (read,) = answers(*secrets).decode(text)
    values = json.loads(read.body)
    assert sum(value == "***" for value in values) == 50
    assert all(value in ("***", secret) for value, secret in zip(values, secrets, strict=True))


def test_a_body_that_is_not_text_holds_no_secret() -> None:
    text = answers("hush-hush").encode((ApiResponse(200, {}, b"\xff hush-hush \xfe"),))
    (read,) = answers().decode(text)
    assert read.body == b"\xff *** \xfe"
