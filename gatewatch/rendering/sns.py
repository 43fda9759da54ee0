"""Alert -> bodies for a topic: a mail and a custom notification each, by Jinja2, numbered when one would not hold all.

A notification is the smaller of the two: what fits into its description goes into one body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.errors import RenderError
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import DESCRIPTION, TITLE, problems
from gatewatch.rendering.escaping import joined
from gatewatch.rendering.extra_sections import Extra
from gatewatch.rendering.slack import RAW_EVENT, TopicTemplates, raw_event
from gatewatch.rendering.slack_context import reasons
from gatewatch.rendering.sns_body import NOTES, SUBJECT, TopicBody
from gatewatch.rendering.sns_context import brief_headline, topic_view
from gatewatch.rendering.sns_escaping import MailText, ascii_value, chat_text
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.labels import Labels
from gatewatch.rendering.text.rule_context import has_line, rule_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.severity import Reason
    from gatewatch.rendering.slack import Templates

_ROOM = DESCRIPTION - NOTES
_MANY = 9999  # a number of parts as long as any
_ALIAS = 40  # of the 99 characters of a subject


class _Item(Struct, frozen=True):
    """A rule, or whatever else must be told: as the chat and as the mail have it."""

    chat: Markup
    mail: MailText


def topic_bodies(alert: Alert, templates: Templates, colors: Colors, extras: Iterable[Extra] = ()) -> list[TopicBody]:
    """Worst change first; one unless the call has many rules. Raises `RenderError` when a chat would drop one."""
    labels, topic = templates.labels[alert.account.language], templates.topic()
    wording = _Wording(topic, labels, topic_view(alert, labels, colors), _subject_view(alert, topic.english))
    items = [
        *_rules(alert, topic, labels),
        *_raw(alert, labels),
        *(_Item(each.mrkdwn, each.mail) for each in extras),
    ]
    pages = wording.pages(items)
    return [wording.body(page, number, len(pages)) for number, page in enumerate(pages, start=1)]


class _Wording(Struct, frozen=True):
    templates: TopicTemplates
    labels: Labels
    view: dict[str, Any]
    subject_view: dict[str, Any]

    def pages(self, items: Sequence[_Item]) -> list[Sequence[_Item]]:
        """All in one, when they fit. Room is kept for what becomes known when the message goes out."""
        if len(self._description(items, 1, 1)) <= _ROOM:
            return [items]
        first, other = (_ROOM - len(self._description((), number, _MANY)) for number in (1, 2))
        return list(_paged(items, first, other))

    def body(self, items: Sequence[_Item], number: int, parts: int) -> TopicBody:
        part = self._part(number, parts)
        suffix = f" · {part['part_text']}" if parts > 1 else ""
        title = chat_text(self.view["headline"], TITLE - len(suffix)) + suffix
        description = Markup(self._description(items, number, parts))
        chat = self.templates.notification.render(self.view, title=title, description=description, **part)
        mail = self.templates.mail.render(self.view, items=[each.mail for each in items], **part)
        return TopicBody(self._subject(part), mail.strip("\n") + "\n", _checked(chat))

    def _part(self, number: int, parts: int) -> dict[str, Any]:
        return {"part": number, "parts": parts, "part_text": self.labels.line["part"].format(part=number, parts=parts)}

    def _description(self, items: Iterable[_Item], number: int, parts: int) -> str:
        part = self._part(number, parts)
        return self.templates.description.render(self.view, items=[each.chat for each in items], **part).strip("\n")

    def _subject(self, part: dict[str, Any]) -> str:
        """Too long a headline is cut; the account and the number of the part stay."""
        view, subject = self.subject_view | part, self.templates.subject
        room = SUBJECT - len(subject.render(view, headline=""))
        headline = ascii_value(view["headline"])
        fitting = headline if len(headline) <= room else headline[: room - 3] + "..."
        return " ".join(subject.render(view, headline=fitting).split())


def _subject_view(alert: Alert, english: Labels) -> dict[str, Any]:
    return {
        "severity": english.severity[alert.severity],
        "headline": brief_headline(alert, english),
        "alias": ascii_value(alert.account.alias).strip("-_./ ")[:_ALIAS],
        "account_id": ascii_value(alert.account.id)[:_ALIAS],
    }


def _rules(alert: Alert, templates: TopicTemplates, labels: Labels) -> Iterator[_Item]:
    """Each with its reasons, unless they were said right before: of the whole call, or of its neighbour."""
    ordered = words.worst_first(alert)
    said, told, zone = _because(ordered[0]), ordered[0].change.outcome, alert.account.timezone
    for assessed in ordered:
        if has_line(assessed, alert):
            is_new, said = _because(assessed) != said, _because(assessed)
            why = joined(labels.line["between_reasons"], reasons(assessed, labels)) if is_new else ""
            view = rule_view(assessed, told, zone, labels) | {"why": why, "line": labels.line}
            yield _Item(Markup(templates.chat_rule.render(view)), MailText(templates.mail_rule.render(view)))


def _because(assessed: AssessedChange) -> tuple[Reason, ...] | tuple[str, ...]:
    """What is alike of two rules is said once; of harmless ones also where only an address differs."""
    verdict = assessed.assessment
    is_harmless = verdict.severity.rank < Severity.MEDIUM.rank
    return tuple(each.code for each in verdict.reasons) if is_harmless else verdict.reasons


def _raw(alert: Alert, labels: Labels) -> Iterator[_Item]:
    """Of a call that nobody understood."""
    if not all(each.change.understood for each in alert.changes):
        shown = Extra(labels.line["raw"], raw_event(alert.call.record), RAW_EVENT)
        yield _Item(shown.mrkdwn, shown.mail)


def _paged(items: Iterable[_Item], first: int, other: int) -> Iterator[list[_Item]]:
    """As many as go into the first, and then into each of the others; what is too long for the first comes after it."""
    page: list[_Item] = []
    room = first
    for item in items:
        if len(item.chat) + 1 > room:
            yield page
            page, room = [], other
        page.append(item)
        room -= len(item.chat) + 1
    yield page


def _checked(text: str) -> dict[str, Any]:
    try:
        notification: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RenderError(f"chatbot/notification.json.j2 made no JSON: {error}") from error
    if found := problems(notification):
        raise RenderError("chatbot/notification.json.j2 made what a chat drops: " + " ".join(found))
    return dict(notification)
