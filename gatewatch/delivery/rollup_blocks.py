"""Several Slack payloads of alerts as one: the first keeps its facts and its buttons, every other what it adds.

Each keeps its headline, its rules, its reasons and the link to its event.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.rendering.slack_validation import slack_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Block = dict[str, Any]

# Slack takes about 13,000 characters in the blocks of a message, counted as JSON (`msg_blocks_too_long`). A line that
# an edit adds later ("Closed after …") needs room in them and in the section of its headline.
_CHARACTERS, _LINE, _ROOM_OF_A_SECTION = 12_500, 400, 3000 - 400
_TITLE = 120  # of the 150 that a header takes: counts stand behind it
_CUT_ENTITY = re.compile(r"&[a-z]*$")


def part_id(key: str) -> str:
    """The `block_id` of the section that begins an alert; it is taken out before a message is sent."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def beginning(title: str, room: int) -> str:
    """As much of a headline as fits; a cut never goes through an entity."""
    return title if len(title) <= room else f"{_CUT_ENTITY.sub('', title[: room - 1])}…"


def together(alerts: Sequence[tuple[str, str]], lines: int) -> str | None:
    """Keys and payloads -> one payload, in this order, with room for so many lines.

    None when a payload has another form than an alert's, or when Slack would not take all of it.
    """
    try:
        payloads = [(key, msgspec.json.decode(body)) for key, body in alerts]
        _, first = payloads[0]
        attachment = first["attachments"][0]
        attachment["blocks"] = _blocks([(key, each["attachments"][0]["blocks"]) for key, each in payloads])
        attachment["fallback"] = f"{attachment['fallback']} · +{len(alerts) - 1}"
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError, StopIteration):
        return None
    written = msgspec.json.encode(attachment["blocks"]).decode()
    is_too_long = len(written) + lines * _LINE > _CHARACTERS
    return None if is_too_long or slack_problems(first) else msgspec.json.encode(first).decode()


def _blocks(alerts: list[tuple[str, list[Block]]]) -> list[Block]:
    _, first = alerts[0]
    title = f"{beginning(_title(first), _TITLE)} · +{len(alerts) - 1}"
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    facts = _facts(first)
    parts = [block for key, blocks in alerts[1:] for block in _part(key, blocks, facts)]
    return [header, *_with(first, "fields"), *_part(*alerts[0], facts), *_of(first, "actions"), *parts]


def _part(key: str, blocks: list[Block], known: list[str]) -> Iterator[Block]:
    """Headline and rules; then small: the facts that the first alert has otherwise, the reasons, call, id and link."""
    texts = [f"*{_safe(_title(blocks))}*", *(block["text"]["text"] for block in _with(blocks, "text"))]
    if len(texts) > 1 and len(texts[0]) + len(texts[1]) < _ROOM_OF_A_SECTION:
        texts[:2] = [f"{texts[0]}\n{texts[1]}"]
    yield {"type": "section", "block_id": part_id(key), "text": _mrkdwn(texts[0])}
    for text in texts[1:]:
        yield {"type": "section", "text": _mrkdwn(text)}
    *notes, call = [each["text"] for block in _of(blocks, "context") for each in block["elements"]]
    others = " · ".join(_in_one_line(fact) for fact in _facts(blocks) if fact not in known)
    small = "\n".join(text for text in (others, *notes, f"{call}{_link(blocks)}") if text)
    yield {"type": "context", "elements": [_mrkdwn(small)]}


def _with(blocks: list[Block], content: str) -> list[Block]:
    return [block for block in _of(blocks, "section") if content in block]


def _of(blocks: list[Block], kind: str) -> list[Block]:
    return [block for block in blocks if block["type"] == kind]


def _title(blocks: list[Block]) -> str:
    return str(next(block["text"]["text"] for block in _of(blocks, "header")))


def _safe(title: str) -> str:
    """A headline is plain text: where it becomes bold, a star or a back-tick of it must not end that."""
    return title.replace("*", "∗").replace("`", "ˋ")


def _facts(blocks: list[Block]) -> list[str]:
    return [field["text"] for block in _with(blocks, "fields") for field in block["fields"]]


def _in_one_line(fact: str) -> str:
    return fact.replace("\n", " ")


def _link(blocks: list[Block]) -> str:
    """That of the first button, which leads to the event; where there is no console there is none."""
    button = next((each for block in _of(blocks, "actions") for each in block["elements"]), None)
    return f" · <{_in_angles(button['url'])}|{button['text']['text']}>" if button else ""


def _in_angles(url: str) -> str:
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "verbatim": True, "text": text}
