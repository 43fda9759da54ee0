"""Scheduled handler of digests: summarizes the activity log when a digest is due and sends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.config.digest import latest_due_digest
from gatewatch.digest.inventory_exposures import with_inventory
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.summary import summarize
from gatewatch.digest.trend import TREND_DAYS, recent_trend
from gatewatch.model.digest import Period

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.config.digest import DueDigest
    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity_log_reader import ActivityLogReader
    from gatewatch.digest.open_exposures import ResolvedExposures
    from gatewatch.digest.readings import Readings
    from gatewatch.model.digest import ActionCounts, Digest
    from gatewatch.model.trend import Trend

_WEEK = 7  # days
SendDigest = Callable[["Digest", "DueDigest"], None]


@dataclass(frozen=True)
class DigestHandler:
    """`senders` by the name of the kind of delivery; each raises on failure. `missing_events` counts the events of a
    period that are known to be missing from the activity log, `late_events` rules whose event arrived after a report
    that there was none, `actions` those of people, None while they are off. `readings`: what the sweep read last.

    Runs often. A failed sender is retried at the next run, until the next digest is due.
    """

    settings: Settings
    activity_log: ActivityLogReader
    missing_events: Callable[[datetime, datetime], int]
    late_events: Callable[[datetime, datetime], int]
    senders: dict[str, SendDigest]
    now: Callable[[], float]
    log: Logger
    readings: Callable[[], Readings]
    actions: Callable[[datetime, datetime], ActionCounts] | None = None

    def run(self) -> None:
        if not self.settings.digest.is_on:
            return
        now = datetime.fromtimestamp(self.now(), UTC)
        due, began = (
            latest_due_digest(self.settings.digest, now, self.settings.defaults.timezone),
            self.activity_log.recording_since(),
        )
        pending = {
            name: send for name, send in self.senders.items() if not self.activity_log.is_sent(f"{due.name} {name}")
        }
        if began > due.due_at or not pending:
            return
        digest = self._summarize(due, began, now)
        skipped = digest.is_empty and self.settings.digest.empty == "skip"
        failed: list[Exception] = []
        for name, send in pending.items():
            try:
                if not skipped:
                    send(digest, due)
                self.activity_log.mark_sent(f"{due.name} {name}")
            except Exception as error:
                self.log.exception("digest not sent", extra={"digest": due.name, "sender": name})
                failed.append(error)
        facts = {"events": digest.events, "open": len(digest.open), "missed": digest.missing_events, "skipped": skipped}
        self.log.info("digest", extra={"digest": due.name, **facts})
        if failed:
            raise failed[0]

    def _summarize(self, due: DueDigest, began: datetime, now: datetime) -> Digest:
        """The whole digest, or an error: an incomplete digest would be wrong."""
        first, last = due.bounds()
        self.activity_log.unread = 0
        kept = [each for each in self.activity_log.steps() if each.step.at <= now]
        found = resolve_exposures(each.step for each in kept)
        readings = self.readings()
        current = with_inventory(found, readings.regions)
        digest = summarize(self.activity_log.summaries(first, last), current, Period(first, last, now), self.settings)
        open_still = {(opened.key, opened.number) for exposure in found.open for opened in exposure.opened}
        self.activity_log.extend(each for each in kept if (each.step.key, each.step.number) in open_still)
        missing = self.activity_log.unread + self.missing_events(first, now)
        actions = self.actions(first, last) if self.actions else None
        return replace(
            digest,
            recording_since=began,
            missing_events=missing,
            late_events=self.late_events(first, last),
            actions=actions,
            readings=readings.summary,
            trend=self._trend(due, began, last, current),
        )

    def _trend(self, due: DueDigest, began: datetime, last: datetime, found: ResolvedExposures) -> Trend | None:
        """The trend is a part of weekly digests."""
        if due.days < _WEEK:
            return None
        return recent_trend(found, TREND_DAYS, began, last, due.zone, self.settings)
