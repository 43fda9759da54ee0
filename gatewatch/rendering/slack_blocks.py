"""Block Kit: the blocks, attachments and payloads that messages consist of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import truncate_escaped
from gatewatch.rendering.slack_limits import MAX_HEADER
from gatewatch.rendering.slack_schema import has_known_form
from gatewatch.rendering.slack_validation import slack_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Block = dict[str, Any]
    Attachment = dict[str, Any]


def header(title: str) -> Block:
    """A title that is Markup is taken as it is; any other is escaped and cut."""
    text = title if isinstance(title, Markup) else truncate_escaped(title, MAX_HEADER)
    return {"type": "header", "text": {"type": "plain_text", "text": str(text), "emoji": False}}


def section(text: Markup) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def field_section(texts: Iterable[Markup]) -> Block:
    """Texts in two columns."""
    return {"type": "section", "fields": [_mrkdwn(each) for each in texts]}


def context(text: Markup) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def attachment(fallback: Markup, blocks: Sequence[Block]) -> Attachment:
    return {"fallback": str(fallback), "blocks": list(blocks)}


def payload(color: str, fallback: Markup, blocks: Sequence[Block], *others: Attachment) -> dict[str, Any]:
    """A message whose first attachment has the color. Raises `RenderError` when Slack would reject it."""
    first = {"color": color, **attachment(fallback, blocks)}
    return validated({"attachments": [first, *others], "unfurl_links": False, "unfurl_media": False})


def validated(message: dict[str, Any]) -> dict[str, Any]:
    if not has_known_form(message) and (problems := slack_problems(message)):
        raise RenderError("Slack would reject the message: " + " ".join(problems))
    return message


def _mrkdwn(text: Markup) -> Block:
    """`verbatim`: Slack makes no link or mention of what stands in the text."""
    return {"type": "mrkdwn", "verbatim": True, "text": str(text)}
