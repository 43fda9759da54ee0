"""Attribute changes made by gatewatch's own roles: its own actions, or somebody else's use of the role.

The role is recognised by its ARN in the account of the event, not by the session name, which the caller chooses.
No change is ever suppressed or lowered for it: an administrator of a member account can assume the role.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.alerts.own_actions import OwnAction, action_id
from gatewatch.events.user_identity import session_role_arn
from gatewatch.model.alert import AssessedChange
from gatewatch.model.change import Outcome
from gatewatch.model.severity import Reason, Severity

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall

_MAX_DELAY_SECONDS = 900.0  # the maximum run time of a Lambda function after it logged the action


class Attribution(Struct, frozen=True):
    """`roles`: names, with path, of the roles that gatewatch uses. `lookup` returns None when the log is unreadable."""

    roles: tuple[str, ...]
    lookup: Callable[[Collection[str]], Mapping[str, OwnAction] | None]

    def attribute(self, alert: Alert) -> Alert:
        """Return the alert with a reason for each change that one of the roles made."""
        if not self._is_by_own_role(alert.call) or alert.call.time is None:
            return alert
        ids = [action_id(alert.call, each.change) for each in alert.changes]
        found = self.lookup({each for each in ids if each is not None})
        if found is None:
            return alert
        at = alert.call.time.timestamp()
        actions = [found.get(each) if each is not None else None for each in ids]
        changes = tuple(
            _with_attribution(each, action, at) for each, action in zip(alert.changes, actions, strict=True)
        )
        return replace(alert, changes=changes)

    def _is_by_own_role(self, call: ApiCall) -> bool:
        _, _, arn = session_role_arn(call.record.get("userIdentity")).partition(":iam::")
        return any(arn == f"{call.account_id}:role/{role}" for role in self.roles)


def _with_attribution(assessed: AssessedChange, action: OwnAction | None, at: float) -> AssessedChange:
    if action is not None and at < action.at - _MAX_DELAY_SECONDS:
        return assessed  # a replayed old event whose row a later action has overwritten
    if action is not None and at <= action.at + _MAX_DELAY_SECONDS:
        code = "own_undo" if action.is_undo else "own_enforcement"
        return _with_reason(assessed, Reason(code, {"change": action.change_id}), Severity.INFO)
    if assessed.change.outcome is not Outcome.APPLIED:
        return assessed
    return _with_reason(assessed, Reason("own_role_used"), Severity.HIGH)


def _with_reason(assessed: AssessedChange, reason: Reason, minimum: Severity) -> AssessedChange:
    assessment = assessed.assessment
    severity = max(assessment.severity, minimum, key=lambda each: each.rank)
    reasons = (reason, *assessment.reasons)
    return AssessedChange(assessed.change, replace(assessment, severity=severity, reasons=reasons))
