"""Scheduled handler: sends escalations that are due to the outbox, unless they are no longer needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.aws import metrics
from gatewatch.delivery.ledger import DeliveryState, part_key
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import UndecodableError
from gatewatch.model.message import FallbackReason
from gatewatch.model.notification import AlertNotification

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.delivery.escalations import Escalation, Escalations
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.delivery.thread_store import ThreadStore


@dataclass(frozen=True)
class EscalateHandler:
    escalations: Escalations
    ledger: Ledger
    outbox: Outbox
    now: Callable[[], float]
    log: Logger
    meter: Meter
    threads: ThreadStore

    def run(self) -> None:
        """Send first, then remove: the ledger skips what is sent again after a crash in between."""
        due = self.escalations.due(self.now())
        needed = [each for each in due if self._is_needed(each)]
        self.outbox.put_entries([each.entry for each in needed])
        for each in needed:
            facts = {"key": each.key, "destination": each.destination, "target": each.target}
            self.log.warning("escalated", extra={**facts, "reason": each.reason.value})
        self.meter.count(metrics.ESCALATED, len(needed))
        self.escalations.remove(due)

    def _is_needed(self, escalation: Escalation) -> bool:
        """Whether the first part of a late message is neither delivered nor given up, which has a fallback of its own.

        An unattended alert is escalated unless what it opened is closed. An acknowledgement removes the escalation.
        """
        if escalation.reason is FallbackReason.UNATTENDED:
            return not self._is_closed(escalation)
        return self.ledger.get(part_key(escalation.key, 1)).state is DeliveryState.STARTED

    def _is_closed(self, escalation: Escalation) -> bool:
        """Whether everything that an alert opened is closed, as far as its first destination was notified."""
        try:
            notification = decode_message(escalation.entry.body).notification
        except UndecodableError:  # of another release: delivery reports it
            return False
        change = notification.exposure_change if isinstance(notification, AlertNotification) else None
        if change is None or not change.opened:
            return False
        history = self.threads.history(escalation.destination, change.group_key).with_change(escalation.key, change)
        return history.state_of(escalation.key).end is not None
