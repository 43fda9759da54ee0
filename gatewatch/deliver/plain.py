"""A Slack payload as other channels read it: the same message, never worded twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOLD = re.compile(r"\*([^*\n]+)\*")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_UNKNOWN_TITLE = "gatewatch alert"


class Plain(Struct, frozen=True):
    """`title` and `text` without markup, the text as `mrkdwn`, and the `links` as button texts and URLs."""

    title: str
    text: str
    mrkdwn: str
    links: tuple[tuple[str, str], ...]


def plain(body: str) -> Plain:
    """Reads what `render` and `notice` write. Of anything else it shows the bare text: this is the last resort."""
    try:
        return _read(msgspec.json.decode(body)["attachments"][0])
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
        return Plain(_UNKNOWN_TITLE, body, body, ())


def _read(attachment: dict[str, Any]) -> Plain:
    blocks = attachment["blocks"]
    parts = [part for block in blocks for part in _texts(block)]
    links = tuple(
        (_without_markup(element["text"]["text"]), element["url"])
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )
    title = next((block["text"]["text"] for block in blocks if block["type"] == "header"), attachment["fallback"])
    text = "\n\n".join(_without_markup(part) for part in parts)
    return Plain(_without_markup(title), text, "\n\n".join(parts), links)


def _texts(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "section":
            yield from (field["text"].replace("*\n", ":* ") for field in block.get("fields", ()))
            if "text" in block:
                yield block["text"]["text"]
        case "context":
            yield from (element["text"] for element in block["elements"])


def _without_markup(text: str) -> str:
    text = _BOLD.sub(r"\1", text).replace("```", "").replace("`", "")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text
