"""The body of a message to an SNS destination: the email and the chat notification of its subscribers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.rendering.chatbot_validation import (
    MAX_DESCRIPTION,
    MAX_KEYWORD,
    MAX_TITLE,
    truncate_at_line,
)
from gatewatch.rendering.escaping import sanitize
from gatewatch.rendering.sns_escaping import ascii_value, chat_markup, chat_text, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_SUBJECT = 99  # SNS: fewer than 100 characters
_MAX_MAIL = 25_000  # SNS takes 262,144 bytes: the email twice at four bytes a character, and the notification
RESERVED_LENGTH = 1200  # characters of a description that stay free for lines about state and fallback


class SnsBody(Struct, frozen=True):
    """`subject` is printable ASCII of fewer than 100 characters, `chat` a custom notification.

    The first paragraph of the email names severity, place and change, because a phone shows only that.
    """

    subject: str
    mail: str
    chat: dict[str, Any]


def build_sns_body(title: str, texts: Sequence[str], *, subject: str, keywords: Iterable[str], thread: str) -> SnsBody:
    """The body of a message that has no template.

    `title` is plain text, `texts` are paragraphs of mrkdwn. Text that exceeds a limit of the notification is cut there;
    the email has all of it.
    """
    heading = str(chat_text(title, MAX_TITLE)) or "gatewatch"
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": heading,
        "description": truncate_at_line("\n\n".join(map(chat_markup, texts)), MAX_DESCRIPTION).strip() or heading,
        "keywords": [str(chat_text(each, MAX_KEYWORD)) for each in keywords if each],
    }
    metadata = {"threadId": thread, "summary": heading, "enableCustomActions": False}
    chat = {"version": "1.0", "source": "custom", "id": thread, "content": content, "metadata": metadata}
    paragraphs = [sanitize(title, MAX_TITLE), *map(plain_text, texts)]
    return SnsBody(subject_of(subject), "\n\n".join(paragraphs)[:_MAX_MAIL].strip() + "\n", chat)


def subject_of(text: str) -> str:
    """A subject within the limits of SNS; never empty."""
    return (ascii_value(text) or "gatewatch alert")[:MAX_SUBJECT].rstrip()
