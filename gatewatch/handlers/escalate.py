"""Scheduled handler: sends escalations that are due to the outbox, unless they are no longer needed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.aws import metrics
from gatewatch.delivery.escalations import escalation_of_fallback
from gatewatch.delivery.ledger import DeliveryState, part_key
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import TransientDeliveryError, UndecodableError
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
        """Send and remove what is due. One that fails is left for the next run, and its error is raised at the end."""
        failed: list[TransientDeliveryError] = []
        for each in self.escalations.due(self.now()):
            try:
                self._send_or_drop(each)
            except TransientDeliveryError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _send_or_drop(self, escalation: Escalation) -> None:
        """Send first, then remove: the ledger skips what is sent again after a crash in between."""
        if escalation.reason is FallbackReason.UNATTENDED:
            is_needed, is_late = not self._is_closed(escalation), False
        else:
            state = self.ledger.get(part_key(escalation.key, 1)).state
            # What was given up has a fallback message already, which may be late as well.
            is_needed, is_late = state is DeliveryState.STARTED, state is not DeliveryState.DELIVERED
        if is_needed:
            self._send(escalation)
        if is_late:
            self._watch_fallback(escalation)
        self.escalations.remove([escalation])

    def _send(self, escalation: Escalation) -> None:
        self.outbox.put_entries([escalation.entry])
        facts = {"key": escalation.key, "destination": escalation.destination, "target": escalation.target}
        self.log.warning("escalated", extra={**facts, "reason": escalation.reason.value})
        self.meter.count(metrics.ESCALATED)

    def _watch_fallback(self, escalation: Escalation) -> None:
        """A message of another release is not watched any further: delivery reports it."""
        with suppress(UndecodableError):
            if further := escalation_of_fallback(escalation, self.now()):
                self.escalations.schedule(further)

    def _is_closed(self, escalation: Escalation) -> bool:
        """Whether everything that an alert opened is closed, as far as its first destination was notified.

        An acknowledgement removes the escalation.
        """
        try:
            notification = decode_message(escalation.entry.body).notification
        except UndecodableError:  # of another release: delivery reports it
            return False
        change = notification.exposure_change if isinstance(notification, AlertNotification) else None
        if change is None or not change.opened:
            return False
        history = self.threads.history(escalation.destination, change.group_key).with_change(escalation.key, change)
        return history.state_of(escalation.key).end is not None
