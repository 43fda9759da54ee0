"""What the templates of a topic see beside what those of Slack see: the first lines, the links, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import KEYWORD, STEP, TITLE
from gatewatch.rendering.escaping import clean, code
from gatewatch.rendering.slack_context import message_view, reasons
from gatewatch.rendering.sns_escaping import MailText, chat_text
from gatewatch.rendering.text import fields as field_view
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.rules import short
from gatewatch.rendering.text.severity_marks import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.rendering.text.labels import Labels

_OF_A_FAMILY = {Family.IAM: "access", Family.SIGN_IN: "sign_in", Family.HUB: "road"}


def topic_view(alert: Alert, labels: Labels, colors: Colors) -> dict[str, Any]:
    """Everything that Slack's message template sees, and what a notification and a mail have of their own.

    The links begin with where something can be done: the event itself comes last.
    """
    headline, shared = message_view(alert, labels, colors)
    told, account = words.foremost(alert), alert.account
    advised = _advice(alert)
    links = [(each.text, each.url) for each in reversed(shared["buttons"])]
    steps = [Markup("<{}|{}>").format(url, name) for name, url in links]
    advice = labels.advice[advised] if advised else ""
    return shared | {
        "headline": headline,
        "line": labels.line,
        "thread": Markup(clean(alert.call.event_id)),
        "mark": mark(alert.severity),
        "severity": labels.severity[alert.severity],
        "alias": account.alias if account.known else f"{account.alias} {account.id}".strip(),
        "said": brief_headline(alert, labels),
        "where": tuple(filter(None, (code(alert.call.region), _thing(told, labels)))),
        "by_whom": tuple(filter(None, (_brief(field_view.caller(alert, labels)), *list(field_view.times(alert))[:1]))),
        "reasons": tuple(reasons(told, labels)),
        "advice": advice,
        "links": [{"name": name, "url": MailText(url)} for name, url in links],
        "steps": tuple(filter(None, (advice, *(each for each in steps if len(each) <= STEP)))),
        "long_links": tuple(each for each in steps if len(each) > STEP),
        "keywords": tuple(_keywords(alert, labels)),
        "summary": chat_text(f"{headline} · {account.alias}", TITLE),
    }


def brief_headline(alert: Alert, labels: Labels) -> str:
    """Without the role of who called, so that what was done stands where a phone still shows it."""
    name = alert.call.actor.name
    return words.headline(alert, labels).replace(short(name), short(_brief(name)))


def _brief(name: str) -> str:
    """`alice` of `alice (Admin)`: the field of who called has the whole."""
    return name.partition(" (")[0]


def _thing(told: AssessedChange, labels: Labels) -> str:
    """What the call is about, unless the headline has named it."""
    if told.change.family is Family.COMPLIANCE:
        return ""
    return next((line for each in field_view.about(told, labels) for line in each.lines), "")


def _keywords(alert: Alert, labels: Labels) -> Iterator[Markup]:
    account = alert.account
    texts = (labels.severity[alert.severity], account.alias, account.id, alert.call.region, account.environment)
    yield from (chat_text(each, KEYWORD) for each in texts if each and each.strip())


def _advice(alert: Alert) -> str:
    """Which sentence says what to do; empty when there is nothing to do."""
    told = words.foremost(alert)
    change, severity = told.change, told.assessment.severity
    if not change.understood:
        return "unclear"
    if isinstance(change.facts, ComplianceFacts):
        return "compliance" if change.facts.is_broken else ""
    if severity.rank < Severity.MEDIUM.rank:
        return ""
    if change.outcome is Outcome.FAILED and change.family is Family.SIGN_IN:
        return "guessing"
    if change.outcome is Outcome.DENIED:
        return "denied"
    return _OF_A_FAMILY.get(change.family, "open") if change.outcome is Outcome.APPLIED else ""
