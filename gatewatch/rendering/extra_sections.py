"""What a message shows beside its rules: a list or a command under a title, as every channel has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from markupsafe import Markup
from msgspec import Struct

from gatewatch.rendering.escaping import code, code_block
from gatewatch.rendering.sns_escaping import MailText, unmarked

if TYPE_CHECKING:
    from collections.abc import Iterable


class Extra(Struct, frozen=True):
    """`longest` is the room of a text of several lines; without it the text is one line."""

    title: str
    text: str
    longest: int = 0

    @property
    def mrkdwn(self) -> Markup:
        return Markup("*{}*").format(self.title) + ("\n" if self.longest else " ") + self._code

    @property
    def mail(self) -> MailText:
        return MailText(f"{self.title}:\n{unmarked(self._code)}")

    @property
    def _code(self) -> Markup:
        return code_block(self.text, self.longest) if self.longest else code(self.text)


def with_extras(payload: bytes, extras: Iterable[Extra]) -> bytes:
    """A Slack payload with them before its last block, which names the event."""
    message: Any = msgspec.json.decode(payload)
    blocks = message["attachments"][0]["blocks"]
    message["attachments"][0]["blocks"] = [*blocks[:-1], *map(_section, extras), blocks[-1]]
    return msgspec.json.encode(message)


def _section(extra: Extra) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": str(extra.mrkdwn)}}
