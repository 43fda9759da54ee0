"""Giving up a message: it goes to the fallback destination and to the dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.aws import metrics
from gatewatch.delivery.fallback import fallback_message
from gatewatch.delivery.ledger import DeliveryState, LedgerEntry
from gatewatch.delivery.notices import unreadable_notice
from gatewatch.model.message import FallbackReason, addressed

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.outbox import Outbox, QueuedMessage
    from gatewatch.model.message import OutboxMessage


@dataclass(frozen=True)
class DeadLettering:
    settings: Settings
    ledger: Ledger
    outbox: Outbox
    dead_letters: DeadLetterQueue
    log: Logger
    meter: Meter

    def give_up(self, message: OutboxMessage, part_key: str, queued: QueuedMessage, reason: str) -> None:
        """Give up a message at one of its parts. Each step is idempotent; a retry continues here after a crash.

        Raises `TransientDeliveryError`; the message then stays in the outbox.
        """
        uncertain = self.ledger.get(part_key).uncertain
        self.ledger.write(part_key, LedgerEntry(DeliveryState.GIVING_UP, reason, uncertain=uncertain))
        why = FallbackReason.UNCERTAIN if uncertain else FallbackReason.REFUSED
        fallback = fallback_message(message, why, self.settings)
        self.outbox.put([fallback] if fallback else [])
        self.dead_letters.put(queued.body, reason, queued.message_id)
        self.ledger.write(part_key, LedgerEntry(DeliveryState.DEAD_LETTERED, reason))
        notification = message.notification
        facts = {"event_id": notification.event_id, "account_id": notification.account_id}
        self._record({**facts, "destination": message.destination, "key": part_key, "reason": reason})

    def give_up_unreadable(self, queued: QueuedMessage, reason: str) -> None:
        """Give up a body that cannot be decoded: operators are notified, it goes to the dead-letter queue."""
        notice = unreadable_notice(
            queued.message_id, reason, queued.body, self.dead_letters.name, self.settings.defaults.language
        )
        self.outbox.put(addressed(notice, self.settings.default_destinations))
        self.dead_letters.put(queued.body, reason, queued.message_id)
        self._record({"message_id": queued.message_id, "reason": reason})

    def _record(self, facts: dict[str, str]) -> None:
        self.log.error("dead-lettered", extra=facts)
        self.meter.count(metrics.DEAD_LETTERED)
