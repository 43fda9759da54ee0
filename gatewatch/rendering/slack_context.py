"""The variables of the Slack message template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, format_safe, join_safe, mrkdwn, truncate_escaped, trusted_label
from gatewatch.rendering.slack_limits import MAX_HEADER, MAX_SECTION, MAX_URL
from gatewatch.rendering.text.compliance import compliance_color
from gatewatch.rendering.text.fields import SHOWN_AS_FIELDS, alert_fields, caller
from gatewatch.rendering.text.headline import alert_headline, headline_change
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.text.state import alert_state_line, message_state_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.message_state import AlertState, MessageState
    from gatewatch.rendering.text.fields import Field
    from gatewatch.rendering.text.labels import Labels

_MAX_FALLBACK = 400
_MAX_ROLLUP_TITLE = 120  # of a header, because counts follow it
_MAX_FIRST_SECTION = MAX_SECTION - 400  # with room for a line about the state
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
    if severity in {Severity.CRITICAL, Severity.HIGH}:
        return colors.critical if severity is Severity.CRITICAL else colors.high
    return colors.removal if change.action in _REMOVALS else colors.addition


def _buttons(alert: Alert, labels: Labels) -> list[Button]:
    """Links of the alert; one that is too long for Slack is left out."""
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    urls = ((event, alert.links.event), ("group", alert.links.group), ("iam", alert.links.iam))
    links = [(labels.button[name], url) for name, url in urls if 0 < len(url) <= MAX_URL]
    return [Button(trusted_label(name), Markup(url)) for name, url in links]


class RolledUpAlert(NamedTuple):
    """One alert of a roll-up: its headline, the variables of its own message, its rules and its state."""

    headline: str
    variables: dict[str, Any]
    texts: list[Markup]
    state: AlertState


def rollup_context(
    alerts: Sequence[RolledUpAlert], state: MessageState, labels: Labels, colors: Colors
) -> dict[str, Any]:
    """The variables of the roll-up template; `alerts` are in the order of display, the worst first."""
    worst, more = alerts[0], f" · +{len(alerts) - 1}"
    title = truncate_escaped(worst.headline, _MAX_ROLLUP_TITLE)
    return {
        "color": colors.resolved if state.is_resolved else worst.variables["color"],
        "fallback": worst.variables["fallback"] + more,
        "title": join_safe("", (title, Markup(more), _reply_count(state))),
        "state": message_state_lines(state, labels, is_rollup=True),
        "fields": worst.variables["fields"],
        "alerts": [_rolled_up_texts(each, worst, labels) for each in alerts],
        "buttons": worst.variables["buttons"],
    }


def _rolled_up_texts(alert: RolledUpAlert, worst: RolledUpAlert, labels: Labels) -> tuple[list[Markup], Markup]:
    """The sections of an alert, and its small text: fields that the worst alert has not, reasons, event and link."""
    # The headline becomes bold: a star or a back-tick of an event must not end that.
    bold = Markup(truncate_escaped(alert.headline, MAX_HEADER).replace("*", "∗").replace("`", "ˋ"))
    head = join_safe("\n", filter(None, (Markup(f"*{bold}*"), alert_state_line(alert.state, labels))))
    texts = [head, *alert.texts]
    if len(texts) > 1 and len(texts[0]) + len(texts[1]) < _MAX_FIRST_SECTION:
        texts[:2] = [join_safe("\n", texts[:2])]
    variables = alert.variables
    other_fields = [each for each in variables["fields"] if each not in worst.variables["fields"]]
    why = Markup(f"*{variables['why_label']}* ") + variables["why"] if variables["why"] else Markup()
    event = join_safe(" ", (code(variables["event_name"]), code(variables["event_id"])))
    if variables["buttons"]:
        event += Markup(" · <{}|{}>").format(_url_in_link(variables["buttons"][0].url), variables["buttons"][0].text)
    small = (join_safe(" · ", map(_field_in_one_line, other_fields)), why, event)
    return texts, join_safe("\n", filter(None, small))


def _field_in_one_line(field: Field) -> Markup:
    return join_safe(" ", (Markup(f"*{field.name}*"), *map(mrkdwn, field.lines)))


def _url_in_link(url: str) -> Markup:
    return Markup(url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C"))


def title_of(headline: str, part_text: str, state: MessageState) -> Markup:
    """The header: the headline, cut where it is too long, the part and the number of alerts in the thread."""
    suffix = (f" · {part_text}" if part_text else "") + _reply_count(state)
    return join_safe("", (truncate_escaped(headline, MAX_HEADER - len(suffix)), Markup(suffix)))


def _reply_count(state: MessageState) -> Markup:
    return Markup(f" 🧵 +{len(state.replies)}") if state.replies else Markup()
