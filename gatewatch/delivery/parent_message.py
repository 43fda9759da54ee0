"""A message as its channel shows it now: what it first said, and what became of it since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.delivery.rollup_blocks import beginning, part_id
from gatewatch.delivery.thread_text import some_line
from gatewatch.rendering.sns_body import read_sns_body, with_leading_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.model.slack_thread import Part, Root

_HEADER = 150


def told(root: Root, parts: Mapping[str, Part], words: Mapping[str, str]) -> Root:
    """The root as it is to be with these parts; with several gates it says how many of them are closed."""
    if not parts:
        return root
    after = msgspec.structs.replace(root, parts=root.parts | dict(parts))
    own = "" if root.is_rollup else "".join(part.line for part in after.parts.values())
    has_others = root.is_rollup or bool(root.more)
    some = some_line(after.closed, after.gates, words) if has_others else ""
    return msgspec.structs.replace(after, line="\n".join(filter(None, (own, some))))


def shown(root: Root, resolved: str) -> str:
    """Its payload; one of an unknown form stays as it is. `resolved` is the colour of what is over, in Slack."""
    if not (root.parts or root.more or root.is_rollup):
        return root.body
    if told_to_a_topic := read_sns_body(root.body):
        return with_leading_line(told_to_a_topic, root.line).encode() if root.line else root.body
    try:
        message = msgspec.json.decode(root.body)
        attachment = message["attachments"][0]
        _mark_parts(attachment["blocks"], root)
        _mark_head(attachment["blocks"], root)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return root.body
    if root.is_over:
        attachment["color"] = resolved
    return msgspec.json.encode(message).decode()


def in_thread(body: str, ts: str) -> str:
    """The payload as an answer to the message of that name."""
    return msgspec.json.encode(msgspec.json.decode(body) | {"thread_ts": ts}).decode()


def _mark_parts(blocks: list[dict[str, Any]], root: Root) -> None:
    """Slack wants a new `block_id` with every edit: none is sent."""
    lines = {part_id(key): part.line for key, part in root.parts.items()}
    for block in blocks:
        if line := lines.get(block.pop("block_id", "")):
            headline, break_, rest = block["text"]["text"].partition("\n")
            block["text"]["text"] = f"{headline}\n{line}{break_}{rest}"


def _mark_head(blocks: list[dict[str, Any]], root: Root) -> None:
    headers = [number for number, block in enumerate(blocks) if block["type"] == "header"]
    if headers and root.more:
        title, suffix = blocks[headers[0]]["text"]["text"], f" 🧵 +{len(root.more)}"
        blocks[headers[0]]["text"]["text"] = beginning(title, _HEADER - len(suffix)) + suffix
    if root.line:
        text = {"type": "mrkdwn", "verbatim": True, "text": root.line}
        blocks.insert(headers[0] + 1 if headers else 0, {"type": "section", "text": text})
