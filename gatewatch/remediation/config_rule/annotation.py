"""Annotation texts of evaluations: whether a group complies with the policy, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.network import ALL_PROTOCOLS
from gatewatch.remediation.config_rule.evaluation import ComplianceType
from gatewatch.remediation.ingress.conflict_guard import StopReason
from gatewatch.remediation.ingress.plan import Authorize, Modify, rule_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.ingress import ExemptGroup
    from gatewatch.model.security_group import SecurityGroupRule, Traffic
    from gatewatch.remediation.ingress.enforcer import Enforcement, UnenforcedAction
    from gatewatch.remediation.ingress.executor import StepResult
    from gatewatch.remediation.ingress.plan import IngressAction, IngressPlan

_MAX_LISTED = 3
_UNENFORCED = {
    StopReason.CONFLICT: "not remediated, it was re-created repeatedly",
    StopReason.UNDONE: "not remediated, a person undid its removal",
    StopReason.OWN: "not remediated, gatewatch itself created it",
}
_UNENFORCED_MISSING = {
    StopReason.CONFLICT: "is missing and not re-created, it was removed repeatedly",
    StopReason.UNDONE: "is missing and not re-created, a person undid that",
}


class EvaluationResult(Struct, frozen=True):
    """Compliance of a group and the text that explains it."""

    state: ComplianceType
    annotation: str


def evaluate_plan(plan: IngressPlan) -> EvaluationResult:
    """Return COMPLIANT when every rule is allowed and no required one is missing."""
    if plan.is_compliant:
        return EvaluationResult(
            ComplianceType.COMPLIANT, "Every inbound rule is allowed, and nothing required is missing."
        )
    return EvaluationResult(ComplianceType.NON_COMPLIANT, " ".join(_violations(plan)))


def _violations(plan: IngressPlan) -> list[str]:
    excess = [each.current.rule for each in plan.closings]
    missing = [each.rule for each in plan.missing]
    texts = []
    if excess:
        texts.append(f"Not allowed: {_listed(excess)}.")
    if missing:
        texts.append(f"Missing: {_listed(missing)}.")
    if plan.unreadable:
        texts.append(f"Could not be read: {', '.join(plan.unreadable[:_MAX_LISTED])}.")
    return texts


def exempt_result(exemption: ExemptGroup) -> EvaluationResult:
    """Return NOT_APPLICABLE with the owner, the reason and the end of the exemption."""
    text = f"Exempt until {exemption.expires}, by {exemption.owner}: {exemption.reason}"
    return EvaluationResult(ComplianceType.NOT_APPLICABLE, text)


def enforcement_result(done: Enforcement, remaining: IngressPlan) -> EvaluationResult:
    """Return what stays open, what could not be added, what was done, and the compliance of the current rules."""
    now = evaluate_plan(remaining)
    texts = [_failure(each) for each in done.failed[:_MAX_LISTED]]
    texts += [f"Changed by gatewatch ({done.change_id})."] if done.change_id else []
    texts += [f"{unenforced_text(each)}." for each in done.unenforced[:_MAX_LISTED]]
    state = ComplianceType.NON_COMPLIANT if done.failed else now.state
    return EvaluationResult(state, " ".join([*texts, now.annotation]))


def _failure(step: StepResult) -> str:
    is_added = isinstance(step.action, Authorize)
    return f"{'Not added' if is_added else 'Still open'}: {rule_text(rule_of(step.action))} ({step.reason})."


def unenforced_text(action: UnenforcedAction) -> str:
    """Return `tcp 22 from 0.0.0.0/0 not remediated, …`."""
    texts = _UNENFORCED_MISSING if action.is_missing else _UNENFORCED
    return f"{rule_text(action.rule)} {_exception_text(action) if action.suppressed_by else texts[action.reason]}"


def _exception_text(action: UnenforcedAction) -> str:
    """An exception stops remediation but allows no rule, so the group stays NON_COMPLIANT."""
    match, status = action.suppressed_by, "is missing and not re-created" if action.is_missing else "not remediated"
    if match is None:
        return status
    verb = "covers" if match.is_certain else "may cover"
    return f"{status}, exception {match.exception.id} {verb} it until {match.exception.expires}"


def _listed(rules: Sequence[SecurityGroupRule]) -> str:
    more = f" and {len(rules) - _MAX_LISTED} more" if len(rules) > _MAX_LISTED else ""
    return ", ".join(rule_text(each) for each in rules[:_MAX_LISTED]) + more


def rule_text(rule: SecurityGroupRule) -> str:
    """Return a rule as `tcp 22-443 from 0.0.0.0/0` or `all traffic from sg-…`."""
    return f"{annotated_traffic(rule.traffic)} from {rule.peer.text if rule.peer else '?'}"


def action_text(action: IngressAction) -> str:
    """Return `+ rule` for an authorisation, `- rule id` for a revocation, `~ rule id -> rule` for a modification."""
    if isinstance(action, Authorize):
        return f"+ {rule_text(action.rule)}"
    old = f"{rule_text(action.current.rule)} {action.current.rule.rule_id or ''}".rstrip()
    return f"~ {old} -> {rule_text(action.rule)}" if isinstance(action, Modify) else f"- {old}"


def annotated_traffic(traffic: Traffic) -> str:
    if traffic.protocol in {None, ALL_PROTOCOLS}:
        return "all traffic"
    if traffic.ports:
        first, last = traffic.ports.first, traffic.ports.last
        return f"{traffic.protocol} {first}" if first == last else f"{traffic.protocol} {first}-{last}"
    kind = f" type {traffic.icmp.type}" if traffic.icmp and traffic.icmp.type >= 0 else ""
    return f"{traffic.protocol}{kind}"
