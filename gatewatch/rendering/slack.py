"""Slack messages. Each is validated before it is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.config.settings import Colors
from gatewatch.errors import RenderError
from gatewatch.model.message import Rollup
from gatewatch.model.message_state import AlertState
from gatewatch.model.notification import AlertNotification, OperatorNotice
from gatewatch.rendering.alert_texts import texts_of_alert
from gatewatch.rendering.escaping import as_markup, code, code_block, join_safe, mrkdwn
from gatewatch.rendering.notices import banners, explanations, notice_color, notice_paragraphs, notice_title
from gatewatch.rendering.overview import WorstRule, overview_of
from gatewatch.rendering.parts import first_parts, omitted_text, part_texts, presentations_of, shown_items
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.redaction import MAX_RAW_EVENT
from gatewatch.rendering.sections import section_mrkdwn
from gatewatch.rendering.slack_actions import thread_blocks, with_actions
from gatewatch.rendering.slack_blocks import attachment, context, header, payload, section, validated
from gatewatch.rendering.slack_layout import RolledUpAlert, field_blocks, overview_blocks, rollup_payload, title_of
from gatewatch.rendering.slack_limits import MAX_ALL_BLOCKS
from gatewatch.rendering.slack_rule import rule_line, without_description
from gatewatch.rendering.slack_sections import pages, section_texts
from gatewatch.rendering.templates import Templates
from gatewatch.rendering.text.headline import headline_change
from gatewatch.rendering.text.rule_context import has_line, rule_texts
from gatewatch.rendering.text.state import message_state_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from gatewatch.model.alert import Alert, AssessedChange
    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.model.message_state import MessageState
    from gatewatch.rendering.presentation import Cut
    from gatewatch.rendering.text.labels import Labels

    Payload = dict[str, Any]

_MAX_STATE_LINE = 400  # what an update may add to a roll-up for each alert with an exposure
_WHOLE = Presentation()


class SlackRenderer(Struct, frozen=True):
    templates: Templates
    colors: Colors

    def cut(self, message: OutboxMessage) -> Cut:
        """Divide a message into parts; one part unless a call has many rules."""
        notification = message.notification
        if not isinstance(notification, AlertNotification):
            return (0,)
        if notification.alert.change_count == 1 and not notification.raw_event:
            return (int(has_line(notification.alert.changes[0], notification.alert)),)  # one line fits
        return _cut(self._lines(notification))

    def render(self, content: Content, presentation: Presentation = _WHOLE) -> Payload:
        """The payload of a message or of a roll-up. Raises `RenderError` when Slack would reject it."""
        if isinstance(content, Rollup):
            return self._with_actions(self._rollup(content, presentation.state), content.messages[0], presentation)
        notification = content.notification
        if isinstance(notification, AlertNotification):
            lines = self._lines(notification, presentation)
            return self._with_actions(self._alert(content, notification, lines, presentation), content, presentation)
        labels = self.templates.labels(notification.language)
        leading = banners(content, labels)
        if isinstance(notification, OperatorNotice):
            return self._notice(notification, leading, labels, presentation.state)
        from gatewatch.rendering.digest.messages import digest_payload  # noqa: PLC0415  a digest is one message a day

        return digest_payload(notification, leading, self.templates, self.colors)

    def messages(self, message: OutboxMessage) -> Iterator[Payload]:
        """The payloads of all parts of a message."""
        notification = message.notification
        if not isinstance(notification, AlertNotification):
            return iter((self.render(message),))
        lines = self._lines(notification)
        parts = presentations_of(_cut(lines))
        return (self._alert(message, notification, shown_items(lines, each), each) for each in parts)

    def fits(self, rollup: Rollup) -> bool:
        """Whether Slack accepts a roll-up, with room for the lines that updates add."""
        try:
            message = self._rollup(rollup, _WHOLE.state)
        except RenderError:
            return False
        alerts = (each.notification for each in rollup.messages)
        exposed = sum(isinstance(each, AlertNotification) and each.opens_exposure for each in alerts)
        blocks = msgspec.json.encode([each["blocks"] for each in message["attachments"]]).decode()
        return len(blocks) + exposed * _MAX_STATE_LINE <= MAX_ALL_BLOCKS

    def _alert(
        self,
        content: OutboxMessage,
        notification: AlertNotification,
        lines: Sequence[Markup],
        presentation: Presentation,
    ) -> Payload:
        """One part of a message; `lines` are those that it shows."""
        alert, state = notification.alert, presentation.state
        labels = self.templates.labels(notification.language)
        texts = texts_of_alert(alert, labels, self.colors).shown(presentation)
        part = part_texts(presentation, labels)["part_text"]
        title = title_of(texts.headline, part, state, labels)
        worst = _worst_rule(alert, lines) if presentation.part == 1 else WorstRule()
        overview = overview_of(texts, worst, title, message_state_lines(state, labels, is_rollup=False), labels)
        overview = overview.with_links_inside() if state.shown else overview
        details = [*overview.left_out, *overview.remaining(lines, worst)]
        if omitted := omitted_text(alert, presentation, labels):
            details.append(mrkdwn(omitted))
        extra = notification.sections if presentation.part == 1 else ()
        blocks = [*map(context, banners(content, labels)), *overview_blocks(title, overview)]
        more = [
            *field_blocks([each for each in texts.fields if not each.is_in(texts.place)]),
            *map(section, section_texts(details)),
            *(section(section_mrkdwn(each, labels)) for each in extra),
            context(join_safe(" · ", (texts.event, mrkdwn(part))) if part else texts.event),
        ]
        color = self.colors.resolved if state.is_over else texts.color
        return payload(color, texts.summary, blocks, attachment(texts.event_text, more))

    def _lines(self, notification: AlertNotification, presentation: Presentation = _WHOLE) -> list[Markup]:
        """The lines that a part shows: one per change, worst first; then the raw event, if it was not understood."""
        alert, labels = notification.alert, self.templates.labels(notification.language)
        ordered, timezone = alert.worst_first, alert.account.timezone
        outcome = ordered[0].change.outcome
        items: list[AssessedChange | str] = [each for each in ordered if has_line(each, alert)]
        if notification.raw_event:
            items.append(notification.raw_event)
        return [
            _raw_event(each, labels)
            if isinstance(each, str)
            else rule_line(rule_texts(each, outcome, timezone, labels))
            for each in shown_items(items, presentation)
        ]

    def _rollup(self, rollup: Rollup, state: MessageState) -> Payload:
        ordered = sorted(rollup.messages, key=lambda each: -each.notification.severity.rank)
        labels = self.templates.labels(ordered[0].notification.language)
        alerts = [self._rolled_up(each, state, labels) for each in ordered]
        return rollup_payload(alerts, state, labels, self.colors)

    def _rolled_up(self, message: OutboxMessage, state: MessageState, labels: Labels) -> RolledUpAlert:
        notification = message.notification
        if not isinstance(notification, AlertNotification):
            raise RenderError("a roll-up holds alerts only")
        texts = texts_of_alert(notification.alert, labels, self.colors)
        lines = self._lines(notification)
        worst = _worst_rule(notification.alert, lines)
        return RolledUpAlert(texts, worst, lines, state.alerts.get(message.key, AlertState()))

    def _with_actions(self, message: Payload, first: OutboxMessage, presentation: Presentation) -> Payload:
        if presentation.state.shown is None or presentation.part > 1:
            return message
        language = first.notification.language
        return validated(with_actions(message, presentation.state.shown, self.templates.labels(language), language))

    def _notice(self, notice: OperatorNotice, leading: list[Markup], labels: Labels, state: MessageState) -> Payload:
        title = notice_title(notice, labels, state)
        if notice.parent_key:
            blocks = [*map(context, leading), *thread_blocks(notice, labels)]
            return payload(notice_color(notice, self.colors), mrkdwn(title), blocks)
        texts = [*explanations(state, labels), *notice_paragraphs(notice, labels)]
        blocks = [*map(context, leading), header(title), *map(section, texts)]
        return payload(notice_color(notice, self.colors, state), mrkdwn(title), blocks)


def _cut(lines: Sequence[Markup]) -> Cut:
    return first_parts(list(pages(lines)))


def _worst_rule(alert: Alert, lines: Sequence[Markup]) -> WorstRule:
    """The rule of the headline; empty where it has no line."""
    worst = headline_change(alert)
    if not has_line(worst, alert):
        return WorstRule()
    description = code(worst.change.rule.description or "")
    return WorstRule(lines[0], without_description(lines[0], description), description)


def _raw_event(text: str, labels: Labels) -> Markup:
    return as_markup(f"*{labels.line['raw']}*\n{code_block(text, MAX_RAW_EVENT)}")
