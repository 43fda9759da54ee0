"""Transitions that nobody asks for: time or AWS made them due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatewatch.actions.request import ActionRequest
from gatewatch.actions.state_machine import Transition, recorded
from gatewatch.errors import GatewatchError
from gatewatch.model.alert_actions import GATEWATCH, NO_ACTIONS, ActionEvent

if TYPE_CHECKING:
    from gatewatch.actions.alert_transitions import AlertTransitions
    from gatewatch.actions.due import DueAlert
    from gatewatch.actions.posted_alerts import PostedAlert, PostedAlerts

# What time makes due; the state and the guards say whether it is.
_DUE = (
    ActionEvent.EXPIRE_REVERT,
    ActionEvent.ABANDON_REVERT,
    ActionEvent.EXPIRE_UNDO,
    ActionEvent.ABANDON_UNDO,
    ActionEvent.END_SNOOZE,
)
_SETTLING = frozenset({*_DUE, ActionEvent.RAISE_SEVERITY, ActionEvent.CLOSE})


@dataclass(frozen=True)
class DueTransitions:
    alerts: PostedAlerts
    transitions: AlertTransitions

    def settle_due(self) -> None:
        """End snoozes and proposals whose time is over. Each alert is tried again until that is done.

        Raises the first error in the end: one alert does not keep the others from being settled.
        """
        errors = []
        for each in list(self.transitions.due.due(self.transitions.now())):
            try:
                self._settle_due(each)
            except GatewatchError as error:
                self.transitions.log.error("not settled", extra={"alert": each.alert, "reason": str(error)})  # noqa: TRY400
                errors.append(error)
        if errors:
            raise errors[0]

    def _settle_due(self, due: DueAlert) -> None:
        """The row of an alert is changed last, so a process that ends before that is followed by another one."""
        alert = self.alerts.find(due.alert)
        if alert and not self.settle(alert, is_raised=due.is_raised):
            self._resume(alert, due)
        actions = self.transitions.store.load(due.alert).actions if alert else NO_ACTIONS
        self.transitions.due.settled(due, actions)

    def _resume(self, alert: PostedAlert, due: DueAlert) -> None:
        """Follow up what an earlier process stored but may not have followed up, unless something happened since."""
        actions = self.transitions.store.load(alert.id).actions
        record = actions.audit[-1] if actions.audit else None
        if record and record.person == GATEWATCH and record.event in _SETTLING and record.at >= due.at:
            self.transitions.follow_up(alert, recorded(actions, record))

    def settle(self, alert: PostedAlert, *, is_raised: bool = False) -> bool:
        """Make the transitions that time or AWS made due; whether there were any."""
        found = {ActionEvent.CLOSE: alert.is_resolved, ActionEvent.RAISE_SEVERITY: is_raised}
        events = [event for event, is_due in found.items() if is_due]
        is_settled = False
        for event in [*events, *_DUE]:
            request = ActionRequest(event=event, person=GATEWATCH, at=self.transitions.now())
            if isinstance(done := self.transitions.perform(alert, request), Transition):
                self.transitions.follow_up(alert, done)
                is_settled = True
        return is_settled
