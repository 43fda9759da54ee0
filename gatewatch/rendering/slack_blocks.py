"""Block Kit: the blocks, attachments and payloads that messages consist of.

Each keeps Slack's limits: what Slack would reject raises `RenderError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gatewatch.errors import RenderError
from gatewatch.rendering.escaping import truncate_escaped
from gatewatch.rendering.slack_limits import MAX_BLOCKS, MAX_FIELD, MAX_FIELDS, MAX_HEADER, MAX_SECTION, MAX_TEXT
from gatewatch.rendering.slack_validation import COLOR, slack_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Block = dict[str, Any]
    Attachment = dict[str, Any]


def header(title: str) -> Block:
    """A title that is Markup is taken as it is; any other is escaped and cut."""
    text = title if isinstance(title, Markup) else truncate_escaped(title, MAX_HEADER)
    return {"type": "header", "text": {"type": "plain_text", "text": _checked(text, MAX_HEADER), "emoji": False}}


def section(text: Markup) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def field_section(texts: Iterable[Markup]) -> Block:
    """Texts in two columns."""
    return {"type": "section", "fields": _counted([_mrkdwn(each, MAX_FIELD) for each in texts], MAX_FIELDS)}


def context(text: Markup) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def attachment(fallback: Markup, blocks: Sequence[Block]) -> Attachment:
    return {"fallback": _checked(fallback, MAX_TEXT), "blocks": _counted(blocks, MAX_BLOCKS)}


def payload(color: str, fallback: Markup, blocks: Sequence[Block], *others: Attachment) -> dict[str, Any]:
    """A message whose first attachment has the color."""
    if not COLOR.fullmatch(color):
        raise _rejected(f"{color!r} is not a color.")
    first = {"color": color, **attachment(fallback, blocks)}
    return {"attachments": [first, *others], "unfurl_links": False, "unfurl_media": False}


def validated(message: dict[str, Any]) -> dict[str, Any]:
    """For a message with blocks that were not made here."""
    if problems := slack_problems(message):
        raise _rejected(" ".join(problems))
    return message


def _mrkdwn(text: Markup, max_length: int = MAX_SECTION) -> Block:
    """`verbatim`: Slack makes no link or mention of what stands in the text."""
    return {"type": "mrkdwn", "verbatim": True, "text": _checked(text, max_length)}


def _checked(text: Markup, max_length: int) -> str:
    if not 1 <= len(text) <= max_length:
        raise _rejected(f"a text has {len(text)} characters; Slack takes 1 to {max_length}.")
    return str(text)


def _counted(blocks: Sequence[Block], maximum: int) -> list[Block]:
    if not 1 <= len(blocks) <= maximum:
        raise _rejected(f"{len(blocks)} blocks or fields stand together; Slack takes 1 to {maximum}.")
    return list(blocks)


def _rejected(why: str) -> RenderError:
    return RenderError(f"Slack would reject the message: {why}")
