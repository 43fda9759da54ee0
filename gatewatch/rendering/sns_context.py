"""The variables of the email and chat notification templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch.model.change import Family, Outcome
from gatewatch.model.compliance import ComplianceFacts
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import MAX_KEYWORD, MAX_STEP, MAX_TITLE
from gatewatch.rendering.escaping import code, sanitize
from gatewatch.rendering.slack_context import message_context, reason_texts
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

_ADVICE_BY_FAMILY = {
    Family.IAM: "iam",
    Family.SIGN_IN: "sign_in",
    Family.HUB: "monitoring",
    Family.NETWORK: "network",
    Family.PUBLIC_ACCESS: "public_access",
    Family.ORGANIZATION: "organization",
    Family.DETECTION: "detection",
}


def sns_message_context(alert: Alert, labels: Labels, colors: Colors) -> dict[str, Any]:
    """The variables of Slack's message template, and those of the email and the notification.

    The link to the event comes last: the others lead to where something can be changed.
    """
    headline, shared = message_context(alert, labels, colors)
    assessed, account = headline_change(alert), alert.account
    links = [(each.text, each.url) for each in reversed(shared["buttons"])]
    steps = [Markup("<{}|{}>").format(url, name) for name, url in links]
    advice = labels.advice[key] if (key := _advice_key(alert)) else ""
    return shared | {
        "headline": headline,
        "line": labels.line,
        "thread": Markup(sanitize(alert.call.event_id)),
        "severity_mark": severity_mark(alert.severity),
        "severity": labels.severity[alert.severity],
        "alias": account.alias if account.known else f"{account.alias} {account.id}".strip(),
        "short_headline": brief_headline(alert, labels),
        "where": tuple(filter(None, (code(alert.call.region), _subject(assessed, labels)))),
        "caller_and_time": tuple(filter(None, (_without_role(caller(alert, labels)), *list(times(alert))[:1]))),
        "reasons": tuple(reason_texts(assessed, labels)),
        "advice": advice,
        "links": [{"name": name, "url": MailText(url)} for name, url in links],
        "steps": tuple(filter(None, (advice, *(each for each in steps if len(each) <= MAX_STEP)))),
        "long_links": tuple(each for each in steps if len(each) > MAX_STEP),
        "keywords": tuple(_keywords(alert, labels)),
        "summary": chat_text(f"{headline} · {account.alias}", MAX_TITLE),
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


def _advice_key(alert: Alert) -> str:
    """A key of `labels.advice`; empty when there is nothing to do."""
    assessed = headline_change(alert)
    change, severity = assessed.change, assessed.assessment.severity
    if not change.understood:
        return "not_understood"
    if isinstance(change.facts, ComplianceFacts):
        return "compliance" if change.facts.is_noncompliant else ""
    if "key_exposed" in {each.code for each in assessed.assessment.reasons}:
        return "exposed_key"
    if severity.rank < Severity.MEDIUM.rank:
        return ""
    if change.outcome is Outcome.FAILED and change.family is Family.SIGN_IN:
        return "sign_in_failed"
    if change.outcome is Outcome.DENIED:
        return "denied"
    return _ADVICE_BY_FAMILY.get(change.family, "open") if change.outcome is Outcome.APPLIED else ""
