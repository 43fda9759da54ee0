"""What the Slack templates see of an alert: words, marks and colours, nothing yet escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering import escaping as safe_text
from gatewatch.rendering.text import compliance as compliance_words
from gatewatch.rendering.text import fields as field_view
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.severity_marks import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_FALLBACK = 400
_LONGEST_URL = 3000
_SAID_ALREADY = field_view.SAID_BY_A_FIELD | {Outcome.FAILED.value, Outcome.DRY_RUN.value}
_FROM_THE_EVENT = frozenset({"annotation", "peer", "who"})
_REMOVALS = frozenset({Action.REVOKE, Action.DELETE, Action.DISASSOCIATE, Action.DETACH})


class Button(NamedTuple):
    """A link. A tuple, as the fields are: a template takes one apart sooner than it looks a name up."""

    text: Markup
    url: Markup


def message_view(alert: Alert, labels: Labels, colors: Colors) -> tuple[str, dict[str, Any]]:
    """The headline, and what else the message template sees."""
    told = words.foremost(alert)
    severity = told.assessment.severity
    line = f"{mark(severity)} {labels.severity[severity]}: {words.headline(alert, labels, told)}"
    where = (line, alert.account.alias, alert.call.region, field_view.caller(alert, labels))
    return line, {
        "event_name": alert.call.event_name,
        "event_id": alert.call.event_id,
        "why_label": safe_text.ours(labels.line["why"]),
        "fallback": safe_text.fitting(" · ".join(filter(None, where)), _FALLBACK),
        "color": _color(told, colors),
        "fields": field_view.fields(alert, told, labels),
        "why": safe_text.joined(labels.line["between_reasons"], reasons(told, labels)),
        "buttons": _buttons(alert, labels),
    }


def reasons(told: AssessedChange, labels: Labels) -> Iterator[Markup]:
    for reason in told.assessment.reasons:
        if reason.code in _SAID_ALREADY:
            continue
        values = {name: _said(name, value, labels) for name, value in reason.values.items()}
        yield safe_text.filled(labels.reason[reason.code], values)


def _said(name: str, value: str, labels: Labels) -> Markup:
    """A value of a reason in the reader's language; what comes from the event stands in a code span."""
    if name in _FROM_THE_EVENT:
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


def _buttons(alert: Alert, labels: Labels) -> list[Button]:
    """A link that Slack would refuse for its length is left out; the message is worth more than the link."""
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    urls = ((event, alert.links.event), ("group", alert.links.group), ("iam", alert.links.iam))
    links = [(labels.button[name], url) for name, url in urls if 0 < len(url) <= _LONGEST_URL]
    return [Button(safe_text.ours(name), Markup(url)) for name, url in links]
