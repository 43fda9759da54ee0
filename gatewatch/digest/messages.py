"""A digest as outbox messages, one per destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.digest.sns import sns_digest
from gatewatch.digest.text import slack_payload
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.config.digest import DueDigest
    from gatewatch.config.settings import Colors, Settings
    from gatewatch.digest.summary import Digest
    from gatewatch.digest.view import DigestView


def digest_messages(view: DigestView, made: Digest, wanted: DueDigest, settings: Settings) -> Iterator[Message]:
    """Yield one message per destination. Its key depends only on the period, so a retry sends nothing twice."""
    for name in settings.digest.to:
        body = _sns_body(view, made, wanted) if settings.is_sns_topic(name) else _slack_body(view, made, settings)
        yield Message(key=f"digest-{wanted.name}#{name}", destination=name, body=body)


def _slack_body(view: DigestView, made: Digest, settings: Settings) -> str:
    return slack_payload(view, digest_color(made, settings.colors)).decode()


def _sns_body(view: DigestView, made: Digest, wanted: DueDigest) -> str:
    """The subject is ASCII, as SNS requires."""
    when = wanted.first.isoformat() if wanted.days == 1 else f"{wanted.first.isoformat()}, {wanted.days} days"
    events = "1 event" if made.events == 1 else f"{made.events} events"
    subject = f"gatewatch digest {when}: {len(made.open)} open to the internet, {events}"
    return sns_digest(view, subject).encode()


def digest_color(digest: Digest, colors: Colors) -> str:
    """Return the colour of the most severe open exposure."""
    if not digest.open:
        return colors.unchanged if digest.missing_events else colors.resolved
    is_critical = any(each.change.assessment.severity is Severity.CRITICAL for each in digest.open)
    return colors.critical if is_critical else colors.high
