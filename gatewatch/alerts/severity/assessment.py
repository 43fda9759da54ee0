"""Assigns severity and reasons to changes: by family first, then by outcome.

The changes of one call are assessed together, because several of its CIDRs can add up to the whole internet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.alerts.severity.caller import ADDS_ACCESS, with_caller, with_deployment, with_event_notes
from gatewatch.alerts.severity.compliance import compliance_assessment
from gatewatch.alerts.severity.iam import iam_assessment
from gatewatch.alerts.severity.monitoring import is_routine, monitoring_assessment, with_denials
from gatewatch.alerts.severity.resource import RESOURCE_FAMILIES, attachment_assessment, resource_assessment
from gatewatch.alerts.severity.security_group import (
    prefix_list_assessment,
    rule_assessment,
    world_by_traffic,
)
from gatewatch.alerts.severity.sign_in import sign_in_assessment
from gatewatch.model.alert import AssessedChange
from gatewatch.model.change import Change, Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.iam import IamFacts, SignInFacts
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.alerts.severity.security_group import Pool
    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.api_call import ApiCall


_WITHOUT_EFFECT = frozenset({Outcome.FAILED, Outcome.DRY_RUN, Outcome.NO_OP})


def assess(call: ApiCall, changes: Sequence[Change], policy: SeverityRules) -> tuple[AssessedChange, ...]:
    """Return each change with its assessment, in the same order.

    The changes of an event whose envelope and record disagree are assessed, and marked as not understood.
    """
    world = world_by_traffic(changes)
    assessed = [AssessedChange(each, _with_outcome(call, each, world, policy)) for each in changes]
    has_notes = call.conflicts or call.delegate_account or call.corrects
    return tuple([_with_notes(call, each) for each in assessed] if has_notes else assessed)


def is_reported(call: ApiCall, change: Change, policy: SeverityRules) -> bool:
    """Whether a change is reported at all.

    Routine work of CloudFormation on gatewatch's own rules is not, nor a family that policy.yaml switches off.
    """
    facts = change.facts
    if facts and isinstance(facts, MonitoringFacts) and is_routine(change, facts, call, policy):
        return False
    return change.family not in policy.disabled


def _with_notes(call: ApiCall, assessed: AssessedChange) -> AssessedChange:
    change = replace(assessed.change, understood=False) if call.conflicts else assessed.change
    return AssessedChange(change, with_event_notes(call, change, assessed.assessment))


def _with_outcome(
    call: ApiCall, change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules
) -> Assessment:
    """Failed, dry-run and no-op calls are info; a denied one is one level below what it would have been."""
    if change.facts and isinstance(change.facts, SignInFacts):
        return sign_in_assessment(call, change, change.facts, policy)
    if change.outcome in _WITHOUT_EFFECT:
        is_root_failure = change.outcome is Outcome.FAILED and call.is_by_root
        return Assessment(Severity.LOW if is_root_failure else Severity.INFO, (Reason(change.outcome.value),))
    would_be = with_caller(call, _applied(call, change, world, policy), policy)
    if change.outcome is Outcome.APPLIED:
        return would_be
    severity = max(would_be.severity.one_step_down(), Severity.LOW, key=lambda level: level.rank)
    reasons = (_denied(change, would_be), *would_be.reasons)
    denied = Assessment(severity, reasons, would_be.exposure, would_be.services)
    return with_denials(denied, change.facts, policy) if isinstance(change.facts, MonitoringFacts) else denied


def _denied(change: Change, would_be: Assessment) -> Reason:
    """The reason of a denial; without parameters the severity of the applied call is unknown."""
    facts = change.facts.iam if isinstance(change.facts, MonitoringFacts) else change.facts
    is_nameless = isinstance(change.facts, MonitoringFacts) and not change.facts.name
    if is_nameless or (isinstance(facts, IamFacts) and not facts.has_parameters):
        return Reason("denied_without_parameters")
    return Reason("denied", {"severity": would_be.severity.value})


def _applied(call: ApiCall, change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    is_unread = not change.understood and not call.conflicts
    if is_unread or _is_empty(change):
        return _not_understood(change)
    if change.family is Family.ATTACHMENT:
        return attachment_assessment(change)
    if change.facts is not None:
        return _by_facts(call, change, world, policy)
    if change.family is Family.PREFIX_LIST:
        return prefix_list_assessment(change, world, policy)
    return rule_assessment(change, world, policy)


def _by_facts(call: ApiCall, change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """Of a family with facts; sign-ins are assessed whatever their outcome."""
    if isinstance(change.facts, IamFacts):
        return with_deployment(call, iam_assessment(change.facts, policy), policy)
    if isinstance(change.facts, MonitoringFacts):
        return monitoring_assessment(change.facts, call.account_id, policy)
    if isinstance(change.facts, ComplianceFacts):
        return compliance_assessment(change.facts, policy.catalogue)
    if isinstance(change.facts, ResourceFacts) and not call.is_aws_work:
        return resource_assessment(change, change.facts, world, policy)
    return Assessment(Severity.INFO, (Reason("service_work"),))


def _is_empty(change: Change) -> bool:
    """Whether an authorize or modify names nothing: a refused call may have null parameters."""
    if change.action not in ADDS_ACCESS or change.facts is not None:
        return False
    rule = change.rule
    return (rule.rule_id or rule.peer or rule.traffic.protocol or change.resource_id) is None


def _not_understood(change: Change) -> Assessment:
    is_high = change.is_severe if change.family in RESOURCE_FAMILIES else change.action in ADDS_ACCESS
    severity = Severity.HIGH if is_high else Severity.MEDIUM
    code = "not_understood" if not change.understood else "no_parameters"
    return Assessment(severity, (Reason(code),))
