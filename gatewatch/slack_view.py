"""What the Slack templates see of an alert: words, marks and colours, nothing yet escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup

from gatewatch import safe_text, words
from gatewatch.enrich import local_time, rfc3339
from gatewatch.model import (
    Action,
    Alert,
    AssessedChange,
    Change,
    CidrPeer,
    Direction,
    Exposure,
    Family,
    Outcome,
    SecurityGroupRule,
    Severity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.labels import Labels
    from gatewatch.model import Reason
    from gatewatch.settings import Colors

_FALLBACK = 400
_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}
_REMOVALS = frozenset({Action.REVOKE, Action.DELETE, Action.DISASSOCIATE, Action.DETACH})


def message_view(alert: Alert, labels: Labels, colors: Colors) -> dict[str, Any]:
    """What the message template sees."""
    call, worst = alert.call, alert.worst
    severity = labels.severity[alert.severity]
    line = f"{_MARKS[alert.severity]} {severity}: {words.headline(alert, labels)}"
    outcome = worst.change.outcome
    return {
        "alert": alert,
        "call": call,
        "account": alert.account,
        "labels": labels,
        "headline": line,
        "fallback": safe_text.fitting(f"{line} · {alert.account.alias} · {call.region} · {call.actor.name}", _FALLBACK),
        "color": _color(worst, colors),
        "about": _about(alert, labels),
        "outcome": "" if outcome is Outcome.APPLIED else labels.outcome[outcome],
        "why": "; ".join(labels.reason_text(each) for each in _translated(worst, labels)),
        "local_time": local_time(call.time, alert.account.timezone) if call.time else "",
        "utc": rfc3339(call.time).replace("T", " ").replace("Z", " UTC"),
        "buttons": _buttons(alert, labels),
    }


def _translated(worst: AssessedChange, labels: Labels) -> Iterator[Reason]:
    """The reasons, with a severity among their values said in the reader's language."""
    for reason in worst.assessment.reasons:
        values = dict(reason.values)
        if "severity" in values:
            values["severity"] = labels.severity[values["severity"]].lower()
        yield msgspec.structs.replace(reason, values=values)


def _color(worst: AssessedChange, colors: Colors) -> str:
    change, severity = worst.change, worst.assessment.severity
    if change.outcome is Outcome.DENIED:
        return colors.denied
    if change.outcome is not Outcome.APPLIED:
        return colors.unchanged
    if severity is Severity.CRITICAL:
        return colors.critical
    if severity is Severity.HIGH:
        return colors.high
    return colors.removal if change.action in _REMOVALS else colors.addition


def _about(alert: Alert, labels: Labels) -> dict[str, Any] | None:
    """What the call is about: the group, the prefix list, or the interface."""
    change = alert.worst.change
    if change.family is Family.PREFIX_LIST:
        return {"name": labels.field["prefix_list"], "texts": [change.resource_id or labels.field["unknown"]]}
    if change.family is Family.ATTACHMENT:
        return {"name": labels.field["interface"], "texts": [change.resource_id or labels.field["unknown"]]}
    group = change.group
    named = [each for each in (group.id, group.name, group.vpc_id) if each]
    return {"name": labels.field["group"], "texts": named} if named else None


def _buttons(alert: Alert, labels: Labels) -> list[dict[str, Any]]:
    urls = {"event": alert.links.event, "group": alert.links.group}
    return [{"text": labels.button[name], "url": Markup(url)} for name, url in urls.items() if url]


def has_line(assessed: AssessedChange) -> bool:
    """A group that was created or deleted has no rule to show."""
    change = assessed.change
    rule = change.rule
    return bool(rule.peer or rule.rule_id or rule.traffic.protocol or change.family is Family.ATTACHMENT)


def line_view(assessed: AssessedChange, alert: Alert, labels: Labels) -> dict[str, Any]:
    change, rule = assessed.change, assessed.change.rule
    outcome = change.outcome
    is_attachment = change.family is Family.ATTACHMENT
    return {
        "labels": labels,
        "mark": _MARKS[assessed.assessment.severity],
        "direction": _direction(change, labels),
        "traffic": _traffic(change.family, rule, labels),
        "services": ", ".join(assessed.assessment.services[:6]),
        "joint": _joint(change, labels),
        "peer": _peer(assessed, labels),
        "peer_note": _peer_note(assessed, labels),
        "group": change.group.id if is_attachment else "",
        "resource": change.resource_id if is_attachment else "",
        "rule_id": rule.rule_id or "",
        "outcome": "" if outcome is alert.worst.change.outcome else labels.outcome[outcome],
        "previous": _previous(change.previous, rule, labels),
        "description": rule.description or "",
    }


def _direction(change: Change, labels: Labels) -> str:
    """Which way a rule goes; for the entry of a prefix list, whether it came or went."""
    if change.family is Family.PREFIX_LIST and isinstance(change.rule.peer, CidrPeer):
        return labels.line["removed" if change.action is Action.REVOKE else "added"]
    return labels.direction[change.rule.direction or "unknown"] if change.family is Family.SECURITY_GROUP else ""


def _joint(change: Change, labels: Labels) -> str:
    if change.family is not Family.SECURITY_GROUP:
        return ""
    return labels.line["to" if change.rule.direction is Direction.EGRESS else "from"]


def _traffic(family: Family, rule: SecurityGroupRule, labels: Labels) -> str:
    if family is not Family.SECURITY_GROUP:
        return ""
    nothing_said = rule.traffic.protocol is None and rule.peer is None
    return labels.line["unknown_rule"] if nothing_said else words.traffic_text(rule.traffic, labels)


def _peer(assessed: AssessedChange, labels: Labels) -> str:
    peer = assessed.change.rule.peer
    if peer is None:
        nothing_said = assessed.change.rule.traffic.protocol is None
        return "" if nothing_said else labels.line["unknown_peer"]
    return peer.text


def _peer_note(assessed: AssessedChange, labels: Labels) -> str:
    """A `/0` is said in words as well."""
    peer = assessed.change.rule.peer
    is_world = isinstance(peer, CidrPeer) and assessed.assessment.exposure is Exposure.WORLD
    return labels.opening["world"] if is_world and peer is not None and peer.text.endswith("/0") else ""


def _previous(previous: SecurityGroupRule | None, rule: SecurityGroupRule, labels: Labels) -> str:
    """The old form, as far as it differs."""
    if previous is None:
        return ""
    traffic = words.traffic_text(previous.traffic, labels) if previous.traffic != rule.traffic else ""
    peer = previous.peer.text if previous.peer and previous.peer != rule.peer else ""
    return f"{traffic} {peer}".strip()
