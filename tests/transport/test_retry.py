"""The table of repeats, as a pure function."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmo_circleci.transport.retry import delay_s, rate_limit_pause_s, retry_after_seconds
from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    TransportError,
    Untrusted,
    WireResponse,
)

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


def response(status: int, **headers: str) -> WireResponse:
    return WireResponse(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, b""
    )


@pytest.mark.parametrize(
    ("outcome", "repeated"),
    [
        (response(200), []),
        (response(404), []),
        (response(408), []),
        (response(429), ["DELETE", "GET", "PATCH", "POST", "PUT"]),
        (response(500), ["DELETE", "GET", "PUT"]),
        (response(501), []),
        (response(502), ["DELETE", "GET", "PUT"]),
        (response(503), ["DELETE", "GET", "PUT"]),
        (response(504), ["DELETE", "GET", "PUT"]),
        (TransportError("reset"), ["DELETE", "GET", "PUT"]),
        (
            TransportError("refused", surely_unsent=True),
            ["DELETE", "GET", "PATCH", "POST", "PUT"],
        ),
        (BodyTooLarge("large"), []),
        (Cancelled("over"), []),
        (Untrusted("self-signed", surely_unsent=True), []),
    ],
)
def test_which_methods_are_repeated_after_which_outcome(
    outcome: WireResponse | TransportError, repeated: list[str]
) -> None:
    methods = ["DELETE", "GET", "PATCH", "POST", "PUT"]
    assert [each for each in methods if delay_s(each, outcome, 1, NOW, 0.5) is not None] == repeated


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [
        (1, 0.0, 0.25),
        (1, 1.0, 0.5),
        (2, 0.0, 0.5),
        (2, 0.5, 0.75),
        (3, 0.0, 1.0),
        (3, 1.0, 2.0),
        (4, 0.0, None),
        (5, 0.0, None),
    ],
)
def test_the_backoff_doubles_and_is_jittered_and_ends_with_the_fourth_attempt(
    attempt: int, jitter: float, seconds: float | None
) -> None:
    assert delay_s("GET", response(503), attempt, NOW, jitter) == seconds


@pytest.mark.parametrize(
    ("outcome", "attempt", "seconds"),
    [
        (response(503, retry_after="9"), 1, None),
        (TransportError("reset"), 1, None),
        (response(429), 1, 0.5),
        (response(429), 4, 4.0),
        (response(429, retry_after="9"), 4, 9.0),
        (response(429, retry_after="60"), 1, 60.0),
        (response(429, retry_after="61"), 1, 0.0),
    ],
)
def test_only_a_429_makes_the_account_pause_and_after_the_last_attempt_too(
    outcome: WireResponse | TransportError, attempt: int, seconds: float | None
) -> None:
    assert rate_limit_pause_s(outcome, attempt, NOW, 1.0) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("-1", None),
        ("1e3", None),
        ("inf", None),
        ("9" * 400, None),
        ("\uff11", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:29:30 GMT", 90.0),
        ("Wednesday, 21-Oct-26 07:29:30 GMT", 90.0),
        ("Wed, 21 Oct 2026 07:28:30 -0000", 30.0),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_header_raises_or_is_negative(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds >= 0
