"""The trend over ninety days of an invented activity log, compared with counting day by day."""

from datetime import timedelta
from math import ceil
from statistics import median

import pytest

from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.summary import summarize
from gatewatch.digest.trend import TREND_DAYS, recent_trend
from gatewatch.model.digest import Period
from gatewatch.model.severity import Severity
from support.invented_activity import FIRST, LAST, NOW, SETTINGS, SEVERITIES, ZONE, closed, invented_log, opened, trend


def local_day(at):
    return (at + timedelta(hours=9)).date()  # Seoul has no daylight saving time


@pytest.mark.parametrize("seed", range(5))
def test_every_day_is_what_counting_says(seed):
    steps, intervals = invented_log(seed)
    found = trend(steps)
    assert [each.day for each in found.days] == [FIRST + timedelta(days=number) for number in range(TREND_DAYS)]
    for each in found.days:
        is_open = [
            until is None or local_day(until) > each.day for _, at, until in intervals if local_day(at) <= each.day
        ]
        assert each.open == sum(is_open), each.day
        assert each.opened == sum(local_day(at) == each.day for _, at, _ in intervals)
        assert each.closed == sum(local_day(until) == each.day for _, _, until in intervals if until)


@pytest.mark.parametrize("seed", range(5))
def test_times_to_close_are_median_and_nearest_rank_by_severity(seed):
    steps, intervals = invented_log(seed)
    by_severity = {each.severity: each for each in trend(steps).close_times}
    assert list(by_severity) == [each for each in SEVERITIES if each in by_severity]
    for severity in SEVERITIES:
        times = sorted(
            (until - at).total_seconds()
            for each, at, until in intervals
            if each is severity and until and FIRST <= local_day(until) <= LAST
        )
        each = by_severity[severity]
        assert each.count == len(times) > 5
        assert each.median.total_seconds() == pytest.approx(median(times))
        assert each.p90.total_seconds() == times[ceil(0.9 * len(times)) - 1]


def test_twins_count_once_from_the_first_opening_to_the_last_closing():
    at = NOW - timedelta(days=10)
    v4, v6 = opened(1, at, group="sg-1"), opened(1, at + timedelta(days=1), Severity.CRITICAL, "::/0", "sg-1")
    found = trend([v4, v6, closed(v4, at + timedelta(days=2)), closed(v6, at + timedelta(days=3))])
    assert sum(each.opened for each in found.days) == sum(each.closed for each in found.days) == 1
    (time,) = found.close_times
    assert (time.severity, time.count, time.median) == (Severity.CRITICAL, 1, timedelta(days=3))


def test_a_rule_that_is_opened_again_counts_twice():
    at = NOW - timedelta(days=10)
    first = opened(1, at)
    again = opened(1, at + timedelta(days=5))
    found = trend([first, closed(first, at + timedelta(days=1)), again])
    assert [each.open for each in found.days[-12:]] == [0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_without_anything_every_day_is_zero():
    found = trend([])
    assert {(each.open, each.opened, each.closed) for each in found.days} == {(0, 0, 0)}
    assert found.close_times == ()


def test_no_day_before_the_activity_log_began_is_shown():
    found = resolve_exposures([opened(1, NOW - timedelta(days=2))])

    def days(began, count=90):
        return [each.day for each in recent_trend(found, count, began, NOW, ZONE, SETTINGS).days]

    assert days(NOW - timedelta(days=2)) == [LAST - timedelta(days=2), LAST - timedelta(days=1), LAST]
    assert len(days(NOW - timedelta(days=300))) == 90
    assert days(NOW + timedelta(days=2)) == [LAST]
    assert days(NOW - timedelta(days=2), 1) == [LAST]


def test_what_is_open_today_is_the_list_of_the_digest():
    steps, _ = invented_log(7)
    found = resolve_exposures(steps)
    digest = summarize([], found, Period(NOW - timedelta(days=7), NOW, NOW), SETTINGS)
    assert trend(steps).days[-1].open == digest.open_count
