"""Times as text, in UTC for JSON and in the account's time zone for messages, and days of a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytz


def rfc3339(moment: datetime | None) -> str:
    """UTC to the second, as CloudTrail writes it; empty when the event had no time."""
    return f"{_clock(moment.astimezone(UTC), 'T')}Z" if moment else ""


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    """The zone from the files of pytz, as the standard library reads it: its arithmetic is written in C."""
    with pytz.open_resource(name) as file:  # type: ignore[attr-defined]  # missing in types-pytz
        return ZoneInfo.from_file(file, name)


def local_time(moment: datetime, timezone: str) -> str:
    """`2026-01-24 12:45:49 KST`."""
    try:
        local = moment.astimezone(_zone(timezone))
    except OverflowError:  # the first or last hours of the calendar
        local = moment
    return f"{_clock(local)} {local.tzname()}"


def utc_time(moment: datetime) -> str:
    """`2026-01-24 03:45:49 UTC`."""
    return f"{_clock(moment.astimezone(UTC))} UTC"


def local_minute(seconds: float, timezone: str) -> str:
    """Seconds since 1970 as `2026-01-24 12:45 KST`."""
    day_and_time, _, zone = local_time(datetime.fromtimestamp(seconds, UTC), timezone).rpartition(" ")
    return f"{day_and_time[:16]} {zone}"


def utc_minute(seconds: float) -> str:
    """Seconds since 1970 as `2026-01-24 03:45 UTC`."""
    return f"{_clock(datetime.fromtimestamp(seconds, UTC))[:16]} UTC"


def start_of_day(day: date, timezone: str) -> datetime:
    """Return the midnight with which a day begins in a time zone; the first, where clocks are put back to it."""
    return datetime.combine(day, time(), _zone(timezone))


def _clock(moment: datetime, separator: str = " ") -> str:
    """Date and time to the second; `strftime` takes twice as long."""
    return moment.isoformat(separator, "seconds")[:19]
