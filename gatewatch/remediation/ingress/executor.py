"""Performs a plan and returns the result of each action: first what closes rules, then what authorises them.

An action whose result exists already has succeeded, so that a second run is no error.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.remediation.ingress.ec2 import ip_permission, rule_request
from gatewatch.remediation.ingress.plan import Authorize, IngressAction, Modify, Revoke
from gatewatch.remediation.ingress.rule_calls import authorize_rule, modify_rule, revoke_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_ec2 import EC2Client

    from gatewatch.remediation.ingress.rule_calls import RuleResult


class StepStatus(StrEnum):
    DONE = "done"
    ALREADY = "already"
    FAILED = "failed"
    SKIPPED = "skipped"


_STATUSES = {"failed": StepStatus.FAILED, "unchanged": StepStatus.ALREADY}


class StepResult(Struct, frozen=True):
    """An action as it was performed, and its result. `reason`: the error code of AWS."""

    action: IngressAction
    status: StepStatus
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status in {StepStatus.DONE, StepStatus.ALREADY}


def apply_ingress_actions(group_id: str, actions: Sequence[IngressAction], ec2: EC2Client) -> tuple[StepResult, ...]:
    """Perform every action; one that fails does not stop the others.

    A rule that cannot be modified is revoked, and its allowed part authorised in its place: the results say so.
    """
    closed = [_close(group_id, each, ec2) for each in actions if not isinstance(each, Authorize)]
    replaced = [part for _, parts in closed for part in parts]
    wanted = [*replaced, *(each for each in actions if isinstance(each, Authorize))]
    return (*(step for step, _ in closed), *(_authorize(group_id, each, ec2) for each in wanted))


def _close(group_id: str, action: Modify | Revoke, ec2: EC2Client) -> tuple[StepResult, tuple[Authorize, ...]]:
    """Return the result, and the allowed part when the rule had to be revoked instead of modified."""
    rule_id = action.current.rule.rule_id or ""
    if isinstance(action, Revoke):
        return _step(action, revoke_rule(ec2.revoke_security_group_ingress, group_id, rule_id)), ()
    result = modify_rule(ec2, group_id, rule_id, rule_request(action.rule))
    if result.status != "revoked":
        return _step(action, result), ()
    part = Authorize(action.rule, action.current.tags, replaces=rule_id)
    return StepResult(Revoke(action.current), StepStatus.DONE), (part,) if result.is_part_missing else ()


def _authorize(group_id: str, action: Authorize, ec2: EC2Client) -> StepResult:
    tags = [{"Key": key, "Value": value} for key, value in action.tags]
    permission: Any = ip_permission(action.rule)
    return _step(action, authorize_rule(ec2, group_id, permission, tags))


def _step(action: IngressAction, result: RuleResult) -> StepResult:
    return StepResult(action, _STATUSES.get(result.status, StepStatus.DONE), result.error)
