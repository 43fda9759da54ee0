"""Quiet hours of a destination: when messages below a severity are deferred."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import pytz
from msgspec import Struct

from gatewatch.config.formats import TIME_OF_DAY, time_zone_problems
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator


class QuietHours(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """A daily period such as `"22:00"` to `"07:00"`. Messages less severe than `below` are deferred to its end.

    Without `timezone`, the time zone of the defaults in accounts.yaml applies.
    """

    start: str
    end: str
    timezone: str | None = None
    below: Severity = Severity.MEDIUM

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield key and sentence for every problem."""
        for key, clock in (("from", self.start), ("to", self.end)):
            if not TIME_OF_DAY.match(clock):
                yield key, f'"{clock}" is not a time of day; write one in quotes, such as "22:00".'
        if self.start == self.end:
            yield "to", "is the same as from; write another time."
        if self.below.rank > Severity.HIGH.rank:
            yield "below", "would defer alerts of high severity; write low, medium or high."
        yield from (("timezone", each) for each in time_zone_problems(self.timezone))


def deferred_until(quiet: QuietHours | None, severity: Severity, now: datetime, zone: str) -> datetime | None:
    """Return the end of the quiet hours for a message to defer; None for one to send now.

    `zone` is the default time zone. Quiet hours are in local wall-clock time, also when the clocks change.
    """
    if quiet is None or severity.rank >= quiet.below.rank:
        return None
    there = pytz.timezone(quiet.timezone or zone)
    local = now.astimezone(there)
    start, end = _clock(quiet.start), _clock(quiet.end)
    clock = local.time()
    is_quiet = start <= clock < end if start < end else clock >= start or clock < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=clock >= end)
    return there.localize(datetime.combine(day, end)).astimezone(now.tzinfo)


def _clock(text: str) -> time:
    return time.fromisoformat(text)
