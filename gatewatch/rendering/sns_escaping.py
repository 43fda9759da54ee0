"""Escaping of text for SNS subscribers: chat mrkdwn, email text and email subject.

The patterns are compiled on first use, because a hub without SNS subscribers never needs them.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from typing import Any

from markupsafe import Markup

from gatewatch.rendering.escaping import mrkdwn, sanitize, truncate_escaped

# A chat notification cannot be marked as verbatim, as Slack's own blocks can. Outside code spans these characters
# format, name an emoji, mention somebody or make a link, so look-alikes replace them. A time of day keeps its colons.
_FORMATTING = (
    r"[*`~]|(?<![^\W_])_+|_+(?![^\W_])|:(?=//)|:(?!\d\d:)(?=[\w+'-]+:)"
    r"|(?<![^\W_])@|(?<=[^\W_])\.(?=[^\W\d_]{2})"
)
_LOOK_ALIKE = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼", "_": "＿", ":": "∶", "@": "＠", ".": "․"})
_MARKUP = (r"\*([^*\n]+)\*", r"(?<![^\W_])_([^_\n]+)_(?![^\W_])", r"<(?:[!#]|(?=@))([^<>|]+)(?:\|[^<>]*)?>")
_TRUSTED_MARKUP = r"(```.*?```|`[^`\n]*`|(?<![^\s(])\*[^*\n`]+\*(?![^\s:),.])|<[!@][^<>]*>)"
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_SCHEME, _BROKEN = "://", "[:]//"
_NOT_ASCII = r"[^\x20-\x7e]+"


def chat_text(text: str, longest: int) -> Markup:
    """Escape text of an event that stands outside a code span; an entity is never cut in two."""
    return Markup(unformatted(truncate_escaped(text, longest)))


def chat_value(value: Any) -> str:
    """`finalize` of the chat templates."""
    return str(value) if isinstance(value, Markup) else unformatted(mrkdwn(value))


def chat_json_value(value: Any) -> str:
    """`finalize` of the JSON template of a notification."""
    return encode_basestring(chat_value(value))[1:-1]


def unformatted(text: str) -> str:
    """Replace formatting characters with look-alikes; the length stays the same."""
    return re.sub(_FORMATTING, lambda found: found[0].translate(_LOOK_ALIKE), str(text))


def chat_markup(text: str) -> str:
    """Prepare mrkdwn of gatewatch for a chat without verbatim mode: only code spans, bold names and mentions stay."""
    parts = re.split(_TRUSTED_MARKUP, str(text), flags=re.DOTALL)
    parts[::2] = [unformatted(part) for part in parts[::2]]
    return "".join(parts)


class MailText(str):
    """Email text that is already escaped."""

    __slots__ = ()


def mail_value(value: Any) -> str:
    """`finalize` of the email templates: Markup becomes plain text.

    Phones turn every URL in a text into a link, so URLs from an event are broken up.
    """
    if isinstance(value, MailText):
        return value
    return plain_text(value) if isinstance(value, Markup) else sanitize(str(value)).replace(_SCHEME, _BROKEN)


def plain_text(text: str) -> str:
    """Convert gatewatch's own mrkdwn to plain text; URLs in code spans come from an event and are broken up."""
    parts = str(text).replace("```", "`").split("`")
    for pattern in _MARKUP:
        parts[::2] = [re.sub(pattern, r"\1", part) for part in parts[::2]]
    parts[1::2] = [part.replace(_SCHEME, _BROKEN) for part in parts[1::2]]
    result = "".join(parts)
    for entity, character in _ENTITIES:
        result = result.replace(entity, character)
    return result


def ascii_value(value: Any) -> str:
    """`finalize` of the subject template: SNS takes printable ASCII only."""
    return " ".join(re.sub(_NOT_ASCII, " ", str(value)).split())
