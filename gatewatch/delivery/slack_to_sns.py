"""A message that was worded for Slack, for the subscribers of a topic: the fallback of a channel is one.

Such a message also waits in the outbox when a channel became a topic, or while a new hub is deployed over an older one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.rendering.escaping import escape, sanitize
from gatewatch.rendering.sns_body import build_sns_body
from gatewatch.rendering.sns_escaping import ascii_value, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.message import Message
    from gatewatch.rendering.sns_body import SnsBody

_LEVEL = re.compile(r"^(?:Critical|High|Medium|Low|Info): ")  # which the subject says already
_UNKNOWN_TITLE = "gatewatch alert"


class _Payload(Struct, frozen=True):
    """`title` without markup, the `texts` in mrkdwn, and the `links` as button texts and URLs."""

    title: str
    texts: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


def plain(message: Message) -> SnsBody:
    """Reads what `render` and `notice` write. Of anything else it shows the bare text: this is the last resort."""
    told = _payload(message.body)
    # What is left of a title in Korean or Japanese are its ports, addresses and names.
    what = _LEVEL.sub("", ascii_value(told.title)).strip(" :;,.-()") or _UNKNOWN_TITLE
    return build_sns_body(
        told.title,
        told.texts,
        subject=" - ".join(filter(None, (f"{message.severity.upper()}: {what}", message.account_id))),
        keywords=(message.severity.value, message.account_id),
        thread=message.event_id or message.key,
        links=told.links,
        where=message.account_id,
    )


def _payload(body: str) -> _Payload:
    try:
        return _read(msgspec.json.decode(body)["attachments"][0])
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
        return _Payload(_UNKNOWN_TITLE, tuple(escape(sanitize(line, len(line))) for line in body.splitlines()))


def _read(attachment: dict[str, Any]) -> _Payload:
    blocks = attachment["blocks"]
    links = tuple(
        (plain_text(element["text"]["text"]), element["url"])
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )
    title = next((block["text"]["text"] for block in blocks if block["type"] == "header"), attachment["fallback"])
    return _Payload(plain_text(title), tuple(part for block in blocks for part in _texts(block)), links)


def _texts(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "section":
            yield from (field["text"].replace("*\n", ":* ") for field in block.get("fields", ()))
            if "text" in block:
                yield block["text"]["text"]
        case "context":
            yield from (element["text"] for element in block["elements"])
