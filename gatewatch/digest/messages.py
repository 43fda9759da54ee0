"""A digest as outbox messages, one per destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.model.digest import shortened
from gatewatch.model.message import addressed
from gatewatch.model.notification import DigestNotification

if TYPE_CHECKING:
    from gatewatch.config.digest import DueDigest
    from gatewatch.config.settings import Settings
    from gatewatch.model.digest import Digest
    from gatewatch.model.message import OutboxMessage


def digest_messages(digest: Digest, due: DueDigest, settings: Settings) -> list[OutboxMessage]:
    """Return one message per destination. Its key depends only on the period, so a retry sends nothing twice."""
    notification = DigestNotification(
        key=f"digest-{due.name}",
        digest=shortened(digest),
        first_day=due.first.isoformat(),
        days=due.days,
        language=settings.digest.language or settings.defaults.language,
        timezone=settings.digest.timezone or settings.defaults.timezone,
    )
    return addressed(notification, settings.digest.to)
