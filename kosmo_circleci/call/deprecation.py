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

    A `Sunset` alone counts too. A date that cannot be read is no date; `Deprecation: false` is no
    deprecation.
    """
    deprecated = response.headers.get("deprecation", "").strip().lower()
    sunset = _http_date(response.headers.get("sunset"))
    if deprecated in ("", "false", "?0") and sunset is None:
        return None
    return Deprecation(sunset)


def describe(function: Function, deprecation: Deprecation, now: datetime) -> str:
    """Return the line for people: the function, its route, and the days that are left.

    `now` is an aware datetime.
    """
    route = f"{function.name} ({function.method} {function.api_path})"
    if deprecation.sunset is None:
        return f"warning: {route} is deprecated by CircleCI."
    day = f"{deprecation.sunset:%Y-%m-%d}"
    left_s = (deprecation.sunset - now).total_seconds()
    if left_s < 0:
        return f"warning: {route} is deprecated; CircleCI announced its end for {day}."
    days = int(left_s // 86_400)
    left = "less than a day" if days == 0 else "1 day" if days == 1 else f"{days} days"
    return f"warning: {route} is deprecated; CircleCI removes it on {day}, in {left}."


def _http_date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
