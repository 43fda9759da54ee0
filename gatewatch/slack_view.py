"""What the Slack templates see of an alert: words, marks and colours, nothing yet escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch import access_words, compliance_words, safe_text, words
from gatewatch.compliance_model import ComplianceFacts
from gatewatch.enrich import local_time, rfc3339
from gatewatch.identity import UNKNOWN
from gatewatch.model import (
    Action,
    Alert,
    AssessedChange,
    Change,
    Family,
    Outcome,
    Severity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.labels import Labels
    from gatewatch.settings import Colors

_FALLBACK = 400
_LONGEST_URL = 3000
_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFO: "⚪",
}
_SAID_BY_THE_OUTCOME = frozenset({Outcome.FAILED.value, Outcome.DRY_RUN.value})
_REMOVALS = frozenset({Action.REVOKE, Action.DELETE, Action.DISASSOCIATE, Action.DETACH})


def mark(severity: Severity) -> str:
    """What a message and each of its rules begin with: seen before anything is read."""
    return _MARKS[severity]


def message_view(alert: Alert, labels: Labels, colors: Colors) -> dict[str, Any]:
    """What the message template sees."""
    call, told = alert.call, words.foremost(alert)
    line = f"{mark(alert.severity)} {labels.severity[alert.severity]}: {words.headline(alert, labels)}"
    actor = labels.field["unknown"] if call.actor.name == UNKNOWN else call.actor.name
    where = (line, alert.account.alias, call.region, actor)
    outcome = told.change.outcome
    return {
        "call": call,
        "account": alert.account,
        "field": labels.field,
        "line": labels.line,
        "via": labels.via[call.via],
        "headline": line,
        "actor": actor,
        "fallback": safe_text.fitting(" · ".join(filter(None, where)), _FALLBACK),
        "color": _color(told, colors),
        "about": _about(told.change, labels),
        "errors": _errors(alert, outcome),
        "outcome": "" if outcome is Outcome.APPLIED else labels.outcome[outcome],
        "why": Markup(labels.line["between_reasons"]).join(_reasons(told, labels)),
        "times": tuple(_times(alert)),
        "buttons": _buttons(alert, labels),
    }


def _errors(alert: Alert, outcome: Outcome) -> list[str]:
    """What AWS answered to a call that failed: its code, and its sentence unless that is a refusal's essay."""
    sentence = alert.call.record.get("errorMessage") if outcome is Outcome.FAILED else None
    said = [alert.call.error_code or "", sentence if isinstance(sentence, str) else ""]
    return list(dict.fromkeys(each for each in said if each))


def _times(alert: Alert) -> Iterator[str]:
    """In the zone of the account, and in UTC when that is another."""
    if alert.call.time is None:
        return
    local = local_time(alert.call.time, alert.account.timezone)
    utc = rfc3339(alert.call.time).replace("T", " ").replace("Z", " UTC")
    yield local
    if utc != local:
        yield utc


def _reasons(told: AssessedChange, labels: Labels) -> Iterator[Markup]:
    for reason in told.assessment.reasons:
        if reason.code in _SAID_BY_THE_OUTCOME:
            continue
        values = {name: _said(name, value, labels) for name, value in reason.values.items()}
        yield Markup(safe_text.escape(labels.reason[reason.code]).format_map(values))


def _said(name: str, value: str, labels: Labels) -> Markup:
    """A value of a reason in the reader's language; what comes from the event stands in a code span."""
    if name == "peer":
        return safe_text.code(value)
    if name == "severity":
        value = labels.severity[value].lower()
    return safe_text.mrkdwn(value.replace(" million", labels.line["million"]))


def _color(told: AssessedChange, colors: Colors) -> str:
    change, severity = told.change, told.assessment.severity
    if compliance := compliance_words.color(change, severity, colors):
        return compliance
    if change.outcome is Outcome.DENIED:
        return colors.denied
    if change.outcome is not Outcome.APPLIED:
        return colors.unchanged
    if severity is Severity.CRITICAL:
        return colors.critical
    if severity is Severity.HIGH:
        return colors.high
    return colors.removal if change.action in _REMOVALS else colors.addition


def _about(change: Change, labels: Labels) -> dict[str, Any] | None:
    """What the call is about: the group, the prefix list, the interface, or a thing of IAM."""
    if change.family in {Family.IAM, Family.SIGN_IN}:
        thing = access_words.about(change, labels)
        return _named(thing.name, *thing.texts) if thing else None
    if isinstance(change.facts, ComplianceFacts):
        return _named(labels.field["resource"], change.facts.resource_type, change.resource_id)
    if change.family is Family.PREFIX_LIST:
        return _named(labels.field["prefix_list"], change.resource_id)
    if change.family is Family.HUB:
        return _named(labels.field["road"], change.resource_id)
    if change.family is Family.ATTACHMENT:
        return _named(labels.field["interface"], change.resource_id)
    if change.group.id is None and change.group.name is None:
        return _named(labels.field["vpc"], change.group.vpc_id)
    return _named(labels.field["group"], change.group.id, change.group.name, change.group.vpc_id)


def _named(name: str, *texts: str | None) -> dict[str, Any] | None:
    said = [each for each in texts if each]
    return {"name": name, "texts": said} if said else None


def _buttons(alert: Alert, labels: Labels) -> list[dict[str, Any]]:
    """A link that Slack would refuse for its length is left out; the message is worth more than the link."""
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    urls = {event: alert.links.event, "group": alert.links.group, "iam": alert.links.iam}
    return [
        {"text": labels.button[name], "url": Markup(url)} for name, url in urls.items() if 0 < len(url) <= _LONGEST_URL
    ]
