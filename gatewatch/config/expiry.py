"""The last day of what somebody allowed, and the moment when it is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

_DAY = timedelta(days=1)
_EVERYWHERE = timedelta(days=1, hours=12)  # the last time zone, UTC-12, is through with a date
_LATEST = date.max - timedelta(days=2)  # no moment comes after 9999-12-31, which people write for never


def over(last_day: date) -> datetime:
    """Midnight UTC after it."""
    return _begin(last_day) + _DAY


def over_everywhere(last_day: date) -> datetime:
    """When it is another day all over the earth."""
    return _begin(last_day) + _EVERYWHERE


def _begin(day: date) -> datetime:
    day = min(day, _LATEST)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
