"""Giving up a message: it goes to the fallback destination and to the dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gatewatch.aws import metrics
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.delivery.ledger import DeliveryState, LedgerEntry
from gatewatch.rendering.notices import unreadable_event_messages

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.outbox import Outbox, QueuedMessage
    from gatewatch.model.message import Message


@dataclass(frozen=True)
class DeadLettering:
    settings: Settings
    ledger: Ledger
    outbox: Outbox
    dead_letters: DeadLetterQueue
    log: Logger
    meter: Meter

    def give_up(self, message: Message, queued: QueuedMessage, reason: str) -> None:
        """Give up a message. Each step is idempotent; a retry after a crash starts here and does not deliver.

        Raises `TransientDeliveryError`; the message then stays in the outbox.
        """
        self.ledger.write(message.key, LedgerEntry(DeliveryState.GIVING_UP, reason))
        self.outbox.put(self._fallback_messages(message))
        self.dead_letters.put(queued.body, reason, queued.message_id)
        self.ledger.write(message.key, LedgerEntry(DeliveryState.DEAD_LETTERED, reason))
        facts = {"event_id": message.event_id, "account_id": message.account_id, "destination": message.destination}
        self._record({**facts, "key": message.key, "reason": reason})

    def give_up_unreadable(self, queued: QueuedMessage, reason: str) -> None:
        """Give up a body that is no message: operators are notified, it goes to the dead-letter queue."""
        self.outbox.put(
            unreadable_event_messages(queued.message_id, reason, queued.body, self.dead_letters.name, self.settings)
        )
        self.dead_letters.put(queued.body, reason, queued.message_id)
        self._record({"message_id": queued.message_id, "reason": reason})

    def _record(self, facts: dict[str, str]) -> None:
        self.log.error("dead-lettered", extra=facts)
        self.meter.count(metrics.DEAD_LETTERED)

    def _fallback_messages(self, message: Message) -> list[Message]:
        """The message for the fallback destination. One that fails there too goes to the hub topic, and no further."""
        name = self._fallback_of(message)
        if name is None or name == message.destination:
            return []
        first = message.instead_of or message.destination
        return [msgspec.structs.replace(message, key=f"{message.key}#instead", destination=name, instead_of=first)]

    def _fallback_of(self, message: Message) -> str | None:
        if message.instead_of is not None:
            return HUB_TOPIC
        destination = self.settings.destinations.get(message.destination)
        return destination.fallback if destination else HUB_TOPIC
