"""What the template of one rule sees: its line in a message, nothing yet escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.model.change import Action, Change, Family
from gatewatch.model.security_group import CidrPeer, Direction
from gatewatch.rendering.text import rules as rule_words
from gatewatch.rendering.text.rule_diff import edit_of
from gatewatch.rendering.text.severity_marks import mark
from gatewatch.rendering.time_text import local_time

if TYPE_CHECKING:
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.change import Outcome
    from gatewatch.rendering.text.labels import Labels

_NAMED_SERVICES = 6


def has_line(assessed: AssessedChange, alert: Alert) -> bool:
    """A call about a whole group or list has no rule to show: its headline says it all."""
    change, rule = assessed.change, assessed.change.rule
    if change.family is Family.ATTACHMENT or len(alert.changes) > 1:
        return True
    if change.family is Family.PREFIX_LIST:
        return isinstance(rule.peer, CidrPeer)
    return bool(rule.peer or rule.rule_id or rule.traffic.protocol)


def rule_view(assessed: AssessedChange, told: Outcome, zone: str, labels: Labels) -> dict[str, Any]:
    """`told` is the outcome that the headline speaks of: only another one is said of a rule. `zone`: whose clock."""
    change, rule = assessed.change, assessed.change.rule
    is_attachment = change.family is Family.ATTACHMENT
    outcome = change.outcome
    return {
        "edit": edit_of(change, labels),
        "mark": mark(assessed.assessment.severity),
        "direction": _direction(change, labels),
        "note": _note(change, labels),
        "traffic": rule_words.traffic_text(rule.traffic, labels) if _is_rule(change) else "",
        "services": _services(assessed.assessment.services),
        "joint": _joint(change, labels),
        "peer": _peer(change, labels),
        "peer_note": _peer_note(assessed, labels),
        "group": change.group.id if is_attachment else "",
        "rule_id": rule.rule_id or "",
        "seen": labels.attached["as_of"].format(time=local_time(change.seen_at, zone)) if change.seen_at else "",
        "outcome": "" if outcome is told else labels.outcome[outcome],
        "description": rule.description or "",
    }


def _services(services: tuple[str, ...]) -> str:
    more = len(services) - _NAMED_SERVICES
    return ", ".join(services[:_NAMED_SERVICES]) + (f" +{more}" if more > 0 else "")


def _direction(change: Change, labels: Labels) -> str:
    """Which way a rule goes; for the entry of a prefix list, whether it came or went."""
    if change.family is Family.PREFIX_LIST and isinstance(change.rule.peer, CidrPeer):
        return labels.line["removed" if change.action is Action.REVOKE else "added"]
    return labels.direction[change.rule.direction or "unknown"] if _is_rule(change) else ""


def _is_rule(change: Change) -> bool:
    return change.family is Family.SECURITY_GROUP and not change.rule.says_nothing


def _joint(change: Change, labels: Labels) -> str:
    if not _is_rule(change):
        return ""
    if change.rule.direction is None:
        return labels.line["from_or_to"]
    return labels.line["to" if change.rule.direction is Direction.EGRESS else "from"]


def _note(change: Change, labels: Labels) -> str:
    """What stands in place of a rule that is not there to be shown."""
    if not change.understood and change.rule.says_nothing:
        return labels.line["unreadable_rule"]
    is_nameless = change.family is Family.SECURITY_GROUP and change.rule.says_nothing
    return labels.line["unknown_rule"] if is_nameless else ""


def _peer(change: Change, labels: Labels) -> str:
    if change.rule.peer:
        return change.rule.peer.text
    return labels.line["unknown_peer"] if _is_rule(change) else ""


def _peer_note(assessed: AssessedChange, labels: Labels) -> str:
    """A `/0` is said in words as well."""
    peer = assessed.change.rule.peer
    is_world = isinstance(peer, CidrPeer) and rule_words.cidr_opening(peer, assessed.assessment.exposure) == "world"
    return labels.opening["world"] if is_world else ""
