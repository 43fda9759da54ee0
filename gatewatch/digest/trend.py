"""The trend of exposures over days, and the time to close, from resolved exposures.

Exposures that differ only in their peer, such as an IPv4 rule and its IPv6 twin, count as one, as in a digest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

import pytz
from msgspec import Struct

from gatewatch.digest.summary import exposed_rule
from gatewatch.model.severity import Severity
from gatewatch.model.trend import CloseTime, Trend, TrendDay
from gatewatch.rendering.time_text import start_of_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from gatewatch.config.settings import Settings
    from gatewatch.digest.open_exposures import OpenExposure, ResolvedExposures


TREND_DAYS = 90
_DAY = timedelta(days=1)


class Interval(Struct, frozen=True):
    """When something was open. `until` is None while it is."""

    severity: Severity
    since: datetime
    until: datetime | None


def recent_trend(
    found: ResolvedExposures, days: int, began: datetime, now: datetime, zone: str, settings: Settings
) -> Trend:
    """Return the trend of the last days, today included, but of none before the activity log began."""
    local = pytz.timezone(zone)
    last = now.astimezone(local).date()
    first = max(last - (days - 1) * _DAY, began.astimezone(local).date())
    return trend_of(found, min(first, last), last, now, zone, settings)


def trend_of(found: ResolvedExposures, first: date, last: date, now: datetime, zone: str, settings: Settings) -> Trend:
    """Return the trend of the days from `first` to `last`, both included, in a time zone."""
    intervals = list(_intervals(found, now, settings))
    started = sorted(each.since for each in intervals)
    ended = sorted(each.until for each in intervals if each.until)
    count = (last - first).days + 1
    midnights = [start_of_day(first + number * _DAY, zone) for number in range(count + 1)]
    starts, ends = ([bisect_right(times, moment) for moment in midnights] for times in (started, ended))
    days = tuple(
        TrendDay(
            first + number * _DAY,
            starts[number + 1] - ends[number + 1],
            starts[number + 1] - starts[number],
            ends[number + 1] - ends[number],
        )
        for number in range(count)
    )
    closed = (each for each in intervals if each.until and midnights[0] < each.until <= midnights[-1])
    return Trend(days, tuple(_close_times(closed)))


def _intervals(found: ResolvedExposures, now: datetime, settings: Settings) -> Iterator[Interval]:
    """Yield what was open without interruption, exceptions applied. Twins may open and close one after the other."""
    by_key: dict[tuple[object, ...], list[Interval]] = defaultdict(list)
    ends: list[tuple[OpenExposure, datetime | None]] = [(each, None) for each in found.open]
    ends += [(each.exposure, each.at) for each in found.closed]
    for exposure, until in ends:
        rule = exposed_rule(exposure, until or now, settings)
        if rule:
            by_key[rule.twin_key].append(Interval(rule.severity, exposure.since, until))
    for intervals in by_key.values():
        yield from _joined(intervals)


def _joined(intervals: Iterable[Interval]) -> Iterator[Interval]:
    whole: Interval | None = None
    for each in sorted(intervals, key=lambda one: one.since):
        if whole is None or (whole.until is not None and each.since > whole.until):
            if whole:
                yield whole
            whole = each
        else:
            until = None if whole.until is None or each.until is None else max(whole.until, each.until)
            worst = max(whole.severity, each.severity, key=lambda one: one.rank)
            whole = Interval(worst, whole.since, until)
    if whole:
        yield whole


def _close_times(closed: Iterable[Interval]) -> Iterator[CloseTime]:
    by_severity: dict[Severity, list[float]] = defaultdict(list)
    for each in closed:
        if each.until:
            by_severity[each.severity].append((each.until - each.since).total_seconds())
    for severity in sorted(by_severity, key=lambda one: -one.rank):
        seconds = sorted(by_severity[severity])
        yield CloseTime(severity, len(seconds), timedelta(seconds=median(seconds)), timedelta(seconds=_p90(seconds)))


def _p90(ordered: Sequence[float]) -> float:
    """Return the nearest rank: the smallest value that nine of ten do not exceed."""
    return ordered[-(len(ordered) // 10) - 1]
