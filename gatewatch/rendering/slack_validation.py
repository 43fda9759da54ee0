"""Limits of Slack messages.

The numbers are those of Slack's Block Kit reference and of the validators in python-slack-sdk. Only the blocks that
gatewatch writes (header, section, context, actions, divider) are known; any other is reported as unknown. Lengths
count escaped text, so `&amp;` has five characters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatewatch.rendering.slack_limits import (
    MAX_ATTACHMENTS,
    MAX_BLOCKS,
    MAX_BUTTON,
    MAX_BUTTON_VALUE,
    MAX_BUTTONS,
    MAX_CONFIRMATION,
    MAX_CONTEXT_ELEMENTS,
    MAX_FIELD,
    MAX_FIELDS,
    MAX_HEADER,
    MAX_ID,
    MAX_MENU_OPTIONS,
    MAX_OPTION_VALUE,
    MAX_SECTION,
    MAX_TEXT,
    MAX_URL,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

COLOR = re.compile(r"good|warning|danger|#[0-9A-Fa-f]{6}")
WEB_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_MENTION = re.compile(r"<(?:!(?:channel|here|everyone|group)(?:[|^][^<>]*)?|!subteam[^<>]*|@[^<>]+)>", re.IGNORECASE)
_TEXTS = ("mrkdwn", "plain_text")
_PLAIN = ("plain_text",)


def slack_problems(message: object) -> tuple[str, ...]:
    """Sentences about everything that Slack rejects in a decoded payload; empty when it is valid."""
    return tuple(_message(message)) if isinstance(message, dict) else ("The message is not a JSON object.",)


def mentions(message: object) -> tuple[str, ...]:
    """Every control sequence that notifies somebody, as written, in the order of the message.

    Includes the fallback of attachments, which phones show.
    """
    return tuple(found for text in _mrkdwn(message) for found in _MENTION.findall(text))


def _message(message: dict[str, Any]) -> Iterator[str]:
    if not any(message.get(part) for part in ("text", "blocks", "attachments")):
        yield "The message has neither text nor blocks nor attachments."
    if message.get("text") not in ("", None):
        yield from _string(message["text"], "text", MAX_TEXT)
    yield from _blocks(message.get("blocks"), "blocks")
    yield from _attachments(message.get("attachments"))
    yield from _duplicates("block_id", _every_block(message))


def _attachments(attachments: object) -> Iterator[str]:
    if attachments is None:
        return
    yield from _count(attachments, "attachments", 0, MAX_ATTACHMENTS)
    for number, attachment in enumerate(_as_list(attachments)):
        yield from _attachment(attachment, f"attachments[{number}]")


def _attachment(attachment: object, where: str) -> Iterator[str]:
    if not isinstance(attachment, dict):
        yield f"{where} is not an object."
        return
    if not any(attachment.get(part) for part in ("blocks", "text", "fallback")):
        yield f"{where} has neither blocks nor text nor fallback."
    for part in ("text", "fallback"):
        if attachment.get(part) not in ("", None):
            yield from _string(attachment[part], f"{where}.{part}", MAX_TEXT)
    color = attachment.get("color")
    if color is not None and not (isinstance(color, str) and COLOR.fullmatch(color)):
        yield f"{where}.color is neither good, warning, danger nor #RRGGBB: {color!r}."
    yield from _blocks(attachment.get("blocks"), f"{where}.blocks")


def _blocks(blocks: object, where: str) -> Iterator[str]:
    if blocks is None:
        return
    yield from _count(blocks, where, 0, MAX_BLOCKS)
    for number, block in enumerate(_as_list(blocks)):
        yield from _block(block, f"{where}[{number}]")


def _block(block: object, where: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if not isinstance(block, dict):
        yield f"{where} is not an object."
    elif check is None:
        yield f"{where} has the unknown type {kind!r}."
    else:
        yield from check(block, where)
        yield from _id(block, "block_id", where)


def _header(block: dict[str, Any], where: str) -> Iterator[str]:
    return _text(block.get("text"), f"{where}.text", MAX_HEADER, _PLAIN)


def _section(block: dict[str, Any], where: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"{where} has neither text nor fields."
    if "text" in block:
        yield from _text(block["text"], f"{where}.text", MAX_SECTION)
    if "fields" in block:
        yield from _count(block["fields"], f"{where}.fields", 1, MAX_FIELDS)
        for number, field in enumerate(_as_list(block["fields"])):
            yield from _text(field, f"{where}.fields[{number}]", MAX_FIELD)
    if "accessory" in block:
        yield from _button(block["accessory"], f"{where}.accessory")


def _context(block: dict[str, Any], where: str) -> Iterator[str]:
    yield from _count(block.get("elements"), f"{where}.elements", 1, MAX_CONTEXT_ELEMENTS)
    for number, element in enumerate(_as_list(block.get("elements"))):
        yield from _text(element, f"{where}.elements[{number}]", MAX_SECTION)


def _actions(block: dict[str, Any], where: str) -> Iterator[str]:
    elements = block.get("elements")
    yield from _count(elements, f"{where}.elements", 1, MAX_BUTTONS)
    for number, element in enumerate(_as_list(elements)):
        is_menu = isinstance(element, dict) and element.get("type") == "overflow"
        yield from (_menu if is_menu else _button)(element, f"{where}.elements[{number}]")
    yield from _duplicates("action_id", _as_list(elements))


def _menu(element: dict[str, Any], where: str) -> Iterator[str]:
    """An overflow menu."""
    yield from _id(element, "action_id", where)
    yield from _count(element.get("options"), f"{where}.options", 1, MAX_MENU_OPTIONS)
    for number, option in enumerate(_as_list(element.get("options"))):
        named = f"{where}.options[{number}]"
        if not isinstance(option, dict):
            yield f"{named} is not an object."
            continue
        yield from _text(option.get("text"), f"{named}.text", MAX_BUTTON, _PLAIN)
        yield from _string(option.get("value"), f"{named}.value", MAX_OPTION_VALUE)


def _divider(_block: dict[str, Any], _where: str) -> Iterator[str]:
    return iter(())


def _button(element: object, where: str) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") != "button":
        yield f"{where} is not a button."
        return
    yield from _text(element.get("text"), f"{where}.text", MAX_BUTTON, _PLAIN)
    yield from _id(element, "action_id", where)
    if "url" in element:
        yield from _url(element["url"], f"{where}.url")
    if "value" in element:
        yield from _string(element["value"], f"{where}.value", MAX_BUTTON_VALUE)
    if "style" in element and element["style"] not in {"primary", "danger"}:
        yield f"{where}.style is neither primary nor danger."
    if "confirm" in element:
        yield from _confirmation(element["confirm"], f"{where}.confirm")


def _confirmation(confirm: object, where: str) -> Iterator[str]:
    if not isinstance(confirm, dict):
        yield f"{where} is not an object."
        return
    for part, maximum in MAX_CONFIRMATION.items():
        yield from _text(confirm.get(part), f"{where}.{part}", maximum)


def _url(url: object, where: str) -> Iterator[str]:
    yield from _string(url, where, MAX_URL)
    if isinstance(url, str) and url and not WEB_LINK.fullmatch(url):
        yield f"{where} is not an http or https address."


def _text(text: object, where: str, maximum: int, kinds: tuple[str, ...] = _TEXTS) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"{where} is not a text object of type {' or '.join(kinds)}."
    else:
        yield from _string(text.get("text"), where, maximum)


def _string(value: object, where: str, maximum: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} is not a string."
    elif not 1 <= len(value) <= maximum:
        yield f"{where} has {len(value)} characters; Slack takes 1 to {maximum}."


def _count(value: object, where: str, minimum: int, maximum: int) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} is not a list."
    elif not minimum <= len(value) <= maximum:
        yield f"{where} has {len(value)} entries; Slack takes {minimum} to {maximum}."


def _id(owner: dict[str, Any], name: str, where: str) -> Iterator[str]:
    if name in owner:
        yield from _string(owner[name], f"{where}.{name}", MAX_ID)


def _duplicates(name: str, owners: Iterable[object]) -> Iterator[str]:
    seen: set[str] = set()
    for owner in owners:
        value = owner.get(name) if isinstance(owner, dict) else None
        if isinstance(value, str):
            if value in seen:
                yield f"The {name} {value!r} is used more than once."
            seen.add(value)


def _every_block(message: dict[str, Any]) -> Iterator[object]:
    yield from _as_list(message.get("blocks"))
    for attachment in _as_list(message.get("attachments")):
        if isinstance(attachment, dict):
            yield from _as_list(attachment.get("blocks"))


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mrkdwn(message: object) -> Iterator[str]:
    if isinstance(message, dict):
        yield from _plain_mrkdwn(message)
        for attachment in _as_list(message.get("attachments")):
            if isinstance(attachment, dict):
                yield from _plain_mrkdwn(attachment)
        for block in _every_block(message):
            yield from _text_objects(block)


def _plain_mrkdwn(owner: dict[str, Any]) -> Iterator[str]:
    return (owner[part] for part in ("text", "pretext", "fallback") if isinstance(owner.get(part), str))


def _text_objects(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _text_objects(item)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn" and isinstance(value.get("text"), str):
            yield value["text"]
        for item in value.values():
            yield from _text_objects(item)


_CHECKS: dict[str, Callable[[dict[str, Any], str], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
}
