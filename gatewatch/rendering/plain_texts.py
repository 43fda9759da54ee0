"""The texts of an alert as plain text, for destinations without markup. URLs of an event are broken up everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from gatewatch.model.change import Family
from gatewatch.rendering.alert_texts import reason_texts
from gatewatch.rendering.escaping import code_block, sanitize
from gatewatch.rendering.redaction import MAX_RAW_EVENT
from gatewatch.rendering.sections import section_mail
from gatewatch.rendering.sns_escaping import mail_value, plain_text
from gatewatch.rendering.text.fields import alert_fields, caller
from gatewatch.rendering.text.headline import alert_headline, headline_change
from gatewatch.rendering.text.rule_context import has_line, rule_values
from gatewatch.rendering.text.severity_marks import severity_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert
    from gatewatch.model.notification import AlertNotification
    from gatewatch.rendering.templates import Templates
    from gatewatch.rendering.text.labels import Labels

_MAX_HEADLINE, _MAX_LINE, _MAX_URL = 400, 256, 2000


class PlainField(NamedTuple):
    name: str
    text: str


class PlainLink(NamedTuple):
    name: str
    url: str


class PlainAlert(Struct, frozen=True, kw_only=True):
    """`headline` has no mark and no severity. `items` are rules, worst first, then the raw event and sections.

    The link to the event comes last: the others lead to where something can be changed.
    """

    mark: str
    severity: str
    headline: str
    place: str
    reasons: tuple[str, ...]
    items: tuple[str, ...]
    fields: tuple[PlainField, ...]
    links: tuple[PlainLink, ...]


def plain_alert(notification: AlertNotification, templates: Templates, labels: Labels) -> PlainAlert:
    alert = notification.alert
    assessed, account = headline_change(alert), alert.account
    alias = account.alias if account.known else f"{account.alias} {account.id}"
    name = caller(alert, labels)
    where = (alias, alert.call.region, name, (alert.call.source_ip or "") if name else "")
    return PlainAlert(
        mark=severity_mark(alert.severity),
        severity=labels.severity[alert.severity],
        headline=plain_line(alert_headline(alert, labels), _MAX_HEADLINE),
        place=" · ".join(plain_line(each) for each in where if each),
        reasons=tuple(plain_text(each) for each in reason_texts(assessed, labels)),
        items=(*_rules(alert, templates, labels), *_others(notification, labels)),
        fields=tuple(
            PlainField(plain_text(each.name), "\n".join(mail_value(line) for line in each.lines))
            for each in alert_fields(alert, assessed, labels)
        ),
        links=tuple(_links(alert, labels)),
    )


def plain_line(text: str, max_length: int = _MAX_LINE) -> str:
    """One line of plain text, in which no URL of an event becomes a link."""
    return sanitize(mail_value(sanitize(text, max_length)), max_length)


def _rules(alert: Alert, templates: Templates, labels: Labels) -> Iterator[str]:
    """The rules that have something to show, worst first, a paragraph each."""
    ordered, template = alert.worst_first, templates.sns().mail_rule
    outcome, timezone = ordered[0].change.outcome, alert.account.timezone
    for each in ordered:
        if has_line(each, alert):
            context = rule_values(each, outcome, timezone, labels) | {"why": "", "line": labels.line}
            yield template.render(context).strip("\n")


def _others(notification: AlertNotification, labels: Labels) -> Iterator[str]:
    """The raw event of a call that was not understood, and the sections."""
    if notification.raw_event:
        raw = code_block(notification.raw_event, MAX_RAW_EVENT)
        yield f"{labels.line['raw']}:\n{plain_text(raw)}"
    yield from (str(section_mail(each, labels)) for each in notification.sections)


def _links(alert: Alert, labels: Labels) -> Iterator[PlainLink]:
    event = "rule" if alert.worst.change.family is Family.COMPLIANCE else "event"
    for name, url in (("iam", alert.links.iam), ("group", alert.links.group), (event, alert.links.event)):
        if 0 < len(url) <= _MAX_URL:
            yield PlainLink(labels.button[name], url)
