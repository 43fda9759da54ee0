"""SQS handler: events queue to outbox, one event at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.routing import escalating_routes
from gatewatch.aws import metrics
from gatewatch.aws.hub_table import HubTableError
from gatewatch.delivery.notices import unreadable_notice
from gatewatch.digest.activity_log import NO_ACTIVITY_LOG
from gatewatch.errors import GatewatchError, TransientDeliveryError, UndecodableError
from gatewatch.events.canary import parse_canary
from gatewatch.events.decoding import decode, parse
from gatewatch.model.api_call import ApiCall
from gatewatch.model.message import addressed
from gatewatch.model.notification import AlertNotification, Sentence
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from logging import Logger

    from gatewatch.alerts.silent_changes import SilentChange
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.destinations import Route
    from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.digest.activity_log import ActivitySink
    from gatewatch.events.canary import Canary
    from gatewatch.model.alert import Alert
    from gatewatch.model.message import OutboxMessage

_TRIES = 3  # of the fifteen receives of the queue: an unexpected error is reported before the queue gives up
_LAST_TRY = 15  # after it the queue would move the event to the DLQ itself, without a reason


@dataclass(frozen=True)
class AlertHandler:
    """`configuration_error` is shown above every message, if it is not empty. `on_canary` records a canary.

    `watch` gets the messages on the outbox, and when their event arrived, in seconds since 1970; `escalate` also the
    routes that escalate their alert. `explained_by` returns what the sweep reported as changed without an event and an
    alert explains, by rule id; it may raise `HubTableError`.
    The caller flushes `activity`, and calls `save_unwritten`, after all records are handled.
    """

    pipeline: AlertPipeline
    outbox: MessageSink
    dead_letters: DeadLetterQueue
    log: Logger
    meter: Meter
    configuration_error: str = ""
    on_canary: Callable[[Canary], None] = lambda _canary: None
    watch: Callable[[Sequence[OutboxMessage], float], None] = lambda _messages, _arrived: None
    escalate: Callable[[Sequence[Route], Sequence[OutboxMessage], float], None] = lambda *_planned: None
    explained_by: Callable[[Alert, float], Mapping[str, SilentChange]] = lambda _alert, _arrived: {}
    activity: ActivitySink = NO_ACTIVITY_LOG
    save_unwritten: Callable[[], None] = lambda: None

    def handle(self, record: dict[str, Any]) -> None:
        """Handle one SQS record. Raises when its messages cannot be sent now; SQS then delivers it again.

        An event that cannot be read is reported to operators and dead-lettered with the reason.
        """
        self.log.debug("event", extra={"message_id": record["messageId"], "body": record["body"]})
        self.meter.count(metrics.EVENTS_RECEIVED)
        if self.configuration_error:
            self.meter.count(metrics.CONFIGURATION_ERRORS)
        try:
            self._process_record(record)
        except Exception as error:
            if _receives(record) < _LAST_TRY:
                raise
            self.log.exception("not processed", extra={"message_id": record["messageId"]})
            self._dead_letter(record, f"not processed in {_LAST_TRY} attempts: {_error_text(error)}")

    def _process_record(self, record: dict[str, Any]) -> None:
        try:
            self._process_body(record["body"], _arrived(record))
        except TransientDeliveryError:
            raise
        except UndecodableError as error:
            self._give_up(record, str(error))
        except Exception as error:
            if _receives(record) < _TRIES:
                raise
            self.log.exception("given up", extra={"message_id": record["messageId"]})
            self._give_up(record, f"gatewatch failed on it: {_error_text(error)}")

    def _process_body(self, body: str, arrived: float) -> None:
        """Process every part that can be read, then raise the error of the first part that cannot."""
        document = parse(body, "event")
        if canary := parse_canary(document):
            self.on_canary(canary)
            return
        unreadable: list[UndecodableError] = []
        for decoded in decode(document, "event"):
            if isinstance(decoded, ApiCall):
                self._emit(decoded, arrived)
            elif isinstance(decoded, UndecodableError):
                unreadable.append(decoded)
            else:
                unreadable.append(UndecodableError(decoded.where, "is an unrecognized document"))
        if unreadable:
            raise unreadable[0]

    def _emit(self, call: ApiCall, arrived: float) -> None:
        facts = {"event_id": call.event_id, "account_id": call.account_id, "event_name": call.event_name}
        result = run_pipeline(call, self.pipeline)
        if result is None:
            self.log.info("not relevant", extra=facts)
            return
        explained, error = self._explained(result.unsuppressed, arrived)
        alerts = [self._with_banner(each) for each in result.messages]
        messages, corrections = self._correcting(alerts, explained, result.alert, arrived)
        self._send(messages, arrived)
        self.escalate(escalating_routes(result.alert, self.pipeline.settings), messages, arrived)
        self.outbox.put([*result.updates, *corrections])
        self.activity.record(result.unsuppressed, result.alert)
        self.meter.count(metrics.CHANGES, len(result.alert.changes))
        self.meter.count(metrics.ALERTS + result.alert.severity.capitalize())
        if result.suppressed:
            self.meter.count(metrics.SUPPRESSED, result.suppressed)
        is_suppressed = result.suppressed == len(result.alert.changes)
        is_expected = result.messages or is_suppressed or result.alert.severity is Severity.INFO
        log = self.log.info if is_expected else self.log.warning
        verdict = {"severity": result.alert.severity.value, "muted": result.suppressed, "exceptions": result.exceptions}
        log("alerted", extra={**facts, **verdict, "messages": len(result.messages)})
        if error:
            raise error  # the alert is sent; received again, the event corrects what it explains

    def _explained(self, alert: Alert, arrived: float) -> tuple[Mapping[str, SilentChange], HubTableError | None]:
        try:
            return self.explained_by(alert, arrived), None
        except HubTableError as error:
            return {}, error

    def _correcting(
        self, messages: list[OutboxMessage], explained: Mapping[str, SilentChange], alert: Alert, arrived: float
    ) -> tuple[list[OutboxMessage], list[OutboxMessage]]:
        """Return the messages with what the event explains, and what corrects the reports of the sweep."""
        if not explained:
            return messages, []
        from gatewatch.alerts.late_events import correction_messages, with_explanation  # noqa: PLC0415  few are late

        self.meter.count(metrics.LATE_EVENTS, len(explained))
        explaining = [with_explanation(each, explained, alert, arrived) for each in messages]
        return explaining, correction_messages(explained, alert, arrived, self.pipeline.settings)

    def _with_banner(self, message: OutboxMessage) -> OutboxMessage:
        notification = message.notification
        if not self.configuration_error or not isinstance(notification, AlertNotification):
            return message
        banner = Sentence("configuration_invalid", {"reason": self.configuration_error})
        return replace(message, notification=replace(notification, banners=(banner,)))

    def _give_up(self, record: dict[str, Any], reason: str) -> None:
        """Notify operators, then dead-letter: the ledger skips the second notification after a crash in between."""
        settings = self.pipeline.settings
        notice = unreadable_notice(
            record["messageId"], reason, record["body"], self.dead_letters.name, settings.defaults.language
        )
        self._send(addressed(notice, settings.default_destinations), _arrived(record))
        self._dead_letter(record, reason)

    def _send(self, messages: Sequence[OutboxMessage], arrived: float) -> None:
        self.outbox.put(messages)
        self.watch(messages, arrived)

    def _dead_letter(self, record: dict[str, Any], reason: str) -> None:
        self.dead_letters.put(record["body"], reason, record["messageId"])
        self.meter.count(metrics.DEAD_LETTERED)
        self.log.error("unreadable", extra={"message_id": record["messageId"], "reason": reason})


def _receives(record: dict[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _arrived(record: dict[str, Any]) -> float:
    return int(record["attributes"]["SentTimestamp"]) / 1000


def _error_text(error: Exception) -> str:
    """The text of an error of a library can hold secrets or event text: only its type is shown."""
    return str(error) if isinstance(error, GatewatchError) else type(error).__name__
