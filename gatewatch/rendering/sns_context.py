"""The variables of the email and chat notification templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch.model.change import Family
from gatewatch.rendering.alert_texts import texts_of_alert
from gatewatch.rendering.chatbot_validation import MAX_KEYWORD, MAX_STEP, MAX_TITLE
from gatewatch.rendering.escaping import code, code_block, join_safe, mrkdwn, sanitize
from gatewatch.rendering.sns_escaping import MailText, chat_text
from gatewatch.rendering.text.fields import caller, subject_fields, times
from gatewatch.rendering.text.headline import alert_headline, headline_change
from gatewatch.rendering.text.rules import shorten
from gatewatch.rendering.text.severity_marks import severity_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_MAX_COMMAND = 2000


def sns_message_context(alert: Alert, labels: Labels, colors: Colors) -> dict[str, Any]:
    """The variables of the templates of the email and the notification.

    The link to the event comes last: the others lead to where something can be changed.
    """
    texts = texts_of_alert(alert, labels, colors)
    assessed, account = headline_change(alert), alert.account
    steps = [Markup(f"<{each.url}|{each.name}>") for each in reversed(texts.links)]
    name, ip = _without_role(caller(alert, labels)), alert.call.source_ip
    return {
        "headline": texts.headline,
        "line": labels.line,
        "thread": Markup(sanitize(alert.call.event_id)),
        "severity_mark": severity_mark(alert.severity),
        "severity": labels.severity[alert.severity],
        "alias": account.alias if account.known else f"{account.alias} {account.id}".strip(),
        "short_headline": brief_headline(alert, labels),
        "place": texts.place,
        "where": tuple(filter(None, (code(alert.call.region), _subject(assessed, labels)))),
        "caller_and_time": tuple(filter(None, (name, ip if name else "", *times(alert)[:1]))),
        "reasons": texts.reasons,
        "why": join_safe(labels.line["between_reasons"], texts.reasons),
        "advice": texts.advice,
        "command": MailText(texts.command or texts.no_command),
        "command_block": code_block(texts.command, _MAX_COMMAND) if texts.command else mrkdwn(texts.no_command),
        "links": [{"name": each.name, "url": MailText(each.url)} for each in reversed(texts.links)],
        "steps": tuple(each for each in steps if len(each) <= MAX_STEP),
        "long_links": tuple(each for each in steps if len(each) > MAX_STEP),
        "fields": texts.fields,
        "event": texts.event,
        "event_name": alert.call.event_name,
        "keywords": tuple(_keywords(alert, labels)),
        "summary": chat_text(f"{texts.headline} · {account.alias}", MAX_TITLE),
    }


def brief_headline(alert: Alert, labels: Labels) -> str:
    """The headline with the actor's name only, so that the change is within what a phone shows."""
    name = alert.call.actor.name
    return alert_headline(alert, labels).replace(shorten(name), shorten(_without_role(name)))


def _without_role(name: str) -> str:
    """`alice` of `alice (Admin)`; the field shows the whole name."""
    return name.partition(" (")[0]


def _subject(assessed: AssessedChange, labels: Labels) -> str:
    """The first line of what the call is about; empty where the headline names it."""
    if assessed.change.family is Family.COMPLIANCE:
        return ""
    return next((line for each in subject_fields(assessed, labels) for line in each.lines), "")


def _keywords(alert: Alert, labels: Labels) -> Iterator[Markup]:
    account = alert.account
    texts = (labels.severity[alert.severity], account.alias, account.id, alert.call.region, account.environment)
    yield from (chat_text(each, MAX_KEYWORD) for each in texts if each and each.strip())
