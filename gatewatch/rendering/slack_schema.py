"""The form of gatewatch's own Slack messages with Slack's limits, as types.

What this form admits has no problem by `slack_validation`, which is ten times slower and says what is wrong. It knows
less: a message that it does not admit may be valid.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gatewatch.model.typed_decoding import convert
from gatewatch.rendering.slack_limits import (
    MAX_ATTACHMENTS,
    MAX_BLOCKS,
    MAX_CONTEXT_ELEMENTS,
    MAX_FIELD,
    MAX_FIELDS,
    MAX_HEADER,
    MAX_SECTION,
    MAX_TEXT,
)


class _Title(Struct, tag_field="type", tag="plain_text", forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=MAX_HEADER)]
    emoji: bool


class _Text(Struct, tag_field="type", tag="mrkdwn", forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=MAX_SECTION)]
    verbatim: bool


class _FieldText(Struct, tag_field="type", tag="mrkdwn", forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=MAX_FIELD)]
    verbatim: bool


class _Header(Struct, tag_field="type", tag="header", forbid_unknown_fields=True):
    text: _Title


class _Section(Struct, tag_field="type", tag="section", forbid_unknown_fields=True):
    text: _Text | UnsetType = UNSET
    fields: Annotated[list[_FieldText], Meta(min_length=1, max_length=MAX_FIELDS)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.text is UNSET and self.fields is UNSET:
            raise ValueError("neither text nor fields")


class _Context(Struct, tag_field="type", tag="context", forbid_unknown_fields=True):
    elements: Annotated[list[_Text], Meta(min_length=1, max_length=MAX_CONTEXT_ELEMENTS)]


class _Attachment(Struct, forbid_unknown_fields=True):
    fallback: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    blocks: Annotated[list[_Header | _Section | _Context], Meta(max_length=MAX_BLOCKS)]
    color: Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}\Z")] | UnsetType = UNSET


class _Message(Struct, forbid_unknown_fields=True):
    attachments: Annotated[list[_Attachment], Meta(min_length=1, max_length=MAX_ATTACHMENTS)]
    unfurl_links: bool
    unfurl_media: bool


def has_known_form(message: dict[str, Any]) -> bool:
    """Whether a message has the form and keeps the limits."""
    try:
        convert(message, _Message)
    except msgspec.ValidationError:
        return False
    return True
