"""Messages: a notification for one destination, several rolled up, and the receipt of a destination."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.model.notification import Notification

if TYPE_CHECKING:
    from collections.abc import Iterable


class FallbackReason(StrEnum):
    """Why a notification is sent to a second destination; the message says so.

    UNCERTAIN: it was posted and no answer came. LATE: it was not delivered in time and is still being tried.
    UNATTENDED: it was delivered, and neither closed nor acknowledged in the time that its route allows.
    """

    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    LATE = "late"
    UNATTENDED = "unattended"


class OutboxMessage(Struct, frozen=True, kw_only=True, tag="message", omit_defaults=True):
    """`fallback_for` is the destination that the notification was meant for; empty when it is this one.

    `updates_only`: earlier messages show that their exposures are closed, and no message is sent.
    """

    destination: str
    notification: Notification
    fallback_for: str = ""
    fallback_reason: FallbackReason = FallbackReason.REFUSED
    updates_only: bool = False

    @property
    def key(self) -> str:
        """Key of the delivery ledger, without the number of the part."""
        suffix = f"#for-{self.fallback_for}" if self.fallback_for else ""
        return f"{self.notification.key}#{self.destination}{suffix}"


class Rollup(Struct, frozen=True, tag="rollup"):
    """Messages of alerts of one account and actor that are posted as one, in the order of the outbox."""

    messages: tuple[OutboxMessage, ...]

    @property
    def key(self) -> str:
        return f"{self.messages[0].key}+{len(self.messages) - 1}"

    @property
    def destination(self) -> str:
        return self.messages[0].destination


Content = OutboxMessage | Rollup


def addressed(notification: Notification, destinations: Iterable[str]) -> list[OutboxMessage]:
    return [OutboxMessage(destination=each, notification=notification) for each in destinations]


def contained_messages(content: Content) -> tuple[OutboxMessage, ...]:
    return content.messages if isinstance(content, Rollup) else (content,)


class PostMark(Struct, frozen=True, kw_only=True):
    """What finds one post of message parts in a channel when its answer was lost.

    `id` is random, so that nobody knows it before the post is in the channel; empty for a post that is not looked for.
    `earlier` are the ids of posts that `parts` message parts have in common, each without an answer; the first was made
    at `since`, in seconds since 1970. `may_wait`: the post waits while the channel cannot be read for the moment.
    """

    id: str = ""
    parts: int = 1
    earlier: frozenset[str] = frozenset()
    since: float = 0.0
    may_wait: bool = False


NO_MARK = PostMark()


class Receipt(Struct, frozen=True):
    """Response of a destination that accepted a message; `channel` and `ts` identify it in Slack."""

    destination: str
    response: str
    channel: str = ""
    ts: str = ""
