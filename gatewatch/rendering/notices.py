"""Notices of gatewatch about itself, such as an event that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import code, code_block, mrkdwn, sanitize
from gatewatch.rendering.sns_body import build_sns_body, read_sns_body, with_leading_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.config.settings import Settings
    from gatewatch.rendering.sns_body import SnsBody

_RED = "#8b0000"
_MAX_REASON = 600
_MAX_EXCERPT = 1500


class OperatorNotice(Struct, frozen=True, kw_only=True):
    """`subject` is the English subject of an email. `account_id` is empty unless the notice is about one account."""

    title: str
    lines: tuple[Markup, ...]
    subject: str
    severity: Severity
    color: str = _RED
    account_id: str = ""

    def body(self, key: str, *, is_sns_topic: bool) -> str:
        return self._sns(key).encode() if is_sns_topic else self._slack()

    def _slack(self) -> str:
        header = {"type": "header", "text": {"type": "plain_text", "text": self.title, "emoji": False}}
        sections = [{"type": "section", "text": {"type": "mrkdwn", "text": str(line)}} for line in self.lines]
        attachment = {"color": self.color, "fallback": self.title, "blocks": [header, *sections]}
        payload = {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}
        return msgspec.json.encode(payload).decode()

    def _sns(self, key: str) -> SnsBody:
        source = self.account_id or "gatewatch"
        return build_sns_body(
            self.title,
            self.lines,
            subject=f"{self.severity.upper()}: {self.subject} - {source}",
            keywords=(self.severity.value, source),
            thread=key,
        )


def notice_messages(notice: OperatorNotice, key: str, destinations: Iterable[str], settings: Settings) -> list[Message]:
    """One message for each destination; `key` stays the same however often the notice is sent."""
    return [
        Message(
            key=f"{key}#{each}",
            destination=each,
            body=notice.body(key, is_sns_topic=settings.is_sns_topic(each)),
            severity=notice.severity,
            account_id=notice.account_id,
        )
        for each in destinations
    ]


def unreadable_event_messages(message_id: str, reason: str, body: str, queue: str, settings: Settings) -> list[Message]:
    """Tell the default destinations about an event that gave no alert, and in which queue it is now."""
    title = "An event could not be read"
    lines = tuple(_unreadable_lines(message_id, reason, body, queue))
    notice = OperatorNotice(title=f"🔴 {title}", lines=lines, subject=title, severity=Severity.HIGH)
    return notice_messages(notice, f"unreadable-{message_id}", settings.default_destinations, settings)


def _unreadable_lines(message_id: str, reason: str, body: str, queue: str) -> Iterable[Markup]:
    yield Markup("An event reached the hub and could not be read, so no alert was sent for it.")
    yield Markup("*Why* ") + mrkdwn(sanitize(reason, _MAX_REASON))
    yield Markup("*Queue* ") + code(queue) + Markup(" message ") + code(message_id)
    yield Markup("*Show the event* ") + code(f"gatewatch dead-letters show {message_id}")
    yield code_block(body, _MAX_EXCERPT)


def fallback_banner(destination: str) -> str:
    return f"Sent here because delivery to {destination} failed."


def with_banner(body: str, banner: str) -> str:
    """Add a warning at the top of a Slack payload or an SNS body; a body of another form stays unchanged."""
    text = f"⚠️ {mrkdwn(sanitize(banner, _MAX_REASON))}"
    if sns_body := read_sns_body(body):
        return with_leading_line(sns_body, text).encode()
    try:
        message = msgspec.json.decode(body)
        blocks = message["attachments"][0]["blocks"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return body
    blocks.insert(0, {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]})
    return msgspec.json.encode(message).decode()
