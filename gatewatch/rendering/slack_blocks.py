"""Block Kit of messages that have no template: notices and digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import truncate_escaped
from gatewatch.rendering.slack_limits import MAX_HEADER
from gatewatch.rendering.slack_validation import slack_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    Block = dict[str, Any]


def header(title: str) -> Block:
    text = str(truncate_escaped(title, MAX_HEADER))
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def section(text: Markup) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def context(text: Markup) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def payload(color: str, fallback: Markup, blocks: Sequence[Block]) -> dict[str, Any]:
    """A message with one attachment. Raises `RenderError` when Slack would reject it."""
    attachment = {"color": color, "fallback": str(fallback), "blocks": list(blocks)}
    return validated({"attachments": [attachment], "unfurl_links": False, "unfurl_media": False})


def validated(message: dict[str, Any]) -> dict[str, Any]:
    if problems := slack_problems(message):
        raise RenderError("Slack would reject the message: " + " ".join(problems))
    return message


def _mrkdwn(text: Markup) -> Block:
    """`verbatim`: Slack makes no link or mention of what stands in the text."""
    return {"type": "mrkdwn", "text": str(text), "verbatim": True}
