"""When a destination does not want to hear what can wait until the morning."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import pytz
from msgspec import Struct

from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK = re.compile(r"^([01][0-9]|2[0-3]):([0-5][0-9])\Z")


class QuietHours(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """From one time of day to the next, `"22:00"` to `"07:00"`; what is less severe than `below` waits for the end.

    Without a time zone it is that of the defaults in accounts.yaml.
    """

    start: str
    end: str
    timezone: str | None = None
    below: Severity = Severity.MEDIUM

    def problems(self) -> Iterator[tuple[str, str]]:
        """The key and a sentence for all that is wrong."""
        for key, clock in (("from", self.start), ("to", self.end)):
            if not _CLOCK.match(clock):
                yield key, f'"{clock}" is no time of day; write one in quotes, such as "22:00".'
        if self.start == self.end:
            yield "to", "is the same as from, so it is never quiet or always; write another time."
        if self.below.rank > Severity.HIGH.rank:
            yield "below", "would let a high alert wait; write low, medium or high."
        if self.timezone is not None and self.timezone not in pytz.all_timezones_set:
            yield "timezone", f'"{self.timezone}" is no time zone; write a name such as Asia/Seoul or UTC.'


def held_until(quiet: QuietHours | None, severity: Severity, now: datetime, zone: str) -> datetime | None:
    """When a message may go that must wait now; None for one that goes at once.

    `zone` is that of the defaults. On the night that the clocks change, the clock on the wall counts.
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
