"""Times as text: in UTC for JSON, in the account's time zone for messages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import pytz


def rfc3339(time: datetime | None) -> str:
    """UTC to the second, as CloudTrail writes it; empty when the event had no time."""
    return f"{_clock(time.astimezone(UTC), 'T')}Z" if time else ""


_zone = lru_cache(maxsize=256)(pytz.timezone)


def local_time(time: datetime, timezone: str) -> str:
    """`2026-01-24 12:45:49 KST`."""
    try:
        local = time.astimezone(_zone(timezone))
    except OverflowError:  # the first or last hours of the calendar
        local = time
    return f"{_clock(local)} {local.tzname()}"


def utc_time(time: datetime) -> str:
    """`2026-01-24 03:45:49 UTC`."""
    return f"{_clock(time.astimezone(UTC))} UTC"


def local_minute(seconds: float, timezone: str) -> str:
    """Seconds since 1970 as `2026-01-24 12:45 KST`."""
    day_and_time, _, zone = local_time(datetime.fromtimestamp(seconds, UTC), timezone).rpartition(" ")
    return f"{day_and_time[:16]} {zone}"


def utc_minute(seconds: float) -> str:
    """Seconds since 1970 as `2026-01-24 03:45 UTC`."""
    return f"{_clock(datetime.fromtimestamp(seconds, UTC))[:16]} UTC"


def _clock(time: datetime, separator: str = " ") -> str:
    """Date and time to the second; `strftime` takes twice as long."""
    return time.isoformat(separator, "seconds")[:19]
