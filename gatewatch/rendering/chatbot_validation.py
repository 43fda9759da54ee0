"""What Amazon Q Developer in chat applications (AWS Chatbot) takes: the limits of a custom notification.

What it would not take it drops without a word (Administrator Guide, custom notifications), so all is looked at before
it leaves the house.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TITLE, DESCRIPTION, STEP, KEYWORD, STEPS = 250, 8000, 350, 75, 10


def problems(notification: object) -> tuple[str, ...]:
    """Sentences about what it would drop in a decoded notification; none when it would show it."""
    if not isinstance(notification, dict):
        return ("The notification is not a JSON object.",)
    return (*_envelope(notification), *_content(notification.get("content")), *_metadata(notification.get("metadata")))


def cut(text: str, room: int) -> str:
    """At the end of a line, if there is one; the cut is said."""
    if len(text) <= room:
        return text
    kept = text[: room - 2]
    return (kept.rpartition("\n")[0] or kept) + "\n…"


def _envelope(notification: dict[str, Any]) -> Iterator[str]:
    for name, wanted in (("version", "1.0"), ("source", "custom")):
        if notification.get(name) != wanted:
            yield f'{name} is not "{wanted}".'
    if not isinstance(notification.get("id", ""), str):
        yield "id is not a string."


def _content(content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "content is not an object."
        return
    if content.get("textType") != "client-markdown":
        yield 'content.textType is not "client-markdown".'
    yield from _text(content.get("title"), "content.title", TITLE)
    yield from _text(content.get("description"), "content.description", DESCRIPTION)
    yield from _texts(content.get("nextSteps", []), "content.nextSteps", STEP)
    yield from _texts(content.get("keywords", []), "content.keywords", KEYWORD)


def _metadata(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, dict):
        yield "metadata is not an object."
        return
    for name in ("threadId", "summary", "eventType"):
        if not isinstance(metadata.get(name, ""), str):
            yield f"metadata.{name} is not a string."
    if not isinstance(metadata.get("enableCustomActions", False), bool):
        yield "metadata.enableCustomActions is neither true nor false."


def _texts(values: object, where: str, longest: int) -> Iterable[str]:
    if not isinstance(values, list) or len(values) > STEPS:
        yield f"{where} is not a list of {STEPS} at most."
        return
    for number, value in enumerate(values):
        yield from _text(value, f"{where}[{number}]", longest)


def _text(value: object, where: str, longest: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} is not a string."
    elif not 1 <= len(value) <= longest:
        yield f"{where} has {len(value)} characters; it takes 1 to {longest}."
