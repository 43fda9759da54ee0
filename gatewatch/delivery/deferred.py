"""Messages deferred to the end of quiet hours: rows of the hub's table, released by the schedule of the heartbeat.

They do not wait in the outbox: a FIFO queue has one delay for all of its messages, and an invisible message blocks its
whole group (SQS developer guide, "delay queues" and "visibility timeout").
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.sharded_rows import ShardedRows, ShardedValues
from gatewatch.config.quiet_hours import deferred_until
from gatewatch.delivery.outbox import OutboxEntry, entry_of
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink, Outbox
    from gatewatch.model.message import OutboxMessage


class _Deferred(Struct, frozen=True):
    """Times are in seconds since 1970."""

    entry: OutboxEntry
    until: float
    event_time: float


DEFERRED = ShardedRows(prefix="deferred", name="deferred messages", value_type=_Deferred)


class DeferredMessages:
    def __init__(self, table: HubTable) -> None:
        self._values = ShardedValues(table, DEFERRED)

    def defer(self, message: OutboxMessage, until: float) -> bool:
        """Store a message until a time. False when its row is full. Idempotent. Raises `TransientDeliveryError`."""
        entry = entry_of(message)
        return self._values.put(entry.deduplication_id, _Deferred(entry, until, message.notification.event_time or 0))

    def release_due(self, now: float, outbox: Outbox) -> int:
        """Send what is due to the outbox, then delete it; the ledger skips what a crash in between sends twice."""
        waiting = (each for _, each in self._values.all())
        due = sorted((each for each in waiting if each.until <= now), key=lambda each: each.event_time)
        outbox.put_entries([each.entry for each in due])
        for each in due:
            self._values.remove(each.entry.deduplication_id)
        return len(due)


Defer = Callable[["OutboxMessage", float], bool]


class QuietHoursOutbox:
    """The outbox, except that messages to destinations in their quiet hours are deferred. A full row defers nothing.

    `defer` is that of `DeferredMessages`, as a function so that a hub without quiet hours creates no client for it.
    """

    def __init__(
        self,
        outbox: Outbox,
        defer: Defer,
        settings: Settings,
        now: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._defer = defer
        self._settings = settings
        self._now = now

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        self._outbox.put([each for each in messages if not self._is_deferred(each)])

    def _is_deferred(self, message: OutboxMessage) -> bool:
        destination = self._settings.destinations.get(message.destination)
        if destination is None or destination.quiet is None or message.updates_only:
            return False
        now = datetime.fromtimestamp(self._now(), UTC)
        until = deferred_until(destination.quiet, message.notification.severity, now, self._settings.defaults.timezone)
        return until is not None and self._defer(message, until.timestamp())


class DurableOutbox:
    """For actions that have been performed and cannot be reported a second time: a rule closed, a key deactivated.

    What the outbox refuses is stored in the table and released by the heartbeat. Raises when that fails as well.
    """

    def __init__(self, outbox: MessageSink, defer: Defer, now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._defer = defer
        self._now = now

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        try:
            self._outbox.put(messages)
        except TransientDeliveryError:
            now = self._now()
            deferred = [self._defer(each, now) for each in messages]
            if not all(deferred):
                raise
