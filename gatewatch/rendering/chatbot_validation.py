"""Limits of custom notifications of Amazon Q Developer in chat applications (formerly AWS Chatbot).

The service drops an invalid notification without an error (Administrator Guide, custom notifications), so each is
validated before it is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_TITLE, MAX_DESCRIPTION, MAX_STEP, MAX_KEYWORD, MAX_STEPS = 250, 8000, 350, 75, 10


def chatbot_problems(notification: object) -> tuple[str, ...]:
    """Sentences about everything in a decoded notification that makes the service drop it; empty when it is valid."""
    if not isinstance(notification, dict):
        return ("The notification is not a JSON object.",)
    return (*_envelope(notification), *_content(notification.get("content")), *_metadata(notification.get("metadata")))


def truncate_at_line(text: str, max_length: int) -> str:
    """Cut after the last line that fits, and append `…`."""
    if len(text) <= max_length:
        return text
    kept = text[: max_length - 2]
    return (kept.rpartition("\n")[0] or kept) + "\n…"


def _envelope(notification: dict[str, Any]) -> Iterator[str]:
    for name, expected in (("version", "1.0"), ("source", "custom")):
        if notification.get(name) != expected:
            yield f'{name} is not "{expected}".'
    if not isinstance(notification.get("id", ""), str):
        yield "id is not a string."


def _content(content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "content is not an object."
        return
    if content.get("textType") != "client-markdown":
        yield 'content.textType is not "client-markdown".'
    yield from _text(content.get("title"), "content.title", MAX_TITLE)
    yield from _text(content.get("description"), "content.description", MAX_DESCRIPTION)
    yield from _texts(content.get("nextSteps", []), "content.nextSteps", MAX_STEP)
    yield from _texts(content.get("keywords", []), "content.keywords", MAX_KEYWORD)


def _metadata(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, dict):
        yield "metadata is not an object."
        return
    for name in ("threadId", "summary", "eventType"):
        if not isinstance(metadata.get(name, ""), str):
            yield f"metadata.{name} is not a string."
    if not isinstance(metadata.get("enableCustomActions", False), bool):
        yield "metadata.enableCustomActions is neither true nor false."


def _texts(values: object, where: str, max_length: int) -> Iterable[str]:
    if not isinstance(values, list) or len(values) > MAX_STEPS:
        yield f"{where} is not a list of {MAX_STEPS} at most."
        return
    for number, value in enumerate(values):
        yield from _text(value, f"{where}[{number}]", max_length)


def _text(value: object, where: str, max_length: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} is not a string."
    elif not 1 <= len(value) <= max_length:
        yield f"{where} has {len(value)} characters; it takes 1 to {max_length}."
