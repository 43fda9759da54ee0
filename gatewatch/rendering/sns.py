"""SNS messages of an alert: an email and a custom chat notification each.

The description of a notification is the smaller of the two; an alert that does not fit it becomes several messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.errors import RenderError
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import MAX_DESCRIPTION, MAX_TITLE, chatbot_problems
from gatewatch.rendering.escaping import join_safe
from gatewatch.rendering.extra_sections import ExtraSection
from gatewatch.rendering.redaction import MAX_RAW_EVENT, raw_event_text
from gatewatch.rendering.slack_context import reason_texts
from gatewatch.rendering.sns_body import MAX_SUBJECT, RESERVED_LENGTH, SnsBody
from gatewatch.rendering.sns_context import brief_headline, sns_message_context
from gatewatch.rendering.sns_escaping import MailText, ascii_value, chat_text
from gatewatch.rendering.templates import SnsTemplates
from gatewatch.rendering.text.headline import worst_first
from gatewatch.rendering.text.labels import Labels
from gatewatch.rendering.text.rule_context import has_line, rule_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.config.settings import Colors
    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.severity import Reason
    from gatewatch.rendering.templates import Templates

_MAX_TEXT = MAX_DESCRIPTION - RESERVED_LENGTH
_MAX_PARTS = 9999  # reserves the length of the largest part number
_MAX_ALIAS = 40  # of the 99 characters of a subject


class _RenderedItem(Struct, frozen=True):
    """A rule or an extra section, as the chat and as the email show it."""

    chat: Markup
    mail: MailText


def sns_bodies(
    alert: Alert, templates: Templates, colors: Colors, extras: Iterable[ExtraSection] = ()
) -> list[SnsBody]:
    """Worst change first; one unless the call has many rules.

    Raises `RenderError` when the chat service would drop one.
    """
    labels, sns_templates = templates.labels[alert.account.language], templates.sns()
    context = sns_message_context(alert, labels, colors)
    renderer = _Renderer(sns_templates, labels, context, _subject_context(alert, sns_templates.english))
    items = [
        *_rules(alert, sns_templates, labels),
        *_raw(alert, labels),
        *(_RenderedItem(each.mrkdwn, each.mail) for each in extras),
    ]
    pages = renderer.pages(items)
    return [renderer.body(page, number, len(pages)) for number, page in enumerate(pages, start=1)]


class _Renderer(Struct, frozen=True):
    templates: SnsTemplates
    labels: Labels
    context: dict[str, Any]
    subject_context: dict[str, Any]

    def pages(self, items: Sequence[_RenderedItem]) -> list[Sequence[_RenderedItem]]:
        """One page if all items fit. `RESERVED_LENGTH` stays free for lines that are added at delivery."""
        if len(self._description(items, 1, 1)) <= _MAX_TEXT:
            return [items]
        first, other = (_MAX_TEXT - len(self._description((), number, _MAX_PARTS)) for number in (1, 2))
        return list(_paged(items, first, other))

    def body(self, items: Sequence[_RenderedItem], number: int, parts: int) -> SnsBody:
        part = self._part(number, parts)
        suffix = f" · {part['part_text']}" if parts > 1 else ""
        title = chat_text(self.context["headline"], MAX_TITLE - len(suffix)) + suffix
        description = Markup(self._description(items, number, parts))
        chat = self.templates.notification.render(self.context, title=title, description=description, **part)
        mail = self.templates.mail.render(self.context, items=[each.mail for each in items], **part)
        return SnsBody(self._subject(part), mail.strip("\n") + "\n", _validated(chat))

    def _part(self, number: int, parts: int) -> dict[str, Any]:
        return {"part": number, "parts": parts, "part_text": self.labels.line["part"].format(part=number, parts=parts)}

    def _description(self, items: Iterable[_RenderedItem], number: int, parts: int) -> str:
        part = self._part(number, parts)
        return self.templates.description.render(self.context, items=[each.chat for each in items], **part).strip("\n")

    def _subject(self, part: dict[str, Any]) -> str:
        """A headline that is too long is cut; the account and the part number stay."""
        context, subject = self.subject_context | part, self.templates.subject
        max_length = MAX_SUBJECT - len(subject.render(context, headline=""))
        headline = ascii_value(context["headline"])
        shortened = headline if len(headline) <= max_length else headline[: max_length - 3] + "..."
        return " ".join(subject.render(context, headline=shortened).split())


def _subject_context(alert: Alert, english: Labels) -> dict[str, Any]:
    return {
        "severity": english.severity[alert.severity],
        "headline": brief_headline(alert, english),
        "alias": ascii_value(alert.account.alias).strip("-_./ ")[:_MAX_ALIAS],
        "account_id": ascii_value(alert.account.id)[:_MAX_ALIAS],
    }


def _rules(alert: Alert, templates: SnsTemplates, labels: Labels) -> Iterator[_RenderedItem]:
    """Each rule, with its reasons unless the headline or the rule before it had the same."""
    ordered = worst_first(alert)
    shown, outcome, timezone = _comparable_reasons(ordered[0]), ordered[0].change.outcome, alert.account.timezone
    for assessed in ordered:
        if has_line(assessed, alert):
            is_new, shown = _comparable_reasons(assessed) != shown, _comparable_reasons(assessed)
            why = join_safe(labels.line["between_reasons"], reason_texts(assessed, labels)) if is_new else ""
            context = rule_values(assessed, outcome, timezone, labels) | {"why": why, "line": labels.line}
            yield _RenderedItem(
                Markup(templates.chat_rule.render(context)), MailText(templates.mail_rule.render(context))
            )


def _comparable_reasons(assessed: AssessedChange) -> tuple[Reason, ...] | tuple[str, ...]:
    """Reasons to compare with those of another rule; below medium, values such as an address do not count."""
    assessment = assessed.assessment
    is_low = assessment.severity.rank < Severity.MEDIUM.rank
    return tuple(each.code for each in assessment.reasons) if is_low else assessment.reasons


def _raw(alert: Alert, labels: Labels) -> Iterator[_RenderedItem]:
    """The raw event of a call that was not understood."""
    if not all(each.change.understood for each in alert.changes):
        section = ExtraSection(labels.line["raw"], raw_event_text(alert.call.record), MAX_RAW_EVENT)
        yield _RenderedItem(section.mrkdwn, section.mail)


def _paged(items: Iterable[_RenderedItem], first: int, other: int) -> Iterator[list[_RenderedItem]]:
    """Fill the first page, then the others; `first` and `other` are their free characters."""
    page: list[_RenderedItem] = []
    available = first
    for item in items:
        if len(item.chat) + 1 > available:
            yield page
            page, available = [], other
        page.append(item)
        available -= len(item.chat) + 1
    yield page


def _validated(text: str) -> dict[str, Any]:
    try:
        notification: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RenderError(f"chatbot/notification.json.j2 did not render JSON: {error}") from error
    if found := chatbot_problems(notification):
        raise RenderError("chatbot/notification.json.j2 rendered what the chat service drops: " + " ".join(found))
    return dict(notification)
