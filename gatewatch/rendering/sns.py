"""SNS messages: an email and a custom chat notification each.

The description of a notification is the smaller of the two; an alert that does not fit it becomes several messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.config.settings import Colors
from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.notification import AlertNotification, OperatorNotice
from gatewatch.model.severity import Severity
from gatewatch.rendering.alert_texts import reason_texts
from gatewatch.rendering.chatbot_validation import MAX_DESCRIPTION, MAX_TITLE, chatbot_problems
from gatewatch.rendering.escaping import code_block, join_safe, mrkdwn, sanitize
from gatewatch.rendering.notices import banners, notice_sns_body
from gatewatch.rendering.parts import first_parts, omitted_text, part_texts, presentations_of, shown_items
from gatewatch.rendering.presentation import MAX_PARTS, Presentation
from gatewatch.rendering.redaction import MAX_RAW_EVENT
from gatewatch.rendering.sections import section_mail, section_mrkdwn
from gatewatch.rendering.sns_body import MAX_SUBJECT, RESERVED_LENGTH, SnsBody
from gatewatch.rendering.sns_context import brief_headline, sns_message_context
from gatewatch.rendering.sns_escaping import MailText, ascii_value, chat_text, plain_text
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.headline import headline_change
from gatewatch.rendering.text.rule_context import has_line, rule_texts
from gatewatch.rendering.text.state import message_state_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.model.severity import Reason
    from gatewatch.rendering.presentation import Cut
    from gatewatch.rendering.sns_templates import SnsTemplates
    from gatewatch.rendering.text.labels import Labels

_MAX_TEXT = MAX_DESCRIPTION - RESERVED_LENGTH
_MAX_ALIAS = 40  # of the 99 characters of a subject
_WHOLE = Presentation()
_Text = TypeVar("_Text", Markup, MailText)


class _RenderedItem(Struct, frozen=True):
    """A rule or a section, as the chat and as the email show it."""

    chat: Markup
    mail: MailText


class SnsRenderer(Struct, frozen=True):
    templates: Templates
    colors: Colors

    def cut(self, message: OutboxMessage) -> Cut:
        """Divide a message into parts; one part unless a call has many rules."""
        if not isinstance(message.notification, AlertNotification):
            return (0,)
        alert = self._alert(message.notification, ())
        return first_parts(alert.pages())

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> SnsBody:
        """The body of a message. Raises `RenderError` when the chat service would drop it."""
        if isinstance(content, Rollup):
            raise RenderError("a topic gets no roll-ups")
        notification = content.notification
        labels = self.templates.labels(notification.language)
        leading = banners(content, labels)
        if isinstance(notification, AlertNotification):
            state = message_state_lines(presentation.state, labels, is_rollup=False)
            return self._alert(notification, tuple(filter(None, (*leading, state)))).body(presentation)
        if isinstance(notification, OperatorNotice):
            return notice_sns_body(notification, leading, labels, self.templates.labels("en"))
        from gatewatch.rendering.digest.messages import digest_sns_body  # noqa: PLC0415  a digest is one message a day

        return digest_sns_body(notification, leading, self.templates)

    def messages(self, message: OutboxMessage) -> Iterator[SnsBody]:
        """The bodies of all parts of a message."""
        return (self.render(message, each) for each in presentations_of(self.cut(message)))

    def _alert(self, notification: AlertNotification, leading: tuple[Markup, ...]) -> _AlertBody:
        labels, templates = self.templates.labels(notification.language), self.templates.sns()
        items = [*_rules(notification.alert, templates, labels), *_extra_items(notification, labels)]
        context = sns_message_context(notification.alert, labels, self.colors) | {"leading_lines": leading}
        subject = _subject_context(notification.alert, self.templates.labels("en"))
        return _AlertBody(notification.alert, templates, labels, items, context, subject)


class _AlertBody(NamedTuple):
    alert: Alert
    templates: SnsTemplates
    labels: Labels
    items: list[_RenderedItem]
    context: dict[str, Any]
    subject_context: dict[str, Any]

    def pages(self) -> list[list[_RenderedItem]]:
        """One page if all items fit. `RESERVED_LENGTH` stays free for the lines about state and fallback."""
        if len(self._description(self.items, _WHOLE)) <= _MAX_TEXT:
            return [self.items]
        longest = Presentation(part=MAX_PARTS, cut=(0,) * MAX_PARTS)
        first, other = (
            _MAX_TEXT - len(self._description((), each)) for each in (msgspec.structs.replace(longest, part=1), longest)
        )
        return list(_paged(self.items, first, other))

    def body(self, presentation: Presentation) -> SnsBody:
        part = part_texts(presentation, self.labels)
        items = list(shown_items(self.items, presentation))
        if omitted := omitted_text(self.alert, presentation, self.labels):
            items.append(_RenderedItem(mrkdwn(omitted), MailText(omitted)))
        suffix = f" · {part['part_text']}" if part["part_text"] else ""
        title = chat_text(self.context["headline"], MAX_TITLE - len(suffix)) + suffix
        description = Markup(self._description(items, presentation))
        thread = {"thread": Markup(sanitize(presentation.thread))} if presentation.thread else {}
        context = self.context | part | thread
        chat = self.templates.notification.render(context, title=title, description=description)
        worst, others = self._split([each.mail for each in items], presentation)
        mail = self.templates.mail.render(context, worst=worst, items=others)
        return SnsBody(self._subject(part), mail.strip("\n") + "\n", _validated(chat))

    def _description(self, items: Iterable[_RenderedItem], presentation: Presentation) -> str:
        context = self.context | part_texts(presentation, self.labels)
        worst, others = self._split([each.chat for each in items], presentation)
        return self.templates.description.render(context, worst=worst, items=others).strip("\n")

    def _split(self, texts: Sequence[_Text], presentation: Presentation) -> tuple[_Text | None, Sequence[_Text]]:
        """The worst rule, which stands above the reasons, and the other rules and sections."""
        has_worst = presentation.part == 1 and bool(texts) and has_line(headline_change(self.alert), self.alert)
        return (texts[0], texts[1:]) if has_worst else (None, texts)

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
    ordered = alert.worst_first
    shown, outcome, timezone = _comparable_reasons(ordered[0]), ordered[0].change.outcome, alert.account.timezone
    for assessed in ordered:
        if has_line(assessed, alert):
            is_new, shown = _comparable_reasons(assessed) != shown, _comparable_reasons(assessed)
            why = join_safe(labels.line["between_reasons"], reason_texts(assessed, labels)) if is_new else ""
            texts = rule_texts(assessed, outcome, timezone, labels)
            context = msgspec.structs.asdict(texts) | {"why": why, "line": labels.line}
            yield _RenderedItem(
                Markup(templates.chat_rule.render(context)), MailText(templates.mail_rule.render(context))
            )


def _comparable_reasons(assessed: AssessedChange) -> tuple[Reason, ...] | tuple[str, ...]:
    """Reasons to compare with those of another rule; below medium, values such as an address do not count."""
    assessment = assessed.assessment
    is_low = assessment.severity.rank < Severity.MEDIUM.rank
    return tuple(each.code for each in assessment.reasons) if is_low else assessment.reasons


def _extra_items(notification: AlertNotification, labels: Labels) -> Iterator[_RenderedItem]:
    """The raw event of a call that was not understood, and the sections."""
    if notification.raw_event:
        raw = code_block(notification.raw_event, MAX_RAW_EVENT)
        title = labels.line["raw"]
        yield _RenderedItem(Markup("*{}*\n").format(title) + raw, MailText(f"{title}:\n{plain_text(raw)}"))
    for each in notification.sections:
        yield _RenderedItem(section_mrkdwn(each, labels), section_mail(each, labels))


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
