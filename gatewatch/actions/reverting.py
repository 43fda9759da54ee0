"""Plans and executes reverts and their undo for the handler of clicks and for `gatewatch act`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.notification import Sentence
from gatewatch.remediation.revert.attachments import ATTACHABLE, groups_command
from gatewatch.remediation.revert.frozen import freeze, freeze_undo, perform_frozen, undo_frozen
from gatewatch.remediation.revert.openings import opened_changes
from gatewatch.remediation.revert.plan import Obstacle
from gatewatch.rendering.text.undo import undo_of

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.notification import AlertNotification
    from gatewatch.model.revert import FrozenPlan, RevertReport
    from gatewatch.remediation.revert.plan import NotRevertibleError
    from gatewatch.remediation.revert.reverter import Reverter


# Where there is something to revert, and a person can do it.
_BY_COMMAND = frozenset(
    {
        Obstacle.NO_KIND,
        Obstacle.UNLISTED_ACCOUNT,
        Obstacle.INCOMPLETE,
        Obstacle.EARLIER_UNKNOWN,
        Obstacle.EARLIER_OPEN,
        Obstacle.NO_UNDO,
        Obstacle.NOT_READABLE,
    }
)


def obstacle_sentences(error: NotRevertibleError, notification: AlertNotification) -> tuple[Sentence, ...]:
    """Say why a call is not reverted, with the command that does it where there is one."""
    if error.obstacle not in _BY_COMMAND:
        return (error.sentence,)
    command, groups = undo_of(notification.alert).command, _groups_command(error, notification.alert)
    commands = {"revert_groups_by_command": groups, "revert_by_command": command}
    return (error.sentence, *(Sentence(key, {"command": each}) for key, each in commands.items() if each))


def _groups_command(error: NotRevertibleError, alert: Alert) -> str:
    """The command that sets groups, which the person has to find out; empty unless that is what is missing."""
    if error.obstacle is not Obstacle.EARLIER_UNKNOWN:
        return ""
    kind = next((each for each in opened_changes(alert) if each in ATTACHABLE), None)
    return groups_command(kind, error.detail, alert.call.region) if kind else ""


class Reverts:
    def __init__(self, reverter: Reverter) -> None:
        self._reverter = reverter

    def plan(self, notification: AlertNotification) -> FrozenPlan:
        """Raises `NotRevertibleError` and `HubTableError`."""
        return freeze(self._reverter.plan(notification))

    def plan_undo(self, report: RevertReport | None) -> FrozenPlan:
        """The plan that undoes the revert of a report. Raises `NotRevertibleError` and `HubTableError`."""
        return freeze_undo(report.change_id if report else "", self._reverter)

    def undo(self, plan: FrozenPlan) -> RevertReport:
        """Execute the plan of an undo as it was approved. Raises `HubTableError`."""
        return undo_frozen(plan, self._reverter)

    def execute(self, plan: FrozenPlan, notification: AlertNotification) -> RevertReport:
        """Execute the plan as it was approved. Raises `HubTableError`."""
        return perform_frozen(plan, self._reverter, notification.actor)
