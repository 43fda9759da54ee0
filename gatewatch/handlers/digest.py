"""The digest's work: see whether one is due, read the day book, tell everybody, remember that it was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.config.digest import due
from gatewatch.digest.open_exposures import gates
from gatewatch.digest.summary import Period, digest

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.config.digest import Due
    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity_log_reader import DayBookReader
    from gatewatch.digest.summary import Digest

Tell = Callable[["Digest", "Due"], None]


@dataclass(frozen=True)
class DigestStage:
    """`ways`: how a digest goes out, by name; each raises when it could not. `unbooked`: how many events of a time
    the book is known to lack.

    To be run often. What failed is tried again at the next run, until another digest is due.
    """

    settings: Settings
    book: DayBookReader
    unbooked: Callable[[datetime, datetime], int]
    ways: dict[str, Tell]
    now: Callable[[], float]
    log: Logger

    def run(self) -> None:
        if not self.settings.digest.is_on:
            return
        now = datetime.fromtimestamp(self.now(), UTC)
        wanted, began = due(self.settings.digest, now, self.settings.defaults.timezone), self.book.began()
        open_ways = {way: tell for way, tell in self.ways.items() if not self.book.is_told(f"{wanted.name} {way}")}
        if began > wanted.moment or not open_ways:
            return
        made = self._made(wanted, began, now)
        skipped = made.is_empty and self.settings.digest.empty == "skip"
        failed: list[Exception] = []
        for way, tell in open_ways.items():
            try:
                if not skipped:
                    tell(made, wanted)
                self.book.tell(f"{wanted.name} {way}")
            except Exception as error:
                self.log.exception("digest not told", extra={"digest": wanted.name, "way": way})
                failed.append(error)
        facts = {"events": made.events, "open": len(made.open), "missed": made.missed, "skipped": skipped}
        self.log.info("digest", extra={"digest": wanted.name, **facts})
        if failed:
            raise failed[0]

    def _made(self, wanted: Due, began: datetime, now: datetime) -> Digest:
        """All of it, or an error: half a digest would be a wrong one."""
        first, last = wanted.bounds()
        self.book.unread = 0
        kept = [each for each in self.book.steps() if each.step.at <= now]
        found = gates(each.step for each in kept)
        made = digest(self.book.entries(first, last), found, Period(first, last, now), self.settings)
        open_still = {(opened.key, opened.number) for gate in found.open for opened in gate.opened}
        self.book.prolong(each for each in kept if (each.step.key, each.step.number) in open_still)
        return replace(made, began=began, missed=self.book.unread + self.unbooked(first, now))
