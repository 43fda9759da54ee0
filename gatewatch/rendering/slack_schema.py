"""The Slack messages that gatewatch writes, as types: form and limits are validated while the JSON is decoded.

This is the fast path. `slack_validation` knows more forms and explains what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gatewatch.rendering.slack_validation import COLOR, WEB_LINK

_Short = Annotated[str, Meta(min_length=1, max_length=75)]
_Title = Annotated[str, Meta(min_length=1, max_length=150)]
_Line = Annotated[str, Meta(min_length=1, max_length=2000)]
_Long = Annotated[str, Meta(min_length=1, max_length=3000)]
_Url = Annotated[str, Meta(max_length=3000, pattern=rf"\A(?i:{WEB_LINK.pattern})\Z")]
_Color = Annotated[str, Meta(pattern=rf"\A(?:{COLOR.pattern})\Z")]


class _Form(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Fields in the order of the templates, so that encoding keeps the order."""


class _TitleText(_Form):
    type: Literal["plain_text"]
    text: _Title
    emoji: bool


class _ShortText(_Form):
    type: Literal["plain_text"]
    text: _Short
    emoji: bool


class _LineText(_Form):
    type: Literal["mrkdwn"]
    verbatim: bool
    text: _Line


class _LongText(_Form):
    type: Literal["mrkdwn"]
    verbatim: bool
    text: _Long


class _Header(_Form, tag_field="type", tag="header"):
    text: _TitleText


class _Section(_Form, tag_field="type", tag="section", omit_defaults=True):
    text: _LongText | UnsetType = UNSET
    fields: Annotated[list[_LineText], Meta(min_length=1, max_length=10)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.text is UNSET and self.fields is UNSET:
            raise ValueError("neither text nor fields")


class _Context(_Form, tag_field="type", tag="context"):
    elements: Annotated[list[_LongText], Meta(min_length=1, max_length=10)]


class _Button(_Form):
    type: Literal["button"]
    text: _ShortText
    url: _Url


class _Actions(_Form, tag_field="type", tag="actions"):
    elements: Annotated[list[_Button], Meta(min_length=1, max_length=25)]


class _Attachment(_Form):
    color: _Color
    fallback: Annotated[str, Meta(min_length=1, max_length=40_000)]
    blocks: Annotated[list[_Header | _Section | _Context | _Actions], Meta(min_length=1, max_length=50)]


class _Message(_Form):
    attachments: Annotated[list[_Attachment], Meta(min_length=1, max_length=1)]
    unfurl_links: bool
    unfurl_media: bool


_DECODER = msgspec.json.Decoder(_Message)
_ENCODER = msgspec.json.Encoder()


def compact(text: str) -> bytes | None:
    """The JSON of a message without white space; None when it has another form or exceeds a limit of Slack."""
    try:
        return _ENCODER.encode(_DECODER.decode(text))
    except msgspec.DecodeError:
        return None
