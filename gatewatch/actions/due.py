"""When a snooze ends or a proposed revert expires: rows that functions/act reads once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.actions.guards import ABANDONED_SECONDS
from gatewatch.actions.transitions import rule_for
from gatewatch.aws.sharded_rows import ShardedRows, ShardedValues
from gatewatch.model.alert_actions import ActionEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.alert_actions import AlertActions


class DueAlert(Struct, frozen=True):
    """`at` is in seconds since 1970. `is_raised`: another alert about the same has a higher severity."""

    alert: str
    at: float
    is_raised: bool = False

    @property
    def name(self) -> str:
        """A value of its own for each of the two, so that neither replaces the other."""
        return f"{self.alert}0" if self.is_raised else self.alert


DUE_ALERTS = ShardedRows(prefix="action-due", name="alerts to look at again", value_type=DueAlert, shards=5)


class DueAlerts:
    """One time per alert, the next one. Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._values = ShardedValues(table, DUE_ALERTS)

    def watch(self, alert: str, actions: AlertActions) -> None:
        """A full row is no error: state and guards depend on the time themselves, only the message is late then."""
        if found := _due_alert(alert, actions):
            self._values.put(found.name, found)

    def wake(self, alert: str) -> None:
        """The severity of what a snoozed alert is about rose."""
        raised = DueAlert(alert, 0.0, is_raised=True)
        self._values.put(raised.name, raised)

    def due(self, now: float) -> Iterator[DueAlert]:
        return (each for _, each in self._values.all() if each.at <= now)

    def settled(self, due: DueAlert, actions: AlertActions) -> None:
        """Go on to what becomes due next, unless another process stored a new time meanwhile."""
        self._values.replace(due.name, due, None if due.is_raised else _due_alert(due.alert, actions))


def _due_alert(alert: str, actions: AlertActions) -> DueAlert | None:
    """When an alert has to be looked at again; None if nothing becomes due."""
    times = {
        ActionEvent.END_SNOOZE: actions.snoozed_until,
        ActionEvent.EXPIRE_REVERT: actions.proposal.expires_at if actions.proposal else 0.0,
        ActionEvent.EXPIRE_UNDO: actions.proposal.expires_at if actions.proposal else 0.0,
        ActionEvent.ABANDON_REVERT: _abandoned_at(actions),
        ActionEvent.ABANDON_UNDO: _abandoned_at(actions),
    }
    found = [at for event, at in times.items() if at and rule_for(event, actions.status)]
    return DueAlert(alert, min(found)) if found else None


def _abandoned_at(actions: AlertActions) -> float:
    return actions.audit[-1].at + ABANDONED_SECONDS if actions.audit else 0.0
