"""What gatewatch says of itself: an event that could not be read, a configuration that could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from gatewatch.model import Message, Severity
from gatewatch.safe_text import clean, code, code_block, mrkdwn
from gatewatch.topic_body import read_topic_body, with_note

if TYPE_CHECKING:
    from collections.abc import Iterable

_RED = "#8b0000"
_REASON = 600
_EXCERPT = 1500


def unreadable(message_id: str, reason: str, body: str, queue: str, destinations: Iterable[str]) -> list[Message]:
    """What tells of an event which became no alert, and where it lies now; the same key however often it is told."""
    payload = notice("🔴 An event could not be read", _unreadable_lines(message_id, reason, body, queue)).decode()
    return [
        Message(
            key=f"unreadable-{message_id}#{destination}",
            destination=destination,
            body=payload,
            severity=Severity.HIGH,
        )
        for destination in destinations
    ]


def _unreadable_lines(message_id: str, reason: str, body: str, queue: str) -> Iterable[Markup]:
    yield Markup("An event reached the hub and could not be read, so nobody was told what it says.")
    yield Markup("*Why* ") + mrkdwn(clean(reason, _REASON))
    yield Markup("*Where it is now* ") + code(queue) + Markup(" message ") + code(message_id)
    yield Markup("*To see it* ") + code(f"gatewatch dead show {message_id}")
    yield code_block(body, _EXCERPT)


def notice(title: str, lines: Iterable[Markup]) -> bytes:
    """A Slack payload in the form of an alert's: header, texts, colour bar."""
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": str(line)}} for line in lines]
    attachment = {"color": _RED, "fallback": title, "blocks": [header, *sections]}
    return msgspec.json.encode({"attachments": [attachment], "unfurl_links": False, "unfurl_media": False})


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
