"""Scheduled handler: releases deferred messages and sends reminders of exceptions that expire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatewatch.monitoring.reminders import due_reminders, reminder_id, reminder_messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.deferred import DeferredMessages
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.monitoring.reminders import ReminderStore


@dataclass(frozen=True)
class ScheduledHandler:
    settings: Settings
    deferred: DeferredMessages
    reminded: ReminderStore
    outbox: Outbox
    now: Callable[[], float]
    log: Logger

    def run(self) -> None:
        released = self.deferred.release_due(self.now(), self.outbox)
        self.log.info("scheduled", extra={"released": released, "reminded": self._remind()})

    def _remind(self) -> int:
        """Send first, then store: after a crash in between the ledger skips the second message."""
        if not self.settings.exceptions:
            return 0
        before = self.reminded.read()
        found = due_reminders(self.settings.exceptions, datetime.fromtimestamp(self.now(), UTC), before)
        if found:
            self.outbox.put(list(reminder_messages(found, self.settings)))
            current = {reminder_id(each) for each in self.settings.exceptions}
            self.reminded.write((before & current) | {reminder_id(each) for each in found})
        return len(found)
