"""Secrets do not leave the process, in whatever form they are written."""

import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kosmo_circleci.errors import ApiError, LimitExceeded, NetworkError
from kosmo_circleci.jsonvalue import encode
from kosmo_circleci.masking import (
    MASK,
    MAX_SECRET_LENGTH,
    MAX_SECRETS,
    MAX_SPELLINGS_LENGTH,
    MIN_SECRET_LENGTH,
    Mask,
    names_a_secret,
)

SECRET = 'hush/"9f+ é\\x'
SECRETS = st.text(min_size=MIN_SECRET_LENGTH, max_size=40).filter(
    lambda text: (
        len(text.strip()) >= MIN_SECRET_LENGTH
        and text.strip().lower() not in ("true", "false", "none", "null")
        and MASK not in text
    )
)
# Few letters, so that secrets hold, overlap and nearly match one another all the time.
DENSE_SECRETS = st.lists(st.text("ab", min_size=4, max_size=12), min_size=1, max_size=8)


def reference(secrets: list[str], text: str) -> str:
    """Mask plain secrets the slow way: the leftmost, of those the longest; neighbours are one."""
    alternatives = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
    return re.sub(f"(?:{alternatives})+", MASK, text)


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


@pytest.mark.parametrize(
    ("secrets", "text", "masked"),
    [
        (["abcd", "cdef"], "abcdef", "***ef"),
        (["abcd", "xabcdx"], "xabcdx abcd xabcd", "*** *** x***"),
        (["abcd", "efgh"], "abcdefgh abcd-efgh", "*** ***-***"),
        (["abcd"], "abcdabcdabc", "***abc"),
        (["é\U0001f600ü\ud800"], "<é\U0001f600ü\ud800é\U0001f600\ud800>", "<***é\U0001f600\ud800>"),
    ],
)
def test_secrets_that_overlap_or_touch(secrets: list[str], text: str, masked: str) -> None:
    assert Mask(secrets).text(text) == masked


@pytest.mark.parametrize("length", [65, 128, 129, 1000])
def test_a_long_secret_is_hidden_as_one_and_so_is_a_large_part_of_it(length: int) -> None:
    secret = "".join(f"{index:x}." for index in range(length))[:length]
    mask = Mask([secret])
    assert mask.text(f"<{secret}>") == f"<{MASK}>"
    assert mask.text(f"<{secret[:64]}…") != f"<{secret[:64]}…"
    assert mask.text(f"<{secret[:31]}…") == f"<{secret[:31]}…"


def test_a_key_of_many_lines_is_hidden_however_it_is_written() -> None:
    lines = [f"{index:04}+/{'k' * 20}/{index:020}" for index in range(30)]
    key = "\n".join(lines) + "\n"
    mask = Mask([key])
    assert mask.text(f"<{key}>") == f"<{MASK}>"
    for written in (json.dumps(key), json.dumps(json.dumps(key)), quote(key), quote_plus(key)):
        assert not any(line in mask.text(written) for line in map(quote_plus, lines))
        assert not any(line in mask.text(written) for line in lines)


def test_a_long_secret_of_short_lines_is_hidden_in_json_too() -> None:
    secret = "\n".join("abc" for _ in range(40))
    mask = Mask([secret])
    assert mask.text(secret) == MASK
    assert mask.text(json.dumps(secret)) == f'"{MASK}"'
    assert mask.text(json.dumps(json.dumps(secret))) == f'"\\"{MASK}\\""'


@given(DENSE_SECRETS, st.text("ab-", max_size=60))
def test_the_result_is_what_a_slow_search_for_the_leftmost_longest_gives(
    secrets: list[str], text: str
) -> None:
    mask = Mask()
    mask.add(list(secrets))  # at once: one automaton holds them all
    masked = mask.text(text)
    assert masked == reference(secrets, text)
    assert mask.text(masked) == masked
    assert "".join(mask.text_parts(text)) == masked


@given(DENSE_SECRETS, st.text("ab-", max_size=60))
def test_secrets_that_become_known_one_by_one_are_all_hidden(secrets: list[str], text: str) -> None:
    mask = Mask()
    for secret in secrets:
        mask.add(secret)
        mask.text(text)
    masked = mask.text(text)
    assert not any(secret in masked for secret in secrets)
    assert mask.text(masked) == masked
    assert "".join(mask.text_parts([text])) == reference(secrets, text)


@settings(max_examples=20, deadline=None)
@given(DENSE_SECRETS, st.text("abü\U0001f600\ud800-", min_size=1, max_size=50), st.data())
def test_a_long_text_in_parts_is_masked_as_the_whole(
    secrets: list[str], text: str, data: st.DataObject
) -> None:
    whole = text * (600_000 // len(text))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    mask = Mask()
    mask.add(list(secrets))
    expected = reference(secrets, whole)
    assert "".join(mask.text_parts(parts)) == expected
    assert mask.text(whole) == expected


def test_a_text_without_secrets_is_the_same_object() -> None:
    text = "nothing to hide " * 10
    assert Mask().text(text) is text
    assert Mask(["hush-hush"]).text(text) is text
    assert list(Mask().text_parts([text])) == [text]


HOSTILE = """
from kosmo_circleci.masking import Mask
alike = ["a" * 199 + chr(1000 + index) for index in range(60)]
nested = ["a" * length for length in range(4, 600)]
quoted = ['"' * 40 + str(index) for index in range(500)]
for secrets in (alike, [*alike, "aaaa"], nested, quoted):
    mask = Mask()
    for secret in secrets:
        mask.add(secret)
        mask.text("one line")
    print(repr(mask.text("a" * (1 << 24)).rstrip("a")))
"""


def test_no_choice_of_secrets_makes_masking_slow() -> None:
    # Sixteen megabytes each; an alternation of the secrets needs hours. The deadline is generous.
    ran = subprocess.run(
        [sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.split() == ["'***'", "'***'", "'***'", "''"]


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (["x" * (MAX_SECRET_LENGTH + 1)], "65,537 characters"),
        ([f"value {index}" for index in range(MAX_SECRETS + 1)], "10,000 secret values"),
        (
            ["".join(f"{index:02}{place:06}" for place in range(8000)) for index in range(33)],
            f"{MAX_SPELLINGS_LENGTH:,} characters",
        ),
    ],
)
def test_too_many_or_too_long_secrets_are_refused(secrets: list[str], message: str) -> None:
    told: list[Any] = []
    mask = Mask(on_secret=told.append)
    with pytest.raises(LimitExceeded, match=message):
        mask.add(list(secrets))
    assert told == []
    assert mask.text(secrets[0]) is secrets[0]


def test_secrets_at_the_limits_are_hidden() -> None:
    mask = Mask([f"value {index}" for index in range(MAX_SECRETS)])
    assert mask.text(f"value {MAX_SECRETS - 1}!") == f"{MASK}!"
    mask.add(["1", "true", "value 1"])  # not hidden, or hidden already
    assert Mask(["x" * MAX_SECRET_LENGTH]).text("x" * MAX_SECRET_LENGTH) == MASK


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


@given(
    prefix=st.text("abc/", min_size=60, max_size=140),
    tails=st.lists(st.text("xyz0", min_size=20, max_size=90), min_size=2, max_size=5, unique=True),
    shown=st.integers(0, 4),
)
def test_long_secrets_that_begin_alike_hide_each_other_whole(
    prefix: str, tails: list[str], shown: int
) -> None:
    """Pieces of one URL swallowed the beginning of a piece of another, and its rest was shown."""
    secrets = [prefix + tail for tail in tails]
    secret = secrets[shown % len(secrets)]
    assert Mask(secrets).text(f"<{secret}>") == f"<{MASK}>"
