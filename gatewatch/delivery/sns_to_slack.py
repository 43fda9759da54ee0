"""A message that was worded for a topic, for a channel of Slack: the fallback of a topic may be one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.rendering.escaping import truncate_escaped
from gatewatch.rendering.sns_body import read_sns_body
from gatewatch.rendering.sns_escaping import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.message import Message

_HEADER, _SECTION = 150, 2900  # what Slack takes in a block


def as_slack(message: Message) -> Message:
    """The same when it was worded for Slack. A chat's description is Slack's own mrkdwn."""
    told = read_sns_body(message.body)
    if told is None:
        return message
    content, summary = told.chat["content"], told.chat["metadata"]["summary"]
    title = {"type": "plain_text", "text": str(truncate_escaped(plain_text(content["title"]), _HEADER)), "emoji": False}
    steps = "\n".join(f"• {each}" for each in content.get("nextSteps", ()))
    texts = [*_packed(content["description"]), *([steps] if steps else [])]
    blocks: list[Any] = [{"type": "header", "text": title}, *map(_section, texts)]
    attachment = {"fallback": summary, "blocks": blocks}
    payload = {"attachments": [attachment], "unfurl_links": False, "unfurl_media": False}
    return msgspec.structs.replace(message, body=msgspec.json.encode(payload).decode())


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}}


def _packed(text: str) -> Iterator[str]:
    packed = ""
    for unit in _units(text):
        if packed and len(packed) + len(unit) + 1 > _SECTION:
            yield packed
            packed = ""
        packed = f"{packed}\n{unit}" if packed else unit
    if packed:
        yield packed


def _units(text: str) -> list[str]:
    """Lines; a code block, which may have several, is not taken apart."""
    units: list[str] = []
    is_inside = False
    for line in text.split("\n"):
        if is_inside:
            units[-1] += f"\n{line}"
        else:
            units.append(line)
        is_inside ^= line.count("```") % 2 == 1
    return units
