"""An event of gatewatch's own role: its own work, named as such, or somebody else's, which is said loudly.

The role is recognised by its ARN in the account of the event, as CloudTrail writes it; a session's name, which its
user chooses, says nothing. Nothing is ever muted or lowered for it: whoever rules a member account can take the role.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.alerts.own_actions import OwnDeed, deed_of
from gatewatch.events.user_identity import role_arn
from gatewatch.model.alert import AssessedChange
from gatewatch.model.change import Outcome
from gatewatch.model.severity import Reason, Severity

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall

_SECONDS = 900.0  # as long as a function may run after it wrote down what it is about to do


class Attribution(Struct, frozen=True):
    """`roles` by name, with their path: those that gatewatch acts under. `look` gives None for not known now."""

    roles: tuple[str, ...]
    look: Callable[[Collection[str]], Mapping[str, OwnDeed] | None]

    def attributed(self, alert: Alert) -> Alert:
        """The alert with a reason for each change that the role made."""
        if not self._is_by_own_role(alert.call) or alert.call.time is None:
            return alert
        names = [deed_of(alert.call, each.change) for each in alert.changes]
        found = self.look({name for name in names if name is not None})
        if found is None:
            return alert
        at = alert.call.time.timestamp()
        deeds = [found.get(name) if name is not None else None for name in names]
        changes = tuple(_told(each, deed, at) for each, deed in zip(alert.changes, deeds, strict=True))
        return replace(alert, changes=changes)

    def _is_by_own_role(self, call: ApiCall) -> bool:
        _, _, arn = role_arn(call.record.get("userIdentity")).partition(":iam::")
        return any(arn == f"{call.account_id}:role/{role}" for role in self.roles)


def _told(assessed: AssessedChange, deed: OwnDeed | None, at: float) -> AssessedChange:
    if deed is not None and at < deed.at - _SECONDS:
        return assessed  # an old event, come again, of which a later deed has taken the row
    if deed is not None and at <= deed.at + _SECONDS:
        code = "own_undo" if deed.is_undo else "own_enforcement"
        return _with(assessed, Reason(code, {"change": deed.change_id}), Severity.INFO)
    if assessed.change.outcome is not Outcome.APPLIED:
        return assessed
    return _with(assessed, Reason("own_role_used"), Severity.HIGH)


def _with(assessed: AssessedChange, reason: Reason, least: Severity) -> AssessedChange:
    verdict = assessed.assessment
    severity = max(verdict.severity, least, key=lambda each: each.rank)
    return AssessedChange(assessed.change, replace(verdict, severity=severity, reasons=(reason, *verdict.reasons)))
