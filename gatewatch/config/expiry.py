"""When the last day of an exception ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_DAY = timedelta(days=1)
_EVERYWHERE = timedelta(days=1, hours=12)  # the date ends last in UTC-12
_LATEST = date.max - timedelta(days=2)  # datetime has nothing after 9999-12-31, which is written for "never"


def end_of_day_utc(last_day: date) -> datetime:
    """Return midnight UTC after the day."""
    return _begin(last_day) + _DAY


def end_of_day_everywhere(last_day: date) -> datetime:
    """Return the time at which the day has ended in every time zone."""
    return _begin(last_day) + _EVERYWHERE


def _begin(day: date) -> datetime:
    day = min(day, _LATEST)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
