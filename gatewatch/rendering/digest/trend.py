"""The sections of a weekly digest about the last months: what was open day by day, and the time to close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.rendering.digest.sections import DigestSection, age_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.digest import Digest
    from gatewatch.model.trend import CloseTime
    from gatewatch.rendering.digest.sections import DigestText


def trend_sections(digest: Digest, text: DigestText) -> Iterator[DigestSection]:
    """Yield a section with a chart and one with a line for each severity; nothing without a trend."""
    labels, trend = text.digest.digest, digest.trend
    if trend is None:
        return
    opened, closed, days = [each.open for each in trend.days], trend.close_times, len(trend.days)
    numbers = labels["trend_text"].format(
        first=opened[0],
        last=opened[-1],
        most=max(opened),
        opened=sum(each.opened for each in trend.days),
        closed=sum(each.closed for each in trend.days),
    )
    yield DigestSection(labels["trend"].format(days=days), lines=(numbers,), chart=tuple(opened))
    if closed:
        lines = tuple(_close_time(each, text) for each in closed)
        yield DigestSection(labels["close_times"].format(days=days), lines=lines)


def _close_time(each: CloseTime, text: DigestText) -> str:
    return text.digest.digest["close_time"].format(
        severity=text.alert.severity[each.severity],
        count=each.count,
        median=age_text(each.median, text),
        p90=age_text(each.p90, text),
    )
