"""How many exposures were open at the end of each day, and how long it took to close them."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import Struct

from gatewatch.model.severity import Severity


class TrendDay(Struct, frozen=True):
    """`open`: at the end of the day, or now on the last one. `opened` and `closed`: during the day."""

    day: date
    open: int
    opened: int
    closed: int


class CloseTime(Struct, frozen=True):
    """How long exposures of one severity had been open when they were closed. `p90`: nine of ten took no longer."""

    severity: Severity
    count: int
    median: timedelta
    p90: timedelta


class Trend(Struct, frozen=True):
    """`days`: oldest first. `close_times`: worst first, of exposures that were closed in these days."""

    days: tuple[TrendDay, ...]
    close_times: tuple[CloseTime, ...] = ()
