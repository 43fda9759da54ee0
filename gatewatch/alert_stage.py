"""From the events queue to the outbox: each event alone, so that a bad one never holds up its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewatch.decode import decode, parse
from gatewatch.errors import UndecodableError
from gatewatch.model import ApiCall
from gatewatch.pipeline import Hub, messages_of

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.outbox import Outbox


@dataclass(frozen=True)
class AlertStage:
    hub: Hub
    outbox: Outbox
    log: Logger

    def handle(self, record: dict[str, Any]) -> None:
        """One SQS record. Raises when it cannot be read, or its messages not be handed on: SQS brings it again."""
        for decoded in decode(parse(record["body"], "event"), "event"):
            if isinstance(decoded, UndecodableError):
                raise decoded
            if not isinstance(decoded, ApiCall):
                raise UndecodableError(decoded.where, "is an object of no form that is known here")
            self._tell(decoded)

    def _tell(self, call: ApiCall) -> None:
        messages = messages_of(call, self.hub)
        self.outbox.put(messages)
        facts = {"event_id": call.event_id, "account_id": call.account_id, "event_name": call.event_name}
        self.log.info("alerted", extra={**facts, "messages": len(messages)})
