"""From the events queue to the outbox: each event alone, so that a bad one never holds up its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch import meter, notice
from gatewatch.decode import decode, parse
from gatewatch.errors import RenderError, TransientDeliveryError, UndecodableError
from gatewatch.model import ApiCall, Message, Severity
from gatewatch.pipeline import Hub, worded

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.dead_letters import DeadLetters
    from gatewatch.meter import Meter
    from gatewatch.outbox import Outbox

_TRIES = 3  # of five that the queue allows: what fails by our own fault is told before the queue gives up


@dataclass(frozen=True)
class AlertStage:
    """`banner` is set while the configuration cannot be read: it stands above every message."""

    hub: Hub
    outbox: Outbox
    dead: DeadLetters
    log: Logger
    meter: Meter
    banner: str = ""

    def handle(self, record: dict[str, Any]) -> None:
        """One SQS record. Raises when its messages cannot be handed on now: SQS brings it again.

        What can never be read is told as such, and kept in the dead-letter queue with the reason.
        """
        self.meter.count(meter.EVENTS_IN)
        if self.banner:
            self.meter.count(meter.CONFIGURATION_BROKEN)
        try:
            self._read(record["body"])
        except (UndecodableError, RenderError) as error:
            self._give_up(record, str(error))
        except TransientDeliveryError:
            raise
        except Exception as error:
            if _receives(record) < _TRIES:
                raise
            self.log.exception("given up", extra={"message_id": record["messageId"]})
            self._give_up(record, f"gatewatch failed on it: {type(error).__name__}")

    def _read(self, body: str) -> None:
        for decoded in decode(parse(body, "event"), "event"):
            if isinstance(decoded, UndecodableError):
                raise decoded
            if not isinstance(decoded, ApiCall):
                raise UndecodableError(decoded.where, "is an object of no form that is known here")
            self._tell(decoded)

    def _tell(self, call: ApiCall) -> None:
        facts = {"event_id": call.event_id, "account_id": call.account_id, "event_name": call.event_name}
        told = worded(call, self.hub)
        if told is None:
            self.log.info("of no family", extra=facts)
            return
        self.outbox.put([self._bannered(each) for each in told.messages])
        self.meter.count(meter.CHANGES, len(told.alert.changes))
        self.meter.count(meter.ALERTS + told.alert.severity.capitalize())
        log = self.log.info if told.messages else self.log.warning
        severity = told.alert.severity.value
        log("alerted", extra={**facts, "severity": severity, "messages": len(told.messages)})

    def _bannered(self, message: Message) -> Message:
        if not self.banner:
            return message
        body = notice.with_banner(message.body.encode(), self.banner).decode()
        return msgspec.structs.replace(message, body=body)

    def _give_up(self, record: dict[str, Any], reason: str) -> None:
        """Told before it is put away: a crash in between tells it once more, and the ledger skips that."""
        message_id = record["messageId"]
        payload = notice.unreadable_event(message_id, reason, record["body"], self.dead.queue).decode()
        destinations = self.hub.settings.default_destinations
        self.outbox.put([_notice(message_id, name, payload) for name in destinations])
        self.dead.keep(record["body"], reason, message_id)
        self.meter.count(meter.DEAD)
        self.log.error("unreadable", extra={"message_id": message_id, "reason": reason})


def _notice(message_id: str, destination: str, payload: str) -> Message:
    return Message(
        key=f"unreadable-{message_id}#{destination}", destination=destination, body=payload, severity=Severity.HIGH
    )


def _receives(record: dict[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
