"""What is stored of messages in Slack: parent messages that are edited and answered, and groups of alerts."""

from __future__ import annotations

from msgspec import Struct

from gatewatch.model.message import OutboxMessage, Rollup
from gatewatch.model.message_state import NO_STATE, MessageState

# Five alerts of one actor within seconds of each other come from a script, not from a person in a console.
GROUP_THRESHOLD, _GROUP_GAP_SECONDS = 5, 15
_MAX_PAUSE_SECONDS, _MAX_GROUP_SECONDS = 300, 3600


class ParentMessage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A posted message (part 1, if `cut` has several) with its state as last rendered.

    A reply has `thread`, the `ts` of its parent, and `counted_in`, the key of the parent that counts its exposures.
    The row of an alert inside a roll-up has no content but `inside`, the key of the roll-up.
    """

    channel: str = ""
    ts: str = ""
    content: OutboxMessage | Rollup | None = None
    cut: tuple[int, ...] = ()
    state: MessageState = NO_STATE
    thread: str = ""
    counted_in: str = ""
    inside: str = ""


class AlertGroup(Struct, frozen=True, kw_only=True):
    """Recent alerts of one account and actor in a channel, and how many of them followed each other (`count`).

    `key` and `ts` identify the parent message of the thread for further alerts, if there is one. `worst` is the rank of
    the highest severity that it shows. Times are in seconds since 1970.
    """

    key: str = ""
    ts: str = ""
    worst: int = 0
    started_at: float = 0.0
    last_at: float = 0.0
    count: int = 0

    def is_active(self, now: float) -> bool:
        is_recent = now - self.last_at <= _MAX_PAUSE_SECONDS and now - self.started_at <= _MAX_GROUP_SECONDS
        return bool(self.key) and is_recent

    def accepts(self, rank: int, now: float) -> bool:
        """Whether an alert goes into the thread; one that is worse than the parent is posted in the channel."""
        return self.is_active(now) and rank <= self.worst

    def with_alerts(self, number: int, now: float) -> AlertGroup:
        """The group after so many more alerts in the channel, without a thread."""
        follows = now - self.last_at <= _GROUP_GAP_SECONDS
        return AlertGroup(count=self.count + number if follows else number, last_at=now)
