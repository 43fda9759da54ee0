"""What is due by the clock, whether or not anything happens: quiet hours that end, exceptions that will."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.monitoring.reminders import due, name, reminders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from logging import Logger

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.deferred import Held
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.digest.labels import DigestLabels
    from gatewatch.monitoring.reminders import Reminded


@dataclass(frozen=True)
class StandingStage:
    settings: Settings
    held: Held
    reminded: Reminded
    outbox: Outbox
    labels: Mapping[str, DigestLabels]
    now: Callable[[], float]
    log: Logger

    def run(self) -> None:
        released = self.held.release(self.now(), self.outbox)
        self.log.info("standing", extra={"released": released, "reminded": self._remind()})

    def _remind(self) -> int:
        """Told before it is remembered: a crash in between tells it again, and the ledger skips that."""
        if not self.settings.exceptions:
            return 0
        before = self.reminded.read()
        found = due(self.settings.exceptions, datetime.fromtimestamp(self.now(), UTC), before)
        if found:
            self.outbox.put(list(reminders(found, self.settings, self.labels)))
            current = {name(each) for each in self.settings.exceptions}
            self.reminded.write((before & current) | {name(each) for each in found})
        return len(found)
