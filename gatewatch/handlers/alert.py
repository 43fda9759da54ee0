"""From the events queue to the outbox: each event alone, so that a bad one never holds up its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.alerts.pipeline import Hub, worded
from gatewatch.aws import metrics as meter
from gatewatch.digest.activity_log import NO_BOOK
from gatewatch.errors import GatewatchError, RenderError, TransientDeliveryError, UndecodableError
from gatewatch.events.canary import canary_of
from gatewatch.events.decode import decode, parse
from gatewatch.model.api_call import ApiCall
from gatewatch.rendering import notices as notice

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.delivery.dead_letter_queue import DeadLetters
    from gatewatch.delivery.outbox import Outgoing
    from gatewatch.digest.activity_log import Book
    from gatewatch.events.canary import Canary
    from gatewatch.model.message import Message

_TRIES = 3  # of five that the queue allows: what fails by our own fault is told before the queue gives up
_LAST_TRY = 5  # after it the queue would put the event away itself, and not say why


@dataclass(frozen=True)
class AlertStage:
    """`banner` is set while the configuration cannot be read: it stands above every message. `hear` notes a canary.

    `book` is to be written by whoever invokes the stage, when all records are handled.
    """

    hub: Hub
    outbox: Outgoing
    dead: DeadLetters
    log: Logger
    meter: Meter
    banner: str = ""
    hear: Callable[[Canary], None] = lambda _canary: None
    book: Book = NO_BOOK

    def handle(self, record: dict[str, Any]) -> None:
        """One SQS record. Raises when its messages cannot be handed on now: SQS brings it again.

        What can never be read is told as such, and kept in the dead-letter queue with the reason.
        """
        self.log.debug("event", extra={"message_id": record["messageId"], "body": record["body"]})
        self.meter.count(meter.EVENTS_IN)
        if self.banner:
            self.meter.count(meter.CONFIGURATION_BROKEN)
        try:
            self._tell_or_give_up(record)
        except Exception as error:
            if _receives(record) < _LAST_TRY:
                raise
            self.log.exception("not told", extra={"message_id": record["messageId"]})
            self._keep(record, f"not told in {_LAST_TRY} tries: {_named(error)}")

    def _tell_or_give_up(self, record: dict[str, Any]) -> None:
        try:
            self._read(record["body"])
        except TransientDeliveryError:
            raise
        except (UndecodableError, RenderError) as error:
            self._give_up(record, str(error))
        except Exception as error:
            if _receives(record) < _TRIES:
                raise
            self.log.exception("given up", extra={"message_id": record["messageId"]})
            self._give_up(record, f"gatewatch failed on it: {_named(error)}")

    def _read(self, body: str) -> None:
        """Everything in it that can be read is told; then the first thing that cannot is raised."""
        document = parse(body, "event")
        if canary := canary_of(document):
            self.hear(canary)
            return
        unreadable: list[UndecodableError] = []
        for decoded in decode(document, "event"):
            if isinstance(decoded, ApiCall):
                self._tell(decoded)
            elif isinstance(decoded, UndecodableError):
                unreadable.append(decoded)
            else:
                unreadable.append(UndecodableError(decoded.where, "is an object of no form that is known here"))
        if unreadable:
            raise unreadable[0]

    def _tell(self, call: ApiCall) -> None:
        facts = {"event_id": call.event_id, "account_id": call.account_id, "event_name": call.event_name}
        told = worded(call, self.hub)
        if told is None:
            self.log.info("of no family", extra=facts)
            return
        self.outbox.put([self._bannered(each) for each in told.messages])
        self.book.note(told.judged, told.alert)
        self.meter.count(meter.CHANGES, len(told.alert.changes))
        self.meter.count(meter.ALERTS + told.alert.severity.capitalize())
        if told.muted:
            self.meter.count(meter.MUTED, told.muted)
        log = self.log.info if told.messages or told.muted == len(told.alert.changes) else self.log.warning
        verdict = {"severity": told.alert.severity.value, "muted": told.muted, "exceptions": told.exceptions}
        log("alerted", extra={**facts, **verdict, "messages": len(told.messages)})

    def _bannered(self, message: Message) -> Message:
        if not self.banner:
            return message
        return msgspec.structs.replace(message, body=notice.with_banner(message.body, self.banner))

    def _give_up(self, record: dict[str, Any], reason: str) -> None:
        """Told before it is put away: a crash in between tells it once more, and the ledger skips that."""
        queue, settings = self.dead.queue, self.hub.settings
        self.outbox.put(notice.unreadable(record["messageId"], reason, record["body"], queue, settings))
        self._keep(record, reason)

    def _keep(self, record: dict[str, Any], reason: str) -> None:
        self.dead.keep(record["body"], reason, record["messageId"])
        self.meter.count(meter.DEAD)
        self.log.error("unreadable", extra={"message_id": record["messageId"], "reason": reason})


def _receives(record: dict[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _named(error: Exception) -> str:
    """The text of an error that is no sentence of ours may hold anything."""
    return str(error) if isinstance(error, GatewatchError) else type(error).__name__
