"""What makes words of an event harmless for the subscribers of a topic: in a chat's mrkdwn, in a mail, in a subject.

The patterns are compiled when the first is needed: a hub without such subscribers never does.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from typing import Any

from markupsafe import Markup

from gatewatch.rendering.escaping import clean, fitting, text_value

# What a chat shows cannot be marked as verbatim, as Slack's own blocks can. Outside a code span these letters could
# format, name an emoji, call somebody or make a link: look-alikes cannot. A time of day keeps its colons.
_FORMATTING = (
    r"[*`~]|(?<![^\W_])_+|_+(?![^\W_])|:(?=//)|:(?!\d\d:)(?=[\w+'-]+:)"
    r"|(?<![^\W_])@|(?<=[^\W_])\.(?=[^\W\d_]{2})"
)
_LOOK_ALIKE = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼", "_": "＿", ":": "∶", "@": "＠", ".": "․"})
_MARKUP = (r"\*([^*\n]+)\*", r"(?<![^\W_])_([^_\n]+)_(?![^\W_])", r"<(?:[!#]|(?=@))([^<>|]+)(?:\|[^<>]*)?>")
_OURS = r"(```.*?```|`[^`\n]*`|(?<![^\s(])\*[^*\n`]+\*(?![^\s:),.])|<[!@][^<>]*>)"
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_SCHEME, _BROKEN = "://", "[:]//"
_NOT_ASCII = r"[^\x20-\x7e]+"


def chat_text(text: str, longest: int) -> Markup:
    """Words of an event outside of a code span; a cut never goes through an entity."""
    return Markup(unformatted(fitting(text, longest)))


def chat_value(value: Any) -> str:
    """What a template of a chat's mrkdwn puts where it has `{{ value }}`."""
    return str(value) if isinstance(value, Markup) else unformatted(text_value(value))


def chat_json_value(value: Any) -> str:
    """The same between the quotes of a JSON template."""
    return encode_basestring(chat_value(value))[1:-1]


def unformatted(text: str) -> str:
    """As long as before."""
    return re.sub(_FORMATTING, lambda found: found[0].translate(_LOOK_ALIKE), str(text))


def chat_markup(text: str) -> str:
    """Our own mrkdwn, which Slack was told to take as verbatim, for a chat that cannot be told: what stands in no code
    span, no bold name and no mention of ours is only words.
    """
    parts = re.split(_OURS, str(text), flags=re.DOTALL)
    parts[::2] = [unformatted(part) for part in parts[::2]]
    return "".join(parts)


class MailText(str):
    """Words of a mail that are harmless already."""

    __slots__ = ()


def mail_value(value: Any) -> str:
    """What a template of a mail puts where it has `{{ value }}`; of Markup, what it says.

    A phone makes a link of every address that it finds in a text: those of an event are broken.
    """
    if isinstance(value, MailText):
        return value
    return unmarked(value) if isinstance(value, Markup) else clean(str(value)).replace(_SCHEME, _BROKEN)


def unmarked(text: str) -> str:
    """Our own mrkdwn as plain text; what stood in a code span came from an event and gives no link."""
    parts = str(text).replace("```", "`").split("`")
    for pattern in _MARKUP:
        parts[::2] = [re.sub(pattern, r"\1", part) for part in parts[::2]]
    parts[1::2] = [part.replace(_SCHEME, _BROKEN) for part in parts[1::2]]
    said = "".join(parts)
    for entity, character in _ENTITIES:
        said = said.replace(entity, character)
    return said


def ascii_value(value: Any) -> str:
    """What a template of a subject puts where it has `{{ value }}`: SNS takes printable ASCII."""
    return " ".join(re.sub(_NOT_ASCII, " ", str(value)).split())
