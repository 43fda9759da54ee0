"""What happens to a message that its destination will not take: somebody else is told, and it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gatewatch.aws import metrics as meter
from gatewatch.config.destinations import HUB_TOPIC
from gatewatch.delivery.ledger import Entry, State
from gatewatch.rendering import notices as notice

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.dead_letter_queue import DeadLetters
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.outbox import Outbox, Queued
    from gatewatch.model.message import Message


@dataclass(frozen=True)
class Burial:
    settings: Settings
    ledger: Ledger
    outbox: Outbox
    dead: DeadLetters
    log: Logger
    meter: Meter

    def bury(self, message: Message, queued: Queued, reason: str) -> None:
        """Each step can be taken again, so that who comes after a crash begins here and never delivers after all.

        Raises `TransientDeliveryError`; the message then stays in the outbox.
        """
        self.ledger.write(message.key, Entry(State.GIVING_UP, reason))
        self.outbox.put(self._instead(message))
        self.dead.keep(queued.body, reason, queued.message_id)
        self.ledger.write(message.key, Entry(State.DEAD, reason))
        facts = {"event_id": message.event_id, "account_id": message.account_id, "destination": message.destination}
        self._dead({**facts, "key": message.key, "reason": reason})

    def bury_unreadable(self, queued: Queued, reason: str) -> None:
        """What no outbox wrote has no destination that could be asked, and none to fall back from."""
        self.outbox.put(notice.unreadable(queued.message_id, reason, queued.body, self.dead.queue, self.settings))
        self.dead.keep(queued.body, reason, queued.message_id)
        self._dead({"message_id": queued.message_id, "reason": reason})

    def _dead(self, facts: dict[str, str]) -> None:
        self.log.error("dead", extra=facts)
        self.meter.count(meter.DEAD)

    def _instead(self, message: Message) -> list[Message]:
        """The same for the fallback. One that dies there too goes to the hub's topic, and after that nowhere."""
        name = self._fallback(message)
        if name is None or name == message.destination:
            return []
        first = message.instead_of or message.destination
        return [msgspec.structs.replace(message, key=f"{message.key}#instead", destination=name, instead_of=first)]

    def _fallback(self, message: Message) -> str | None:
        if message.instead_of is not None:
            return HUB_TOPIC
        destination = self.settings.destinations.get(message.destination)
        return destination.fallback if destination else HUB_TOPIC
