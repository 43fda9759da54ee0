"""Several alerts of one account and one actor as one message, worst first, every rule of each in it.

A critical alert is never folded: it keeps a message of its own.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.block_kit import problems
from gatewatch.model import Message, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

_FEWEST, _MOST = 3, 10
_CHARACTERS = 11_000  # Slack takes about 13,000 in the blocks of a message


def foldable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """As many of the first messages as go together; none when it is not worth it. Their order stays."""
    if not messages or not _is_foldable(messages[0]):
        return ()
    who = (messages[0].account_id, messages[0].actor)
    run = takewhile(lambda each: _is_foldable(each) and (each.account_id, each.actor) == who, messages[:_MOST])
    chosen: list[Message] = []
    size = 0
    for each in run:
        size += len(each.body)
        if size > _CHARACTERS * 2 or _folded_body([*chosen, each]) is None:
            break
        chosen.append(each)
    return tuple(chosen) if len(chosen) >= _FEWEST else ()


def _is_foldable(message: Message) -> bool:
    is_whole = message.parts == 1 and message.instead_of is None
    return is_whole and bool(message.actor) and message.severity is not Severity.CRITICAL


def folded(messages: Sequence[Message]) -> Message:
    """One message for those that `foldable` chose; `folded` holds their keys in their order."""
    worst = _worst_first(messages)[0]
    return msgspec.structs.replace(
        worst,
        key="+".join(each.key for each in messages),
        body=_folded_body(messages) or worst.body,
        gates=tuple(gate for each in messages for gate in each.gates),
        folded=tuple(each.key for each in messages),
    )


def _worst_first(messages: Sequence[Message]) -> list[Message]:
    return sorted(messages, key=lambda each: -each.severity.rank)


def _folded_body(messages: Sequence[Message]) -> str | None:
    """None when a payload has another form than an alert's, or when Slack would not take all of it."""
    try:
        payloads = [msgspec.json.decode(each.body) for each in _worst_first(messages)]
        first: dict[str, Any] = payloads[0]
        blocks = first["attachments"][0]["blocks"]
        facts = [block for block in blocks if "fields" in block]
        title = f"{_title(blocks)[:130]} · +{len(messages) - 1}"
        header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
        told = [block for each in payloads for block in _told(each["attachments"][0]["blocks"])]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, StopIteration):
        return None
    first["attachments"][0]["blocks"] = [header, *facts, *told]
    body = msgspec.json.encode(first).decode()
    return body if not problems(first) and len(msgspec.json.encode(told)) <= _CHARACTERS * 1.5 else None


def _title(blocks: list[dict[str, Any]]) -> str:
    return str(next(block["text"]["text"] for block in blocks if block["type"] == "header"))


def _told(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An alert within a roll-up: its headline, its rules, and what it was."""
    safe = _title(blocks).replace("*", "∗").replace("`", "ˋ")
    title = {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": f"*{safe}*"}}
    rules = [block for block in blocks if block["type"] == "section" and "text" in block]
    return [title, *rules, blocks[-1]]
