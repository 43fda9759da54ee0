"""The texts of an alert as plain text, for destinations without markup. URLs of an event are broken up everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from gatewatch.config.settings import Colors
from gatewatch.rendering.alert_texts import texts_of_alert
from gatewatch.rendering.escaping import code_block, sanitize
from gatewatch.rendering.redaction import MAX_RAW_EVENT
from gatewatch.rendering.sections import section_mail
from gatewatch.rendering.sns_escaping import mail_value, plain_text
from gatewatch.rendering.text.rule_context import has_line, rule_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.alert import Alert
    from gatewatch.model.notification import AlertNotification
    from gatewatch.rendering.templates import Templates
    from gatewatch.rendering.text.labels import Labels

_MAX_HEADLINE, _MAX_LINE = 400, 256
_COLORS = Colors()


class PlainField(NamedTuple):
    name: str
    text: str


class PlainLink(NamedTuple):
    name: str
    url: str


class PlainAlert(Struct, frozen=True, kw_only=True):
    """`headline` begins with mark and severity. `items` are rules, worst first, then the raw event and sections.

    `place` has account, Region, caller and address. The link to the event comes last: the others lead to where
    something can be changed. `advice` and `command` are empty where there is nothing to do.
    """

    headline: str
    place: str
    reasons: tuple[str, ...]
    advice: str
    command: str
    items: tuple[str, ...]
    fields: tuple[PlainField, ...]
    links: tuple[PlainLink, ...]
    event: str


def plain_alert(notification: AlertNotification, templates: Templates, labels: Labels) -> PlainAlert:
    texts = texts_of_alert(notification.alert, labels, _COLORS)
    return PlainAlert(
        headline=plain_line(texts.headline, _MAX_HEADLINE),
        place=plain_text(texts.place),
        reasons=tuple(map(plain_text, texts.reasons)),
        advice=" ".join(filter(None, (texts.advice, texts.no_command))),
        command=texts.command,
        items=(*_rules(notification.alert, templates, labels), *_others(notification, labels)),
        fields=tuple(
            PlainField(plain_text(each.name), "\n".join(mail_value(line) for line in each.lines))
            for each in texts.fields
        ),
        links=tuple(PlainLink(plain_text(each.name), str(each.url)) for each in reversed(texts.links)),
        event=plain_text(texts.event),
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
            texts = structs.asdict(rule_texts(each, outcome, timezone, labels))
            yield template.render(texts, why="", line=labels.line).strip("\n")


def _others(notification: AlertNotification, labels: Labels) -> Iterator[str]:
    """The raw event of a call that was not understood, and the sections."""
    if notification.raw_event:
        raw = code_block(notification.raw_event, MAX_RAW_EVENT)
        yield f"{labels.line['raw']}:\n{plain_text(raw)}"
    yield from (str(section_mail(each, labels)) for each in notification.sections)
