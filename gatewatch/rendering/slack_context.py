"""The variables of the Slack message template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, format_safe, join_safe, mrkdwn, truncate_escaped, trusted_label
from gatewatch.rendering.text.compliance import compliance_color
from gatewatch.rendering.text.fields import SHOWN_AS_FIELDS, alert_fields, caller
from gatewatch.rendering.text.headline import alert_headline, headline_change
from gatewatch.rendering.text.severity_marks import severity_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_MAX_FALLBACK = 400
_MAX_URL = 3000
_SHOWN_ELSEWHERE = SHOWN_AS_FIELDS | {Outcome.FAILED.value, Outcome.DRY_RUN.value}
_EVENT_VALUES = frozenset({"annotation", "peer", "actor"})
_REMOVALS = frozenset({Action.REVOKE, Action.DELETE, Action.DISASSOCIATE, Action.DETACH})


class Button(NamedTuple):
    """A link. A tuple, because templates unpack tuples faster than they look up attributes."""

    text: Markup
    url: Markup


def message_context(alert: Alert, labels: Labels, colors: Colors) -> tuple[str, dict[str, Any]]:
    """The headline, and the other variables of the message template."""
    assessed = headline_change(alert)
    severity = assessed.assessment.severity
    line = f"{severity_mark(severity)} {labels.severity[severity]}: {alert_headline(alert, labels, assessed)}"
    where = (line, alert.account.alias, alert.call.region, caller(alert, labels))
    return line, {
        "event_name": alert.call.event_name,
        "event_id": alert.call.event_id,
        "why_label": trusted_label(labels.line["why"]),
        "fallback": truncate_escaped(" · ".join(filter(None, where)), _MAX_FALLBACK),
        "color": _color(assessed, colors),
        "fields": alert_fields(alert, assessed, labels),
        "why": join_safe(labels.line["between_reasons"], reason_texts(assessed, labels)),
        "buttons": _buttons(alert, labels),
    }


def reason_texts(assessed: AssessedChange, labels: Labels) -> Iterator[Markup]:
    """The reasons of a change, without those that the fields show."""
    for reason in assessed.assessment.reasons:
        if reason.code in _SHOWN_ELSEWHERE:
            continue
        values = {name: _reason_value(name, value, labels) for name, value in reason.values.items()}
        yield format_safe(labels.reason[reason.code], values)


def _reason_value(name: str, value: str, labels: Labels) -> Markup:
    """A value of a reason in the reader's language; values from the event stand in code spans."""
    if name in _EVENT_VALUES:
        return code(value)
    if name == "severity":
        value = labels.severity[value].lower()
    return mrkdwn(value.replace(" million", labels.line["million"]))


def _color(assessed: AssessedChange, colors: Colors) -> str:
    change, severity = assessed.change, assessed.assessment.severity
    if compliance := compliance_color(change, severity, colors):
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


def _buttons(alert: Alert, labels: Labels) -> list[Button]:
    """Links of the alert; one that is too long for Slack is left out."""
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    urls = ((event, alert.links.event), ("group", alert.links.group), ("iam", alert.links.iam))
    links = [(labels.button[name], url) for name, url in urls if 0 < len(url) <= _MAX_URL]
    return [Button(trusted_label(name), Markup(url)) for name, url in links]
