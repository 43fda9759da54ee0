"""The texts of one rule. Plain text, escaped where it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.change import Action, Change, Family
from gatewatch.model.resource import ResourceFacts
from gatewatch.model.security_group import CidrPeer, Direction
from gatewatch.rendering.text.resources import is_acl_entry
from gatewatch.rendering.text.rule_diff import RuleDiff, diff_of_change
from gatewatch.rendering.text.rules import cidr_peer_key, traffic_text
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Outcome
    from gatewatch.rendering.text.labels import Labels

_MAX_SERVICES = 6


class RuleTexts(Struct, frozen=True, kw_only=True):
    """What a line about a rule may show, in its order; what does not apply is empty."""

    severity_mark: str
    direction: str
    placeholder: str
    traffic: str
    services: str
    preposition: str
    peer: str
    peer_comment: str
    group_id: str
    rule_id: str
    observed: str
    outcome: str
    diff: RuleDiff
    description: str


def has_line(assessed: AssessedChange, alert: Alert) -> bool:
    """Whether a change has a rule to show; a change of a whole group or prefix list has only a headline."""
    change, rule = assessed.change, assessed.change.rule
    if change.family is Family.ATTACHMENT or alert.change_count > 1:
        return True
    if change.family is Family.PREFIX_LIST:
        return isinstance(rule.peer, CidrPeer)
    if change.family is Family.SIGN_IN:
        return False
    if isinstance(change.facts, ResourceFacts):
        return is_acl_entry(change)
    return bool(rule.peer or rule.rule_id or rule.traffic.protocol)


def rule_texts(assessed: AssessedChange, headline_outcome: Outcome, timezone: str, labels: Labels) -> RuleTexts:
    """`headline_outcome`: a rule shows its outcome only where it differs. `timezone` is the account's."""
    change, rule = assessed.change, assessed.change.rule
    is_attachment = change.family is Family.ATTACHMENT
    outcome = change.outcome
    return RuleTexts(
        severity_mark=severity_mark(assessed.assessment.severity),
        direction=_direction(change, labels),
        placeholder=_placeholder(change, labels),
        traffic=traffic_text(rule.traffic, labels) if _is_rule(change) else "",
        services=_services(assessed.assessment.services),
        preposition=_preposition(change, labels),
        peer=_peer(change, labels),
        peer_comment=_peer_comment(assessed, labels),
        group_id=change.group.id or "" if is_attachment else "",
        rule_id=rule.rule_id or "",
        observed=_observed(change, timezone, labels),
        outcome="" if outcome is headline_outcome else labels.outcome[outcome],
        diff=diff_of_change(change, labels),
        description=rule.description or "",
    )


def _observed(change: Change, timezone: str, labels: Labels) -> str:
    """When the rule was looked up, for details that the event did not hold."""
    if change.observed_at is None:
        return ""
    return labels.network_interfaces["as_of"].format(time=local_time(change.observed_at, timezone))


def _services(services: tuple[str, ...]) -> str:
    more = len(services) - _MAX_SERVICES
    return ", ".join(services[:_MAX_SERVICES]) + (f" +{more}" if more > 0 else "")


def _direction(change: Change, labels: Labels) -> str:
    """The direction of a rule; for an entry of a prefix list, whether it was added or removed."""
    if change.family is Family.PREFIX_LIST and isinstance(change.rule.peer, CidrPeer):
        return labels.line["removed" if change.action is Action.REVOKE else "added"]
    return labels.direction[change.rule.direction or "unknown"] if _is_rule(change) else ""


def _is_rule(change: Change) -> bool:
    return is_acl_entry(change) or (change.family is Family.SECURITY_GROUP and not change.rule.is_empty)


def _preposition(change: Change, labels: Labels) -> str:
    if not _is_rule(change):
        return ""
    if change.rule.direction is None:
        return labels.line["from_or_to"]
    return labels.line["to" if change.rule.direction is Direction.EGRESS else "from"]


def _placeholder(change: Change, labels: Labels) -> str:
    """The text in place of a rule whose details the event does not hold."""
    if not change.understood and change.rule.is_empty:
        return labels.line["unreadable_rule"]
    is_empty_rule = change.family is Family.SECURITY_GROUP and change.rule.is_empty
    return labels.line["unknown_rule"] if is_empty_rule else ""


def _peer(change: Change, labels: Labels) -> str:
    if change.rule.peer:
        return change.rule.peer.text
    return labels.line["unknown_peer"] if _is_rule(change) else ""


def _peer_comment(assessed: AssessedChange, labels: Labels) -> str:
    """`the internet` for a `/0`."""
    peer = assessed.change.rule.peer
    is_world = isinstance(peer, CidrPeer) and cidr_peer_key(peer, assessed.assessment.exposure) == "world"
    return labels.peer["world"] if is_world else ""
