"""Severity of tampering with gatewatch and with trails.

A rule's pattern is compared with the one that ships, a target with the bus of the hub that accounts.yaml names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gatewatch.alerts.severity.caller import raised
from gatewatch.alerts.severity.iam import iam_assessment
from gatewatch.config.forwarding_rules import is_shipped_pattern
from gatewatch.events.changes.normalization import parse_json
from gatewatch.model.change import Outcome
from gatewatch.model.iam import IamFacts, IamOperation
from gatewatch.model.monitoring import MonitoringComponent, MonitoringEffect
from gatewatch.model.severity import Assessment, Reason, Severity

if TYPE_CHECKING:
    from gatewatch.config.severity import SeverityRules
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change
    from gatewatch.model.monitoring import MonitoringFacts, RuleTarget

_DENIALS = 3
_CANARY = "gatewatch-canary"
# The schedules of the canary that keep it at least hourly.
_HOURLY = re.compile(r"^rate\((?:[1-5]?[0-9] minutes?|60 minutes|1 hour)\)$|^cron\([0-9*/,-]+ \* \* \* \? \*\)$")
# What CloudFormation never does to a role in a normal deployment, beside a statement that denies.
_WEAKENS_ROLE = frozenset(
    {
        IamOperation.POLICY_DETACHED,
        IamOperation.POLICY_REMOVED,
        IamOperation.POLICY_DELETED,
        IamOperation.ENTITY_DELETED,
        IamOperation.BOUNDARY_SET,
        IamOperation.PROFILE_ROLE_REMOVED,
    }
)


def monitoring_assessment(facts: MonitoringFacts, account_id: str, policy: SeverityRules) -> Assessment:
    if facts.iam is not None:
        return _role(facts, facts.iam, policy)
    if not facts.name:
        return Assessment(Severity.HIGH, (Reason("unnamed_resource"),))
    reasons = tuple(Reason(code) for code in facts.settings)
    effect = _effect(facts, account_id, policy)
    if effect is MonitoringEffect.DISABLES:
        return Assessment(Severity.HIGH, (_disabled(facts), *reasons))
    if effect is MonitoringEffect.RESTORES:
        return Assessment(Severity.INFO, (Reason("monitoring_restored"), *reasons))
    return Assessment(Severity.MEDIUM, (Reason("monitoring_modified"), *reasons))


def with_denials(assessment: Assessment, facts: MonitoringFacts, policy: SeverityRules) -> Assessment:
    """Raise every third denied call of one caller on trails to high."""
    if facts.recent_denials == 0 or facts.recent_denials % _DENIALS:
        return assessment
    values = {"count": str(facts.recent_denials), "minutes": str(policy.sign_in.burst_minutes)}
    return raised(assessment, Severity.HIGH, Reason("trail_denials", values))


def is_routine(change: Change, facts: MonitoringFacts, call: ApiCall, policy: SeverityRules) -> bool:
    """Whether CloudFormation set a rule or a target as this version of gatewatch ships it: that is not reported.

    The same by the root user, or in an event whose fields conflict, is reported.
    """
    is_set = facts.component is MonitoringComponent.RULE and facts.by_deployment and bool(facts.name)
    is_plain = change.understood and change.outcome is Outcome.APPLIED and not call.conflicts
    return is_set and is_plain and _effect(facts, call.account_id, policy) is MonitoringEffect.RESTORES


def _effect(facts: MonitoringFacts, account_id: str, policy: SeverityRules) -> MonitoringEffect:
    if facts.effect is not MonitoringEffect.DEPENDS:
        return facts.effect
    sends_to_hub = all(_is_hub(each, account_id, policy) for each in facts.targets)
    is_right = sends_to_hub if facts.targets else _is_shipped(facts)
    return MonitoringEffect.RESTORES if is_right else MonitoringEffect.DISABLES


def _is_hub(target: RuleTarget, account_id: str, policy: SeverityRules) -> bool:
    """Whether a target is the hub's bus, gets the events as they are, and has no role but the one that may put them."""
    is_own_role = not target.role or f"::{account_id}:role/gatewatch/gatewatch-forward-" in target.role
    return policy.hub_bus is not None and target.arn == policy.hub_bus and is_own_role and not target.changes_events


def _is_shipped(facts: MonitoringFacts) -> bool:
    if facts.pattern is None:
        return facts.name == _CANARY and bool(_HOURLY.match(facts.schedule or ""))
    try:
        pattern = parse_json(facts.pattern)
    except (ValueError, RecursionError):
        return False
    return is_shipped_pattern(facts.name, pattern)


def _disabled(facts: MonitoringFacts) -> Reason:
    return Reason("trail_disabled" if facts.component is MonitoringComponent.TRAIL else "monitoring_disabled")


def _role(facts: MonitoringFacts, iam: IamFacts, policy: SeverityRules) -> Assessment:
    """A write on a role of gatewatch: as severe as IAM finds it, and high, unless CloudFormation maintains it."""
    found = iam_assessment(iam, policy)
    weakens = iam.operation in _WEAKENS_ROLE or iam.has_deny
    own = Severity.INFO if facts.by_deployment and not weakens else Severity.HIGH
    reason = Reason("role_of_gatewatch")
    is_worse = found.severity.rank > max(own.rank, Severity.LOW.rank)
    return Assessment(found.severity, (*found.reasons, reason)) if is_worse else Assessment(own, (reason,))
