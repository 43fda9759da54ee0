"""What gatewatch says of itself: an event that could not be read, a configuration that could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.escaping import clean, code, code_block, mrkdwn
from gatewatch.rendering.sns_body import read_topic_body, topic_body, with_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.config.settings import Settings
    from gatewatch.rendering.sns_body import TopicBody

_RED = "#8b0000"
_REASON = 600
_EXCERPT = 1500


class Notice(Struct, frozen=True, kw_only=True):
    """`subject` is what a mail is called: in English, without a mark. `account_id` where it is about one account."""

    title: str
    lines: tuple[Markup, ...]
    subject: str
    severity: Severity
    color: str = _RED
    account_id: str = ""

    def body(self, key: str, *, is_topic: bool) -> str:
        return self._topic(key).encode() if is_topic else self._slack()

    def _slack(self) -> str:
        """In the form of an alert's: header, texts, colour bar."""
        header = {"type": "header", "text": {"type": "plain_text", "text": self.title, "emoji": False}}
        sections = [{"type": "section", "text": {"type": "mrkdwn", "text": str(line)}} for line in self.lines]
        attachment = {"color": self.color, "fallback": self.title, "blocks": [header, *sections]}
        payload = {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}
        return msgspec.json.encode(payload).decode()

    def _topic(self, key: str) -> TopicBody:
        about = self.account_id or "gatewatch"
        return topic_body(
            self.title,
            self.lines,
            subject=f"{self.severity.upper()}: {self.subject} - {about}",
            keywords=(self.severity.value, about),
            thread=key,
        )


def messages(told: Notice, key: str, destinations: Iterable[str], settings: Settings) -> list[Message]:
    """One for each destination, in the form that it reads; the same key however often it is told."""
    return [
        Message(
            key=f"{key}#{each}",
            destination=each,
            body=told.body(key, is_topic=settings.is_topic(each)),
            severity=told.severity,
            account_id=told.account_id,
        )
        for each in destinations
    ]


def unreadable(message_id: str, reason: str, body: str, queue: str, settings: Settings) -> list[Message]:
    """What tells everybody of an event which became no alert, and where it lies now."""
    said = "An event could not be read"
    lines = tuple(_unreadable_lines(message_id, reason, body, queue))
    told = Notice(title=f"🔴 {said}", lines=lines, subject=said, severity=Severity.HIGH)
    return messages(told, f"unreadable-{message_id}", settings.default_destinations, settings)


def _unreadable_lines(message_id: str, reason: str, body: str, queue: str) -> Iterable[Markup]:
    yield Markup("An event reached the hub and could not be read, so nobody was told what it says.")
    yield Markup("*Why* ") + mrkdwn(clean(reason, _REASON))
    yield Markup("*Where it is now* ") + code(queue) + Markup(" message ") + code(message_id)
    yield Markup("*To see it* ") + code(f"gatewatch dead show {message_id}")
    yield code_block(body, _EXCERPT)


def fallen_back(destination: str) -> str:
    return f"This could not be delivered to {destination} and comes here instead."


def with_banner(body: str, banner: str) -> str:
    """The same body with a warning above everything else; one of an unknown form stays as it is."""
    text = f"⚠️ {mrkdwn(clean(banner, _REASON))}"
    if told := read_topic_body(body):
        return with_note(told, text).encode()
    try:
        message = msgspec.json.decode(body)
        blocks = message["attachments"][0]["blocks"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return body
    blocks.insert(0, {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]})
    return msgspec.json.encode(message).decode()
