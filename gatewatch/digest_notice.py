"""A digest as the messages that go through the outbox, one for each destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.digest_text import slack_payload
from gatewatch.message_model import Message
from gatewatch.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.digest import Digest
    from gatewatch.digest_settings import Due
    from gatewatch.digest_view import DigestView
    from gatewatch.settings import Colors, Settings


def digest_messages(view: DigestView, color: str, wanted: Due, settings: Settings) -> Iterator[Message]:
    """The same digest has the same key however often it is told."""
    body = slack_payload(view, color).decode()
    for name in settings.digest.to:
        yield Message(key=f"digest-{wanted.name}#{name}", destination=name, body=body)


def digest_color(digest: Digest, colors: Colors) -> str:
    """Of the worst gate that stands open."""
    if not digest.open:
        return colors.unchanged if digest.missed else colors.resolved
    is_critical = any(gate.rule.assessment.severity is Severity.CRITICAL for gate in digest.open)
    return colors.critical if is_critical else colors.high
