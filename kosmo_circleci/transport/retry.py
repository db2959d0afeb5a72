"""When to send a request again, and after how long: pure, by table."""

import re
from datetime import UTC, datetime
from typing import Final

from kosmo_circleci.call.model import MAX_RETRY_AFTER_S
from kosmo_circleci.transport.wire import (
    BodyTooLarge,
    Cancelled,
    TransportError,
    Unreachable,
    Untrusted,
    WireResponse,
)

MAX_ATTEMPTS: Final = 4
"""The first request and three more."""

FIRST_DELAY_S: Final = 0.5
"""The backoff after the first attempt; it doubles with every further one."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")

_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})

# POST and PATCH repeat on 429 and on a request that was never sent only: then nothing was done.
# After a 502 the pipeline may exist, and a second trigger would run, and bill, a commit twice.
_EVERY_METHOD: Final = _REPEATABLE | {"POST", "PATCH"}

_METHODS_BY_STATUS: Final = {
    429: _EVERY_METHOD,
    500: _REPEATABLE,
    502: _REPEATABLE,
    503: _REPEATABLE,
    504: _REPEATABLE,
}


def delay_s(
    method: str,
    outcome: WireResponse | TransportError,
    attempt: int,
    now: datetime,
    jitter: float,
) -> float | None:
    """Return the seconds to wait before sending again, or None when the outcome is final.

    `attempt` counts the tries so far, from 1; `now` is an aware UTC datetime; `jitter` is a random
    number from 0 to 1, which picks a delay between half of the backoff and the whole. A
    `Retry-After` header replaces the backoff; one over `MAX_RETRY_AFTER_S` means None.

    Source: contract, section 9.
    """
    if attempt >= MAX_ATTEMPTS or not _is_repeatable(method, outcome):
        return None
    if isinstance(outcome, WireResponse):
        wait_s = retry_after_seconds(outcome.headers.get("retry-after"), now)
        if wait_s is not None:
            return wait_s if wait_s <= MAX_RETRY_AFTER_S else None
    return _backoff_s(attempt, jitter)


def rate_limit_pause_s(
    outcome: WireResponse | TransportError, attempt: int, now: datetime, jitter: float
) -> float | None:
    """Return how long a 429 keeps its whole account from sending; None for any other outcome.

    Arguments as in `delay_s`; here the last attempt counts too, because others may still wait. A
    `Retry-After` over `MAX_RETRY_AFTER_S` gives 0.0: too long to wait for, so each call is told.
    """
    if not isinstance(outcome, WireResponse) or outcome.status != 429:
        return None
    wait_s = retry_after_seconds(outcome.headers.get("retry-after"), now)
    if wait_s is None:
        return _backoff_s(attempt, jitter)
    return wait_s if wait_s <= MAX_RETRY_AFTER_S else 0.0


def _backoff_s(attempt: int, jitter: float) -> float:
    return FIRST_DELAY_S * 2.0 ** (attempt - 1) * (0.5 + 0.5 * jitter)


def _is_repeatable(method: str, outcome: WireResponse | TransportError) -> bool:
    if isinstance(outcome, WireResponse):
        return method in _METHODS_BY_STATUS.get(outcome.status, ())
    if isinstance(outcome, BodyTooLarge | Cancelled | Unreachable | Untrusted):
        return False
    return method in (_EVERY_METHOD if outcome.surely_unsent else _REPEATABLE)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return how many seconds a `Retry-After` header asks us to wait, or None if it does not say.

    `header` is the raw value: seconds ("120", and "1.5", which some servers send) or an HTTP date;
    `now` is an aware UTC datetime. The answer is never negative (a date in the past means 0.0) and
    not capped here.
    Never raises: a header that cannot be read counts as absent, so backoff decides.

    Source: RFC 9110, section 10.2.3.
    """
    text = (header or "").strip()
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    from email.utils import parsedate_to_datetime  # dates are rare, and the import is not free

    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000": a date in UTC from a server that does not know its own zone
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())
