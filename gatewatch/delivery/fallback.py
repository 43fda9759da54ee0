"""The message for the fallback destination of another message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.config.destinations import HUB_TOPIC

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings
    from gatewatch.model.message import FallbackReason, OutboxMessage


def fallback_message(message: OutboxMessage, reason: FallbackReason, settings: Settings) -> OutboxMessage | None:
    """A message that fails at its fallback too goes to the hub topic, and no further: None. So for mere updates.

    The key is the same for every reason, so that the ledger lets one of them through.
    """
    return None if message.updates_only else _addressed_to(_fallback_of(message, settings), message, reason)


def last_fallback(message: OutboxMessage, reason: FallbackReason) -> OutboxMessage | None:
    """The same for a message that is at its fallback already; None at the hub topic."""
    return _addressed_to(HUB_TOPIC, message, reason)


def _addressed_to(name: str, message: OutboxMessage, reason: FallbackReason) -> OutboxMessage | None:
    first = message.fallback_for or message.destination
    other = msgspec.structs.replace(message, destination=name, fallback_for=first, fallback_reason=reason)
    return None if name == message.destination else other


def _fallback_of(message: OutboxMessage, settings: Settings) -> str:
    destination = settings.destinations.get(message.destination)
    return HUB_TOPIC if message.fallback_for or destination is None else destination.fallback
