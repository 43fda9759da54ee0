"""Plans and executes reverts for the handler of clicks and for `gatewatch act`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.remediation.revert.frozen import freeze, perform_frozen

if TYPE_CHECKING:
    from gatewatch.model.notification import AlertNotification
    from gatewatch.model.revert import FrozenPlan, RevertReport
    from gatewatch.remediation.revert.reverter import Reverter


class Reverts:
    def __init__(self, reverter: Reverter) -> None:
        self._reverter = reverter

    def plan(self, notification: AlertNotification) -> FrozenPlan:
        """Raises `NotRevertibleError` and `HubTableError`."""
        return freeze(self._reverter.plan(notification))

    def execute(self, plan: FrozenPlan, notification: AlertNotification) -> RevertReport:
        """Execute the plan as it was approved. Raises `HubTableError`."""
        return perform_frozen(plan, self._reverter, notification.actor)
