"""Severity that depends on the caller, in every family: the root user, and events that cannot be trusted.

Only `with_deployment` lowers a severity, from low to info, by fields that AWS writes.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.model.api_call import AccessMethod
from gatewatch.model.change import Action, Change
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.api_call import ApiCall

ADDS_ACCESS = frozenset({Action.AUTHORIZE, Action.MODIFY})


def with_caller(call: ApiCall, assessment: Assessment, policy: SeverityRules) -> Assessment:
    """Raise the assessment of a write to what its caller makes of it."""
    if call.is_by_root:
        return raised(assessment, policy.iam.root, Reason("by_root"))
    if call.actor.is_organization_root:
        return raised(assessment, Severity.MEDIUM, Reason("organization_root"))
    return assessment


def with_deployment(call: ApiCall, assessment: Assessment, policy: SeverityRules) -> Assessment:
    """Make a low IAM change info when CloudFormation or a deployment role of the policy made it.

    CloudFormation is proven by fields that AWS writes, the role by its ARN; the user agent and the session name decide
    nothing.
    """
    if assessment.severity is not Severity.LOW:
        return assessment
    arns = [each for each in call.actor.verified_names if each.startswith("arn:")]
    is_listed = any(fnmatchcase(arn, each) for arn in arns for each in policy.iam.deployment_roles)
    if not is_listed and call.via is not AccessMethod.CLOUDFORMATION:
        return assessment
    return replace(assessment, severity=Severity.INFO, reasons=(*assessment.reasons, Reason("deployment_role")))


def with_event_notes(call: ApiCall, change: Change, assessment: Assessment) -> Assessment:
    """Add what is to be known about the event itself. Conflicting fields raise it to that of an unreadable call."""
    if call.conflicts:
        floor = Severity.HIGH if change.action in ADDS_ACCESS else Severity.MEDIUM
        assessment = raised(assessment, floor, Reason("event_conflict", {"fields": ", ".join(call.conflicts)}))
    return replace(assessment, reasons=(*assessment.reasons, *_notes(call)))


def raised(assessment: Assessment, floor: Severity, reason: Reason) -> Assessment:
    """At least `floor`; the reason comes first where it raised the severity, else last."""
    if assessment.severity.rank < floor.rank:
        return replace(assessment, severity=floor, reasons=(reason, *assessment.reasons))
    return replace(assessment, reasons=(*assessment.reasons, reason))


def _notes(call: ApiCall) -> Iterator[Reason]:
    if call.delegate_account:
        yield Reason("delegated_access", {"account": call.delegate_account})
    if call.corrects:
        yield Reason("correction", {"event": call.corrects})
