"""What the subscribers of a topic get: the body of a message to a destination of kind sns.

A Slack payload comes to a topic as well, as the fallback of a channel; and this body to a channel, as that of a topic.
So whoever sends looks at which of the two it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.rendering.chatbot_validation import DESCRIPTION, KEYWORD, STEP, STEPS, TITLE, cut
from gatewatch.rendering.escaping import clean
from gatewatch.rendering.sns_escaping import ascii_value, chat_markup, chat_text, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUBJECT = 99  # SNS: fewer than 100 characters
_MAIL = 25_000  # SNS takes 262,144 bytes in all: this twice, at four bytes a character, and the notification
NOTES = 1200  # what is kept free in a description for what becomes known after it was worded


class TopicBody(Struct, frozen=True, tag_field="kind", tag="topic"):
    """`subject` is printable ASCII of fewer than 100 characters, `chat` a custom notification.

    The first paragraph of the mail says how bad, where and what: a phone shows no more of it.
    """

    subject: str
    mail: str
    chat: dict[str, Any]

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()


_BEGINNING = '{"kind":"topic",'


def topic_body(
    title: str,
    texts: Sequence[str],
    *,
    subject: str,
    keywords: Iterable[str],
    thread: str,
    links: Sequence[tuple[str, str]] = (),
    where: str = "",
) -> TopicBody:
    """Of what no template words: a plain `title`, `where` under it, paragraphs of mrkdwn, `links` as names and URLs.

    What a chat has no room for is cut, and the cut is said; the mail has all of it.
    """
    steps = [f"<{url}|{name}>" for name, url in links]
    short = [step for step in steps if len(step) <= STEP][:STEPS]
    others = [step for step in steps if step not in short]
    heading = str(chat_text(title, TITLE)) or "gatewatch"
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": heading,
        "description": _described("\n\n".join(map(chat_markup, texts)), "\n".join(others)) or heading,
        "keywords": [str(chat_text(each, KEYWORD)) for each in keywords if each],
    }
    if short:
        content["nextSteps"] = short
    metadata = {"threadId": thread, "summary": heading, "enableCustomActions": False}
    chat = {"version": "1.0", "source": "custom", "id": thread, "content": content, "metadata": metadata}
    head = "\n".join(filter(None, (clean(title, TITLE), clean(where))))
    paragraphs = [head, *map(unmarked, texts), *(f"{name}:\n{url}" for name, url in links)]
    return TopicBody(subject_of(subject), "\n\n".join(paragraphs)[:_MAIL].strip() + "\n", chat)


def _described(text: str, links: str) -> str:
    """Links that are too long for a step stand under the text."""
    return f"{cut(text, DESCRIPTION - len(links) - 2)}\n\n{links}".strip() if links else cut(text, DESCRIPTION).strip()


def subject_of(text: str) -> str:
    """Within SNS's older and newer rules at once; never empty."""
    return (ascii_value(text) or "gatewatch alert")[:SUBJECT].rstrip()


def read_topic_body(body: str) -> TopicBody | None:
    """None for a body of another form; a Slack payload is told by its first letters."""
    if not body.startswith(_BEGINNING):
        return None
    try:
        return msgspec.json.decode(body, type=TopicBody)
    except msgspec.DecodeError:
        return None


def with_note(body: TopicBody, note: str) -> TopicBody:
    """With a line of mrkdwn under the first paragraph of the mail, and above the description of the notification."""
    head, _, rest = body.mail.partition("\n\n")
    content = body.chat["content"]
    description = cut(f"{note}\n\n{content['description']}", DESCRIPTION)
    return msgspec.structs.replace(
        body,
        mail=f"{head}\n\n{unmarked(note)}\n\n{rest}",
        chat=body.chat | {"content": content | {"description": description}},
    )


def with_thread(body: TopicBody, thread: str) -> TopicBody:
    """In the thread of another notification: what closes a gate goes to its opening."""
    metadata = body.chat.get("metadata", {}) | {"threadId": thread}
    return msgspec.structs.replace(body, chat=body.chat | {"metadata": metadata})
