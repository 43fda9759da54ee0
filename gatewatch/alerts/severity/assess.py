"""Change + policy -> severity and reasons: what its family says of it, then the outcome's own say.

The changes of one call are judged together, because several CIDRs of one call can add up to the world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.alerts.severity.compliance import compliance_assessment
from gatewatch.alerts.severity.iam import iam_assessment, sign_in_assessment
from gatewatch.alerts.severity.monitoring import hub_assessment
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
from gatewatch.model.monitoring import HubFacts
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.alerts.severity.security_group import Pool
    from gatewatch.config.severity import Judgement


def assess(changes: Sequence[Change], judgement: Judgement) -> tuple[AssessedChange, ...]:
    """Each change with its assessment, in the same order."""
    world = world_by_traffic(changes)
    return tuple(AssessedChange(each, _with_outcome(each, world, judgement)) for each in changes)


def _with_outcome(change: Change, world: dict[Pool, frozenset[str]], judgement: Judgement) -> Assessment:
    """What was not applied changes nothing, but a refused attempt is worth knowing."""
    if isinstance(change.facts, SignInFacts):
        return sign_in_assessment(change, change.facts, judgement.sign_in)
    if change.outcome in {Outcome.FAILED, Outcome.DRY_RUN, Outcome.NO_OP}:
        return Assessment(Severity.INFO, (Reason(change.outcome.value),))
    would_be = _applied(change, world, judgement)
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
    """What a call would have been is a guess when its parameters are lost."""
    if isinstance(change.facts, IamFacts) and not change.facts.is_told:
        return Reason("denied_untold")
    return Reason("denied", {"severity": would_be.severity.value})


def _applied(change: Change, world: dict[Pool, frozenset[str]], judgement: Judgement) -> Assessment:
    if not change.understood or _says_nothing(change):
        return _not_understood(change)
    if isinstance(change.facts, IamFacts):
        return iam_assessment(change.facts, judgement)
    if isinstance(change.facts, HubFacts):
        return hub_assessment(change.facts)
    if isinstance(change.facts, ComplianceFacts):
        return compliance_assessment(change.facts, judgement.catalogue)
    if change.family is Family.ATTACHMENT:
        return Assessment(Severity.LOW, (Reason("attached"),))
    if change.family is Family.PREFIX_LIST:
        return prefix_list_assessment(change, world, judgement)
    return rule_assessment(change, world, judgement)


def _says_nothing(change: Change) -> bool:
    """An authorize or modify of nothing at all: a refused call may have lost its parameters."""
    rule = change.rule
    named = rule.rule_id or rule.peer or rule.traffic.protocol or change.resource_id
    return change.action in ADDS_ACCESS and named is None


def _not_understood(change: Change) -> Assessment:
    severity = Severity.HIGH if change.action in ADDS_ACCESS else Severity.MEDIUM
    code = "not_understood" if not change.understood else "no_parameters"
    return Assessment(severity, (Reason(code),))
