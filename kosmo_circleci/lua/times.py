"""Times in text, and the seconds since 1970 (UTC) that they mean."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_STAMP: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}):(\d{2})(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?",
    re.ASCII,
)
_DAY_S: Final = 86_400
_EPOCH_SECONDS: Final = re.compile(r"%(%|s)")
_AGO: Final = re.compile(r"(\d{1,9})\s*([smhdw]) ago", re.ASCII)
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse(text: str, now_s: float) -> int | float:
    """Return the seconds of an RFC 3339 time, of a date (midnight UTC), or of `7d ago`.

    Whole seconds are an integer. A leap second (RFC 3339, section 5.7) is the second behind it, as
    POSIX counts. Raises `ValueError`: the reason is the message.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return int(now_s) - int(ago[1]) * _UNITS_S[ago[2]]
    if _DATE.fullmatch(text):
        return _seconds(datetime.fromisoformat(text).replace(tzinfo=UTC))
    stamp = _STAMP.fullmatch(text)
    if stamp is None:
        raise ValueError(
            "a time is written 2025-01-15T10:00:00Z, 2025-01-15, or 7d ago (s, m, h, d, w)"
        )
    date, minute, second, fraction, offset = stamp.groups()
    if offset is None:
        raise ValueError("the time has no offset: end it with Z or with one such as +02:00")
    is_leap = second == "60"
    clock = f"{minute}:{'59' if is_leap else second}{offset.upper()}"
    whole = _seconds(datetime.fromisoformat(f"{date}T{clock}")) + is_leap
    if is_leap and whole % _DAY_S:
        raise ValueError("second 60 is a leap second, which ends a day in UTC")
    return whole + float(f"0.{fraction}") if fraction and fraction.strip("0") else whole


def format_time(seconds: float, template: str | None) -> str:
    """Return the time as RFC 3339 in UTC, or as `template` (strftime) says, in UTC too.

    Raises `ValueError` for a time beyond the years 1 to 9999, and for a template with a null byte,
    where the system's strftime would end.
    """
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError("the time is outside the years 1 to 9999") from None
    if template is not None:
        if "\0" in template:
            raise ValueError("the format holds a null byte")
        # The system's %s takes the time for one of the machine's own zone.
        since = str(_seconds(moment))
        return moment.strftime(
            _EPOCH_SECONDS.sub(lambda each: since if each[1] == "s" else "%%", template)
        )
    text = moment.replace(tzinfo=None).isoformat(timespec="auto")
    return text + "Z"


def _seconds(moment: datetime) -> int:
    return int((moment - _EPOCH) // timedelta(seconds=1))
