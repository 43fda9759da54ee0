"""The custom notification of Amazon Q Developer in chat applications (AWS Chatbot), within its limits.

What it would not take it drops without a word, so everything is cut here, and a cut is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.deliver.plain import Plain
    from gatewatch.model import Message

# Admin guide, custom notifications: title, description, a next step, a keyword; and it shows ten steps at most.
_TITLE, _DESCRIPTION, _STEP, _KEYWORD, _STEPS = 250, 8000, 350, 75, 10


def notification(told: Plain, note: str, message: Message) -> dict[str, object]:
    """Links become next steps; one too long for that stands in the description."""
    steps = [step for step in _links(told) if len(step) <= _STEP][:_STEPS]
    others = "\n".join(step for step in _links(told) if step not in steps)
    description = cut(f"{note}{told.mrkdwn}", _DESCRIPTION - len(others) - 2)
    content: dict[str, object] = {
        "textType": "client-markdown",
        "title": told.title[:_TITLE],
        "description": f"{description}\n\n{others}".strip() or told.title[:_TITLE],
        "keywords": [each[:_KEYWORD] for each in (message.severity.value, message.account_id) if each],
    }
    if steps:
        content["nextSteps"] = steps
    metadata = {
        "threadId": message.thread or message.event_id or message.key,
        "summary": told.title[:_TITLE],
        "enableCustomActions": False,
    }
    return {"version": "1.0", "source": "custom", "id": message.key, "content": content, "metadata": metadata}


def _links(told: Plain) -> Iterator[str]:
    return (f"<{url}|{name}>" for name, url in told.links)


def cut(text: str, room: int) -> str:
    """At the end of a line, if there is one; the cut is said."""
    if len(text) <= room:
        return text
    kept = text[: room - 2]
    return (kept.rpartition("\n")[0] or kept) + "\n…"
