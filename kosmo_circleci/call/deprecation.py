"""`Deprecation` and `Sunset` headers: what a route's owner says about its end.

Sources: RFC 9745 (`Deprecation: @1688169599`, a date; older servers write `true`) and RFC 8594
(`Sunset`, an HTTP date).
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from kosmo_circleci.call.model import ApiResponse
from kosmo_circleci.catalog.model import Function


class Deprecation(NamedTuple):
    """A route that is going away: on `sunset` (aware, UTC), or at an unknown time."""

    sunset: datetime | None = None


def deprecation_of(response: ApiResponse) -> Deprecation | None:
    """Return what the headers of an answer say, None where the route stays.

    A `Sunset` alone counts too. A date that cannot be read does not count, nor does `Deprecation:
    false`.
    """
    deprecated = response.headers.get("deprecation", "").strip().lower()
    sunset = _http_date(response.headers.get("sunset"))
    if deprecated in ("", "false", "?0") and sunset is None:
        return None
    return Deprecation(sunset)


def route_of(function: Function, path: str) -> str:
    """Return the route of a request for people; `path` is its own, all that a raw function has."""
    return f"{function.method} {path if function.is_raw else function.api_path}"


def describe(route: str, deprecation: Deprecation, now: datetime) -> str:
    """Return the line for people: the route, and the days that are left.

    `now` is an aware datetime.
    """
    if deprecation.sunset is None:
        return f"{route} is deprecated by CircleCI."
    day = f"{deprecation.sunset:%Y-%m-%d}"
    left_s = (deprecation.sunset - now).total_seconds()
    if left_s < 0:
        return f"{route} is deprecated; CircleCI announced its end for {day}."
    days = int(left_s // 86_400)
    left = "less than a day" if days == 0 else "1 day" if days == 1 else f"{days} days"
    return f"{route} is deprecated; CircleCI removes it on {day}, in {left}."


def _http_date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
