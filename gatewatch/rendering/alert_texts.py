"""The texts of an alert that all channels show, in the order of what decides. Markup is escaped mrkdwn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct, structs

from gatewatch.model.change import Action, Family, Outcome
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import (
    as_markup,
    code,
    format_safe,
    join_safe,
    mrkdwn,
    truncate_escaped,
    trusted_label,
)
from gatewatch.rendering.text.advice import advice_of
from gatewatch.rendering.text.compliance import compliance_color
from gatewatch.rendering.text.fields import SHOWN_AS_FIELDS, Field, alert_fields, caller, place_text
from gatewatch.rendering.text.headline import alert_headline, headline_change
from gatewatch.rendering.text.severity_marks import severity_mark
from gatewatch.rendering.text.undo import undo_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.presentation import Presentation
    from gatewatch.rendering.text.labels import Labels

_MAX_SUMMARY = 400
_MAX_URL = 900  # three of them, escaped, fit a text of Slack
_SHOWN_ELSEWHERE = SHOWN_AS_FIELDS | {Outcome.FAILED.value, Outcome.DRY_RUN.value}
_EVENT_VALUES = frozenset({"annotation", "peer", "actor", "call"})
_REMOVALS = frozenset({Action.REVOKE, Action.DELETE, Action.DISASSOCIATE, Action.DETACH})


class Link(Struct, frozen=True):
    """A link to a console. `url` is as it stands in an address, not escaped."""

    name: Markup
    url: Markup


class AlertTexts(Struct, frozen=True, kw_only=True):
    """`headline` begins with mark and severity. `command` undoes the change; `no_command` says why there is none.

    `summary` is what a notification on a phone shows, `color` that of the destination's settings as #RRGGBB, `event`
    the name and the id of the call.
    """

    headline: str
    summary: Markup
    color: str
    place: Markup
    reasons: tuple[Markup, ...]
    advice: str
    command: str
    no_command: str
    links: tuple[Link, ...]
    fields: tuple[Field, ...]
    event: Markup

    @property
    def event_text(self) -> Markup:
        """Name and id of the call without code spans."""
        return as_markup(str(self.event).replace("`", ""))

    def shown(self, presentation: Presentation) -> AlertTexts:
        """Without what only the first part has, and without what is left to do once everything is closed."""
        is_first = presentation.part == 1
        if is_first and not presentation.state.is_over:
            return self
        reasons, fields = (self.reasons, self.fields) if is_first else ((), ())
        return structs.replace(self, advice="", command="", no_command="", reasons=reasons, fields=fields)


def texts_of_alert(alert: Alert, labels: Labels, colors: Colors) -> AlertTexts:
    assessed = headline_change(alert)
    severity = assessed.assessment.severity
    headline = f"{severity_mark(severity)} {labels.severity[severity]}: {alert_headline(alert, labels, assessed)}"
    undo = undo_of(alert)
    where = (headline, alert.account.alias, alert.call.region, caller(alert, labels))
    return AlertTexts(
        headline=headline,
        summary=truncate_escaped(" · ".join(filter(None, where)), _MAX_SUMMARY),
        color=_color(assessed, colors),
        place=place_text(alert, assessed, labels),
        reasons=tuple(reason_texts(assessed, labels)),
        advice=advice_of(alert, labels),
        command=undo.command,
        no_command=labels.no_undo[undo.reason] if undo.reason else "",
        links=tuple(_links(alert, labels)),
        fields=alert_fields(alert, assessed, labels),
        event=join_safe(" ", (code(alert.call.event_name), code(alert.call.event_id))),
    )


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


def _links(alert: Alert, labels: Labels) -> Iterator[Link]:
    """Links of the alert; one that is too long is left out."""
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    for name, url in ((event, alert.links.event), ("group", alert.links.group), ("iam", alert.links.iam)):
        if 0 < len(url) <= _MAX_URL:
            yield Link(trusted_label(labels.button[name]), as_markup(url))
