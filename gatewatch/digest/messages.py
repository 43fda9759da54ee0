"""A digest as the messages that go through the outbox, one for each destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.digest.sns import topic_digest
from gatewatch.digest.text import slack_payload
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.digest import Due
    from gatewatch.config.settings import Colors, Settings
    from gatewatch.digest.summary import Digest
    from gatewatch.digest.view import DigestView


def digest_messages(view: DigestView, made: Digest, wanted: Due, settings: Settings) -> Iterator[Message]:
    """The same digest has the same key however often it is told."""
    for name in settings.digest.to:
        body = _topic(view, made, wanted) if settings.is_topic(name) else _slack(view, made, settings)
        yield Message(key=f"digest-{wanted.name}#{name}", destination=name, body=body)


def _slack(view: DigestView, made: Digest, settings: Settings) -> str:
    return slack_payload(view, digest_color(made, settings.colors)).decode()


def _topic(view: DigestView, made: Digest, wanted: Due) -> str:
    """What it is, when it was and how it stands, in the letters that a subject may have."""
    when = wanted.first.isoformat() if wanted.days == 1 else f"{wanted.first.isoformat()}, {wanted.days} days"
    subject = f"gatewatch digest {when}: {len(made.open)} open to the internet, {made.events} events"
    return topic_digest(view, subject).encode()


def digest_color(digest: Digest, colors: Colors) -> str:
    """Of the worst gate that stands open."""
    if not digest.open:
        return colors.unchanged if digest.missed else colors.resolved
    is_critical = any(gate.rule.assessment.severity is Severity.CRITICAL for gate in digest.open)
    return colors.critical if is_critical else colors.high
