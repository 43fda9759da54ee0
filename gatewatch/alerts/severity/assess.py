"""Assigns severity and reasons to changes: by family first, then by outcome.

The changes of one call are assessed together, because several of its CIDRs can add up to the whole internet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.severity.compliance import compliance_assessment
from gatewatch.alerts.severity.iam import iam_assessment, sign_in_assessment
from gatewatch.alerts.severity.monitoring import monitoring_assessment
from gatewatch.alerts.severity.security_group import (
    ADDS_ACCESS,
    prefix_list_assessment,
    rule_assessment,
    world_by_traffic,
)
from gatewatch.model.alert import AssessedChange
from gatewatch.model.change import Change, Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.iam import IamFacts, SignInFacts
from gatewatch.model.monitoring import MonitoringFacts
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.alerts.severity.security_group import Pool
    from gatewatch.config.severity import SeverityRules


def assess(changes: Sequence[Change], policy: SeverityRules) -> tuple[AssessedChange, ...]:
    """Return each change with its assessment, in the same order."""
    world = world_by_traffic(changes)
    return tuple(AssessedChange(each, _with_outcome(each, world, policy)) for each in changes)


def _with_outcome(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    """Failed, dry-run and no-op calls are info; a denied one is one level below what it would have been."""
    if isinstance(change.facts, SignInFacts):
        return sign_in_assessment(change, change.facts, policy.sign_in)
    if change.outcome in {Outcome.FAILED, Outcome.DRY_RUN, Outcome.NO_OP}:
        return Assessment(Severity.INFO, (Reason(change.outcome.value),))
    would_be = _applied(change, world, policy)
    if change.outcome is Outcome.APPLIED:
        return would_be
    severity = max(would_be.severity.one_step_down(), Severity.LOW, key=lambda level: level.rank)
    return Assessment(
        severity,
        (_denied(change, would_be), *would_be.reasons),
        would_be.exposure,
        would_be.services,
    )


def _denied(change: Change, would_be: Assessment) -> Reason:
    """The reason of a denial; without parameters the severity of the applied call is unknown."""
    if isinstance(change.facts, IamFacts) and not change.facts.has_parameters:
        return Reason("denied_without_parameters")
    return Reason("denied", {"severity": would_be.severity.value})


def _applied(change: Change, world: dict[Pool, frozenset[str]], policy: SeverityRules) -> Assessment:
    if not change.understood or _is_empty(change):
        return _not_understood(change)
    if isinstance(change.facts, IamFacts):
        return iam_assessment(change.facts, policy)
    if isinstance(change.facts, MonitoringFacts):
        return monitoring_assessment(change.facts)
    if isinstance(change.facts, ComplianceFacts):
        return compliance_assessment(change.facts, policy.catalogue)
    if change.family is Family.ATTACHMENT:
        return Assessment(Severity.LOW, (Reason("attached"),))
    if change.family is Family.PREFIX_LIST:
        return prefix_list_assessment(change, world, policy)
    return rule_assessment(change, world, policy)


def _is_empty(change: Change) -> bool:
    """Whether an authorize or modify names nothing: a refused call may have null parameters."""
    rule = change.rule
    named = rule.rule_id or rule.peer or rule.traffic.protocol or change.resource_id
    return change.action in ADDS_ACCESS and named is None


def _not_understood(change: Change) -> Assessment:
    severity = Severity.HIGH if change.action in ADDS_ACCESS else Severity.MEDIUM
    code = "not_understood" if not change.understood else "no_parameters"
    return Assessment(severity, (Reason(code),))
