"""Notices to operators, and banners above a message, in the texts of the labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from gatewatch.model.message_state import NO_STATE
from gatewatch.model.notification import AlertNotification, NoticeKind, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, code_block, format_safe, join_safe, truncate_escaped
from gatewatch.rendering.sns_body import build_sns_body
from gatewatch.rendering.text.severity_marks import severity_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.config.settings import Colors
    from gatewatch.model.message import OutboxMessage
    from gatewatch.model.message_state import MessageState
    from gatewatch.model.notification import OperatorNotice
    from gatewatch.rendering.sns_body import SnsBody
    from gatewatch.rendering.text.labels import Labels

_MAX_VALUE = 600
_MAX_EXCERPT = 1500
_MAX_EXPLAINED, _MAX_LINES = 20, 5
# Identifiers, commands and texts of other people stand in code spans, where nothing is interpreted.
_MENTION = re.compile(r"^<(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)>$")
_CODE_VALUES = frozenset(
    {
        "account_id",
        "call",
        "command",
        "destination",
        "hash",
        "identity",
        "key",
        "message_id",
        "person",
        "person_id",
        "queue",
        "text",
    }
)
_MARKS = {
    NoticeKind.UNREADABLE: "🔴",
    NoticeKind.SILENT: "🔇",
    NoticeKind.RECOVERED: "🔊",
    NoticeKind.DIFFERENT: "🛑",
    NoticeKind.RESOLVED: "✅",
    NoticeKind.REMINDER: "⏳",
    NoticeKind.TEST: "✅",
    NoticeKind.ACTION: "👤",
}


def notice_title(notice: OperatorNotice, labels: Labels, state: MessageState = NO_STATE) -> str:
    """The title with its mark, as plain text."""
    if state.explains_all(notice.subjects):
        return f"✅ {labels.thread['status_explained']} · {_plain(notice.title, labels)}"
    mark = _MARKS.get(notice.kind) or severity_mark(notice.severity)
    return f"{mark} {_plain(notice.title, labels)}"


def notice_paragraphs(notice: OperatorNotice, labels: Labels) -> list[Markup]:
    paragraphs = [join_safe("\n", (sentence_mrkdwn(each, labels) for each in lines)) for lines in notice.paragraphs]
    return [*paragraphs, code_block(notice.excerpt, _MAX_EXCERPT)] if notice.excerpt else paragraphs


def explanations(state: MessageState, labels: Labels) -> list[Markup]:
    """What later notices resolved, a few lines a paragraph."""
    lines = [sentence_mrkdwn(each, labels) for each in list(state.explained.values())[:_MAX_EXPLAINED]]
    if more := len(state.explained) - len(lines):
        lines.append(sentence_mrkdwn(Sentence("more_lines", {"count": str(more)}), labels))
    return [join_safe("\n", lines[start : start + _MAX_LINES]) for start in range(0, len(lines), _MAX_LINES)]


def notice_color(notice: OperatorNotice, colors: Colors, state: MessageState = NO_STATE) -> str:
    if notice.kind in {NoticeKind.RECOVERED, NoticeKind.RESOLVED} or state.explains_all(notice.subjects):
        return colors.resolved
    if notice.kind in {NoticeKind.UNREADABLE, NoticeKind.REMINDER, NoticeKind.TEST}:
        return colors.critical
    if notice.severity is Severity.HIGH:
        return colors.high
    return colors.removal if notice.kind is NoticeKind.ACCESS_KEY_REMOVED else colors.addition


def notice_sns_body(notice: OperatorNotice, leading: Sequence[Markup], labels: Labels, english: Labels) -> SnsBody:
    """The subject is English, because SNS takes ASCII only."""
    source = notice.account_id or "gatewatch"
    return build_sns_body(
        notice_title(notice, labels),
        [*leading, *notice_paragraphs(notice, labels)],
        subject=f"{notice.severity.upper()}: {_plain(notice.title, english)} - {source}",
        keywords=(notice.severity.value, source),
        thread=notice.key,
    )


def banners(message: OutboxMessage, labels: Labels) -> list[Markup]:
    """Warnings above a message: that it is a fallback, and that the configuration is invalid."""
    sentences = []
    if message.fallback_for:
        sentences.append(Sentence(f"fallback_{message.fallback_reason}", {"destination": message.fallback_for}))
    if isinstance(message.notification, AlertNotification):
        sentences += message.notification.banners
    return [Markup("⚠️ ") + sentence_mrkdwn(each, labels) for each in sentences]


def _plain(sentence: Sentence, labels: Labels) -> str:
    return labels.notice[sentence.key].format_map(sentence.values)


def sentence_mrkdwn(sentence: Sentence, labels: Labels) -> Markup:
    """A sentence of `notice` with its values, escaped."""
    values = {name: _value(name, value) for name, value in sentence.values.items()}
    return format_safe(labels.notice[sentence.key], values)


def _value(name: str, value: str) -> Markup:
    """An owner of accounts.yaml may be a Slack mention, `<@U…>` or `<!subteam^S…>`; every other value is escaped."""
    if name == "owner" and (mention := _MENTION.match(value)):
        return Markup("<{}>").format(mention[1])
    return code(value, _MAX_VALUE) if name in _CODE_VALUES else truncate_escaped(value, _MAX_VALUE)
