"""When a snooze ends or a proposed revert expires: rows that functions/act reads once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.actions.guards import ABANDONED_SECONDS
from gatewatch.aws.sharded_rows import ShardedRows, ShardedValues
from gatewatch.model.alert_actions import ActionEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.actions.state_machine import Transition
    from gatewatch.aws.hub_table import HubTable


class DueAlert(Struct, frozen=True):
    """`at` is in seconds since 1970. `is_raised`: another alert about the same has a higher severity."""

    alert: str
    at: float
    is_raised: bool = False


DUE_ALERTS = ShardedRows(prefix="action-due", name="alerts to look at again", value_type=DueAlert, shards=5)


class DueAlerts:
    """One time per alert, the latest one set. Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._values = ShardedValues(table, DUE_ALERTS)

    def watch(self, alert: str, done: Transition) -> None:
        """A full row is no error: state and guards depend on the time themselves, only the message is late then."""
        if at := _due_at(done):
            self._values.put(alert, DueAlert(alert, at))

    def wake(self, alert: str) -> None:
        """The severity of what a snoozed alert is about rose."""
        self._values.put(alert, DueAlert(alert, 0.0, is_raised=True))

    def due(self, now: float) -> Iterator[DueAlert]:
        return (each for _, each in self._values.all() if each.at <= now)

    def remove(self, alert: str) -> None:
        self._values.remove(alert)


def _due_at(done: Transition) -> float | None:
    """When an alert has to be looked at again after a transition; None if nothing becomes due."""
    proposal = done.actions.proposal
    match done.record.event:
        case ActionEvent.SNOOZE:
            return done.actions.snoozed_until
        case ActionEvent.PROPOSE_REVERT | ActionEvent.PROPOSE_UNDO:
            return proposal.expires_at if proposal else None
        case ActionEvent.APPROVE_REVERT | ActionEvent.APPROVE_UNDO | ActionEvent.BREAK_GLASS:
            return done.record.at + ABANDONED_SECONDS
        case _:
            return None
