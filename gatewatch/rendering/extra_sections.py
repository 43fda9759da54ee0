"""Sections that a message has beside its rules: a title with a list or a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.rendering.escaping import code, code_block
from gatewatch.rendering.sns_escaping import MailText, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExtraSection(Struct, frozen=True):
    """`max_length` is the limit in characters of a text of several lines; 0: the text is one line."""

    title: str
    text: str
    max_length: int = 0

    @property
    def mrkdwn(self) -> Markup:
        return Markup("*{}*").format(self.title) + ("\n" if self.max_length else " ") + self._code

    @property
    def mail(self) -> MailText:
        return MailText(f"{self.title}:\n{plain_text(self._code)}")

    @property
    def _code(self) -> Markup:
        return code_block(self.text, self.max_length) if self.max_length else code(self.text)


def with_extra_sections(payload: bytes, extras: Iterable[ExtraSection]) -> bytes:
    """Insert them before the last block, which names the event."""
    message: Any = msgspec.json.decode(payload)
    blocks = message["attachments"][0]["blocks"]
    message["attachments"][0]["blocks"] = [*blocks[:-1], *map(_section, extras), blocks[-1]]
    return msgspec.json.encode(message)


def _section(extra: ExtraSection) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": str(extra.mrkdwn)}}
