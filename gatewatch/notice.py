"""What gatewatch says of itself: an event that could not be read, a configuration that could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from gatewatch.safe_text import clean, code, code_block, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Iterable

_RED = "#8b0000"
_REASON = 600
_EXCERPT = 1500


def unreadable_event(message_id: str, reason: str, body: str, queue: str) -> bytes:
    """The Slack payload that tells of an event which became no alert, and where it lies now."""
    lines = (
        Markup("An event reached the hub and could not be read, so nobody was told what it says."),
        Markup("*Why* ") + mrkdwn(clean(reason, _REASON)),
        Markup("*Where it is now* ") + code(queue) + Markup(" message ") + code(message_id),
        Markup("*To see it* ") + code(f"gatewatch dead show {message_id}"),
        code_block(body, _EXCERPT),
    )
    return notice("🔴 An event could not be read", lines)


def notice(title: str, lines: Iterable[Markup]) -> bytes:
    """A Slack payload in the form of an alert's: header, texts, colour bar."""
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": line}} for line in lines]
    attachment = {"color": _RED, "fallback": title, "blocks": [header, *sections]}
    return msgspec.json.encode({"attachments": [attachment], "unfurl_links": False, "unfurl_media": False})


def with_banner(payload: bytes, banner: str) -> bytes:
    """The same payload with a warning above everything else."""
    message = msgspec.json.decode(payload)
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"⚠️ {mrkdwn(clean(banner, _REASON))}"}]}
    message["attachments"][0]["blocks"].insert(0, block)
    return msgspec.json.encode(message)
