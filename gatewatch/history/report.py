"""The report of a run: all rows by account and year, what stood open and when, and what could not be read."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.errors import ConfigurationError
from gatewatch.history.entries import Problem
from gatewatch.history.intervals import Intervals, OpenInterval
from gatewatch.history.partitions import ROWS, Partition, Partitions, partition_of
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.history.entries import Assessed
    from gatewatch.history.formats import RowFormat
    from gatewatch.history.storage import Storage

_YEAR = 4  # digits of a time


class AccountYear(Struct, frozen=True):
    """Rows by severity, and the exposures that were opened in this year, closed in it, and open at its end."""

    account_id: str
    year: str
    rows: int
    critical: int
    high: int
    medium: int
    opened: int
    closed: int
    open_at_end: int


class Report(Struct, frozen=True):
    by_account_and_year: tuple[AccountYear, ...]
    intervals: tuple[OpenInterval, ...]
    problems: int


def write_report(entries: Iterable[Assessed | Problem], target: Storage, row_format: RowFormat) -> Report:
    """Write `rows/`, `intervals.jsonl`, `summary.jsonl` and `problems.jsonl`; return what is in the summary.

    Raises `ConfigurationError` before the first when the target has rows: they would count twice in a query.
    """
    if any(each.name.startswith(ROWS) for each in islice(target.files(ROWS), 1)):
        raise ConfigurationError(f"{target.location}: has a report already; remove it, or name another place by --to.")
    partitions, intervals = Partitions(target, row_format), Intervals()
    severities: Counter[tuple[Partition, str]] = Counter()
    problems: list[Problem] = []
    for each in entries:
        if isinstance(each, Problem):
            problems.append(each)
            continue
        for row in each.rows:
            severities[partitions.add(row), row.severity] += 1
        if each.exposure_change:
            intervals.add(each.exposure_change)
    partitions.close()
    found = tuple(intervals.all())
    summary = tuple(_summary(severities, found))
    target.write("intervals.jsonl", _lines(found))
    target.write("summary.jsonl", _lines(summary))
    target.write("problems.jsonl", _lines(problems))
    return Report(summary, found, len(problems))


def _lines(values: Sequence[Struct]) -> bytes:
    return b"".join(msgspec.json.encode(each) + b"\n" for each in values)


def _summary(severities: Counter[tuple[Partition, str]], intervals: Sequence[OpenInterval]) -> Iterator[AccountYear]:
    rows: Counter[Partition] = Counter()
    for (partition, _), count in severities.items():
        rows[partition] += count
    opened = Counter(partition_of(each.account_id, each.opened_at) for each in intervals)
    closed = Counter(partition_of(each.account_id, each.closed_at) for each in intervals if each.closed_at)
    years = [int(each.year) for each in {*rows, *opened, *closed} if each.year.isdigit()]
    open_at_end = Counter(each for interval in intervals for each in _open_years(interval, max(years)))
    for each in sorted({*rows, *opened, *closed, *open_at_end}):
        yield AccountYear(
            account_id=each.account_id,
            year=each.year,
            rows=rows[each],
            critical=severities[each, Severity.CRITICAL],
            high=severities[each, Severity.HIGH],
            medium=severities[each, Severity.MEDIUM],
            opened=opened[each],
            closed=closed[each],
            open_at_end=open_at_end[each],
        )


def _open_years(interval: OpenInterval, last: int) -> Iterator[Partition]:
    """The years at whose end an interval was open, up to the last year of the run."""
    end = int(interval.closed_at[:_YEAR]) - 1 if interval.closed_at else last
    for year in range(int(interval.opened_at[:_YEAR]), end + 1):
        yield partition_of(interval.account_id, f"{year:04}")
