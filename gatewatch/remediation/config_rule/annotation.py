"""A plan in words: whether a group is as the policy wants it, and what is amiss. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.network import ALL_PROTOCOLS
from gatewatch.remediation.config_rule.evaluation import State
from gatewatch.remediation.ingress.conflict_guard import Stop
from gatewatch.remediation.ingress.plan import rule_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.ingress import ExemptGroup
    from gatewatch.model.security_group import SecurityGroupRule, Traffic
    from gatewatch.remediation.ingress.enforcer import Enforcement, LeftAlone
    from gatewatch.remediation.ingress.plan import IngressPlan

_NAMED = 3
_LEFT = {
    Stop.FIGHT: "left alone, it kept coming back",
    Stop.UNDONE: "left alone, a person brought it back",
    Stop.OWN: "left alone, gatewatch itself added it",
}
_LEFT_MISSING = {
    Stop.FIGHT: "is missing and left so, it kept being removed",
    Stop.UNDONE: "is missing and left so, a person undid its return",
}


class Verdict(Struct, frozen=True):
    state: State
    annotation: str


def verdict(plan: IngressPlan) -> Verdict:
    """COMPLIANT only when what stands is allowed and complete."""
    if plan.is_met:
        return Verdict(State.COMPLIANT, "Every inbound rule is allowed, and nothing required is missing.")
    return Verdict(State.NON_COMPLIANT, " ".join(_amiss(plan)))


def _amiss(plan: IngressPlan) -> list[str]:
    excess = [each.standing.rule for each in plan.revokes]
    missing = [each.rule for each in plan.missing]
    said = []
    if excess:
        said.append(f"Not allowed: {_named(excess)}.")
    if missing:
        said.append(f"Missing: {_named(missing)}.")
    if plan.unreadable:
        said.append(f"Could not be read: {', '.join(plan.unreadable[:_NAMED])}.")
    return said


def exempt(exemption: ExemptGroup) -> Verdict:
    return Verdict(State.NOT_APPLICABLE, f"Exempt until {exemption.expires}, by {exemption.owner}: {exemption.reason}")


def enforced(done: Enforcement, remaining: IngressPlan) -> Verdict:
    """What was done, and the truth about what stands now."""
    now = verdict(remaining)
    said = [f"Changed by gatewatch ({done.change_id})."] if done.change_id else []
    said += [f"Failed: {rule_text(rule_of(each.action))} ({each.why})." for each in done.failed[:_NAMED]]
    said += [f"{left_text(each)}." for each in done.left[:_NAMED]]
    state = State.NON_COMPLIANT if done.failed else now.state
    return Verdict(state, " ".join([*said, now.annotation]))


def left_text(left: LeftAlone) -> str:
    """`tcp 22 from 0.0.0.0/0 left alone, …`."""
    words = _LEFT_MISSING if left.is_missing else _LEFT
    return f"{rule_text(left.rule)} {_excepted(left) if left.excepted else words[left.why]}"


def _excepted(left: LeftAlone) -> str:
    """An exception says what is to be done, not what is allowed: the group is as little compliant as before."""
    hold, how = left.excepted, "is missing and left so" if left.is_missing else "left alone"
    if hold is None:
        return how
    verb = "covers" if hold.is_certain else "may cover"
    return f"{how}, exception {hold.exception.id} {verb} it until {hold.exception.expires}"


def _named(rules: Sequence[SecurityGroupRule]) -> str:
    more = f" and {len(rules) - _NAMED} more" if len(rules) > _NAMED else ""
    return ", ".join(rule_text(each) for each in rules[:_NAMED]) + more


def rule_text(rule: SecurityGroupRule) -> str:
    """`tcp 22-443 from 0.0.0.0/0`, `all traffic from sg-…`."""
    return f"{traffic_text(rule.traffic)} from {rule.peer.text if rule.peer else '?'}"


def traffic_text(traffic: Traffic) -> str:
    if traffic.protocol in {None, ALL_PROTOCOLS}:
        return "all traffic"
    if traffic.ports:
        first, last = traffic.ports.first, traffic.ports.last
        return f"{traffic.protocol} {first}" if first == last else f"{traffic.protocol} {first}-{last}"
    kind = f" type {traffic.icmp.type}" if traffic.icmp and traffic.icmp.type >= 0 else ""
    return f"{traffic.protocol}{kind}"
