"""Escalations: messages that are sent to a further destination at a time, unless they are no longer needed then.

functions/alert writes them to the table, functions/escalate sends those that are due once a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.sharded_rows import ShardedRows, ShardedValues
from gatewatch.delivery.fallback import fallback_message, last_fallback
from gatewatch.delivery.outbox import OutboxEntry, deduplication_id, entry_of
from gatewatch.delivery.wire import decode_message
from gatewatch.model.message import FallbackReason, addressed
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import Outbox
    from gatewatch.model.message import OutboxMessage
    from gatewatch.model.notification import AlertNotification

# Seconds after the arrival of an event within which its message is delivered or sent to the fallback.
DELIVERY_SECONDS = {Severity.CRITICAL: 300, Severity.HIGH: 1800}
# What is late at the fallback too goes on after so many runs of functions/escalate, which runs once a minute.
_RUNS_AT_THE_FALLBACK = {Severity.CRITICAL: 1, Severity.HIGH: 5}
_RUN_SECONDS = 60
# A functions/deliver that ends at a message costs the visibility timeout of the outbox, the next one delivers it.
_SENDING_SECONDS = 80


class Escalation(Struct, frozen=True, kw_only=True):
    """`entry` is the message for `target`. It is sent at `due`, in seconds since 1970, because of `reason`.

    `key` and `destination` are those of the message that is escalated; `key` is its key in the delivery ledger.
    """

    key: str
    destination: str
    target: str
    due: float
    reason: FallbackReason
    entry: OutboxEntry

    @property
    def name(self) -> str:
        return deduplication_id(f"{self.key}#{self.reason}#{self.target}")


# Twenty rows are read every minute; they hold about 4,000 messages of 2 KB.
ESCALATIONS = ShardedRows(prefix="due", name="escalations", value_type=Escalation, shards=20)


class Escalations:
    """Every method raises `TransientDeliveryError`."""

    def __init__(self, table: HubTable) -> None:
        self._values = ShardedValues(table, ESCALATIONS)

    def schedule(self, escalation: Escalation) -> bool:
        """Store an escalation, unless an earlier event of the same alert has one; False when its row is full."""
        return self._values.put_first(escalation.name, escalation)

    def due(self, now: float) -> list[Escalation]:
        """The escalations that are due, the first one first."""
        return sorted((each for _, each in self._values.all() if each.due <= now), key=lambda each: each.due)

    def remove(self, escalations: Iterable[Escalation]) -> None:
        for each in escalations:
            self._values.remove(each.name)


def escalation_of_fallback(escalation: Escalation, now: float) -> Escalation | None:
    """A late message that is late at its fallback too goes to the hub topic; None from there.

    Raises `UndecodableError` for a message of another release.
    """
    message = decode_message(escalation.entry.body)
    last = last_fallback(message, FallbackReason.LATE)
    if last is None:
        return None
    return Escalation(
        key=message.key,
        destination=message.destination,
        target=last.destination,
        due=now + (_RUNS_AT_THE_FALLBACK[message.notification.severity] - 0.5) * _RUN_SECONDS,  # runs are not exact
        reason=FallbackReason.LATE,
        entry=entry_of(last),
    )


def _seconds_to_wait(severity: Severity) -> float:
    """Time for the next run, those at the fallback, and sending it to the hub topic is left to the limit."""
    runs = 1 + _RUNS_AT_THE_FALLBACK[severity]
    return DELIVERY_SECONDS[severity] - runs * _RUN_SECONDS - _SENDING_SECONDS


class DeliveryDeadlines:
    """Has messages of high and critical severity sent to their fallback too when they are not delivered in time."""

    def __init__(self, escalations: Escalations, outbox: Outbox, settings: Settings) -> None:
        self._escalations = escalations
        self._outbox = outbox
        self._settings = settings

    def watch(self, messages: Iterable[OutboxMessage], arrived: float) -> None:
        """`arrived` is when their event arrived, in seconds since 1970. What fits into no row is sent at once."""
        planned = [self._escalation(each, arrived) for each in messages]
        self._outbox.put_entries([each.entry for each in planned if each and not self._escalations.schedule(each)])

    def cancel(self, notification: AlertNotification) -> None:
        """A person takes care of an alert: no destination is late any more. Raises `HubTableError`."""
        for message in addressed(notification, self._settings.destinations):
            if planned := self._escalation(message, 0.0):
                further = escalation_of_fallback(planned, 0.0)
                self._escalations.remove([planned, *([further] if further else [])])

    def _escalation(self, message: OutboxMessage, arrived: float) -> Escalation | None:
        severity = message.notification.severity
        fallback = fallback_message(message, FallbackReason.LATE, self._settings)
        if severity not in DELIVERY_SECONDS or fallback is None:
            return None
        return Escalation(
            key=message.key,
            destination=message.destination,
            target=fallback.destination,
            due=arrived + _seconds_to_wait(severity),
            reason=FallbackReason.LATE,
            entry=entry_of(fallback),
        )


class WatchedOutbox:
    """The outbox for messages that are about no event: their time counts from now, in seconds since 1970."""

    def __init__(self, outbox: Outbox, escalations: Escalations, settings: Settings, now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._watch = DeliveryDeadlines(escalations, outbox, settings).watch
        self._now = now

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        """Send messages, those of high and critical severity with a deadline. Raises `TransientDeliveryError`."""
        self._outbox.put(messages)
        self._watch(messages, self._now())
