"""Performs a plan action by action and returns the result of each.

Missing rules are authorised first. A rule is revoked only when all of its allowed parts exist. An action whose result
exists already has succeeded, so that a second run is no error.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.error_codes import error_code
from gatewatch.remediation.ingress import ec2 as ingress_ec2
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.plan import Authorize, IngressAction, Revoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from types_boto3_ec2 import EC2Client

    from gatewatch.remediation.ingress.access import Access

# EC2 error codes: the rule exists already; the rule does not exist any more.
_DUPLICATE = frozenset({"InvalidPermission.Duplicate"})
_NOT_FOUND = frozenset({"InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"})


class StepStatus(StrEnum):
    DONE = "done"
    ALREADY = "already"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepResult(Struct, frozen=True):
    """An action and its result. `reason`: the error code of AWS, or the action it depended on."""

    action: IngressAction
    status: StepStatus
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status in {StepStatus.DONE, StepStatus.ALREADY}


def apply(group_id: str, actions: Sequence[IngressAction], ec2: EC2Client) -> tuple[StepResult, ...]:
    """Perform every action; one that fails does not stop the others."""
    authorized = tuple(_authorizations(group_id, actions, ec2))
    not_authorized = frozenset(
        access for each in authorized if not each.succeeded and (access := access_of(each.action.rule))
    )
    return (*authorized, *_revocations(group_id, actions, not_authorized, ec2))


class _Authorized(StepResult, frozen=True):
    action: Authorize


def _authorizations(group_id: str, actions: Sequence[IngressAction], ec2: EC2Client) -> Iterator[_Authorized]:
    for action in actions:
        if isinstance(action, Authorize):
            status, reason = _attempt(partial(ingress_ec2.authorize, ec2, group_id, action), _DUPLICATE)
            yield _Authorized(action, status, reason)


def _revocations(
    group_id: str, actions: Sequence[IngressAction], not_authorized: AbstractSet[Access], ec2: EC2Client
) -> Iterator[StepResult]:
    for action in actions:
        if not isinstance(action, Revoke):
            continue
        if not not_authorized.isdisjoint(action.allowed_parts):
            yield StepResult(action, StepStatus.SKIPPED, "its allowed part could not be authorised")
            continue
        rule_id = action.current.rule.rule_id or ""
        status, reason = _attempt(partial(ingress_ec2.revoke, ec2, group_id, rule_id), _NOT_FOUND)
        yield StepResult(action, status, reason)


def _attempt(call: Callable[[], object], already: frozenset[str]) -> tuple[StepStatus, str]:
    try:
        call()
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        return (StepStatus.ALREADY, code) if code in already else (StepStatus.FAILED, code)
    return StepStatus.DONE, ""
