"""Whether and when a request is sent again: pure, by a table.

A GET, PUT or DELETE may be repeated: doing it twice leaves what doing it once leaves. A POST or PATCH is
repeated only when it surely was not processed; after a 502 the pipeline may exist, and a second
trigger would run, and bill, the same commit twice.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from kosmo_circleci.transport.wire import BodyTooLarge, Cancelled, TransportError, WireResponse

MAX_ATTEMPTS: Final = 4
LONGEST_RETRY_AFTER_S: Final = 60.0
_FIRST_DELAY_S: Final = 0.5

_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
_TRANSIENT: Final = frozenset({500, 502, 503, 504})
_RATE_LIMITED: Final = 429


def delay_s(
    method: str,
    outcome: WireResponse | TransportError,
    attempt: int,
    now: datetime,
    jitter: float,
) -> float | None:
    """Return the seconds to wait before sending again, or None to report the outcome.

    `attempt` counts from 1; `now` is an aware UTC datetime; `jitter` lies in [0, 1). Without a
    `Retry-After` header the delay is 0.5 s, doubled with each attempt, less up to half of it at random.
    A `Retry-After` over 60 s is not waited for.
    """
    if attempt >= MAX_ATTEMPTS or not _may_repeat(method, outcome):
        return None
    if isinstance(outcome, WireResponse):
        asked = retry_after_seconds(outcome.headers.get("retry-after"), now)
        if asked is not None:
            return asked if asked <= LONGEST_RETRY_AFTER_S else None
    delay = _FIRST_DELAY_S * 2.0 ** (attempt - 1)
    return delay * (1 - jitter / 2)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Return how many seconds a `Retry-After` header asks us to wait, or None if it does not say.

    `header` is the raw value: whole seconds ("120") or an HTTP date; `now` is an aware UTC
    datetime. The answer is never negative (a date in the past means 0.0) and not capped here.
    Never raises: a header that cannot be read counts as absent, so backoff decides.

    Source: RFC 9110, section 10.2.3.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _may_repeat(method: str, outcome: WireResponse | TransportError) -> bool:
    if isinstance(outcome, BodyTooLarge | Cancelled):
        return False
    if isinstance(outcome, TransportError):
        return outcome.surely_unsent or method in _REPEATABLE
    if outcome.status == _RATE_LIMITED:
        return True
    return outcome.status in _TRANSIENT and method in _REPEATABLE
