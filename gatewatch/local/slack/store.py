"""The messages that the local Slack received, and those it rejected with the reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Condition
from typing import TYPE_CHECKING, Any

from gatewatch.local.slack.workspace import Dialogs, channel_id
from gatewatch.rendering import slack_validation as block_kit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


_KEPT_BY_AN_EDIT = {"thread_ts", "metadata"}


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that Slack would have shown.

    `number` counts from 1 over all channels. `revision` is the number of posts and edits in the whole store up to
    and including the last one of this message.
    """

    number: int
    channel: str
    message: dict[str, Any]
    at: datetime
    revision: int = 0

    @property
    def ts(self) -> str:
        """Slack's id of a message within its channel: a string, never a float."""
        return f"{int(self.at.timestamp())}.{self.number:06d}"

    @property
    def parent_number(self) -> int:
        """The number of the message in whose thread this one is; 0 for a message in the channel itself."""
        number = str(self.message.get("thread_ts", "")).rpartition(".")[2]
        return int(number) if number.isascii() and number.isdigit() else 0


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    channel: str
    message: object
    problems: tuple[str, ...]
    at: datetime


class MessageStore:
    """Thread-safe store; reads return snapshots, and `wait` blocks until something changes."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changed = Condition()
        self._messages: list[ReceivedMessage] = []
        self._rejected: list[RejectedMessage] = []
        self._revision = 0
        self._closed = False
        self.dialogs = Dialogs()

    @property
    def received(self) -> tuple[ReceivedMessage, ...]:
        with self._changed:
            return tuple(self._messages)

    @property
    def rejected(self) -> tuple[RejectedMessage, ...]:
        with self._changed:
            return tuple(self._rejected)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def post(self, channel: str, message: object) -> ReceivedMessage | RejectedMessage:
        problems = block_kit.slack_problems(message)
        with self._changed:
            if problems or not isinstance(message, dict):
                return self._reject(channel, message, problems)
            return self._receive(channel, message)

    def channel_name(self, channel: str) -> str:
        """Return the name of a channel by its name or id; an unknown one as it is."""
        with self._changed:
            names = (one.channel for one in self._messages)
            return next((name for name in names if channel in {name, channel_id(name)}), channel)

    def edit(self, channel: str, ts: str, message: object) -> ReceivedMessage | RejectedMessage | None:
        """Replace a message's content; it keeps its position and its thread. None when there is no such message.

        `channel` is a name.
        """
        problems = block_kit.slack_problems(message)
        with self._changed:
            index = next((n for n, one in enumerate(self._messages) if (one.channel, one.ts) == (channel, ts)), None)
            if index is None:
                return None
            if problems or not isinstance(message, dict):
                return self._reject(channel, message, problems)
            kept = {key: each for key, each in self._messages[index].message.items() if key in _KEPT_BY_AN_EDIT}
            edited = replace(self._messages[index], message=message | kept, revision=self._next_revision())
            self._messages[index] = edited
            return edited

    def wait(self, after: int, seconds: float) -> int:
        """Block until the revision exceeds `after`, `seconds` passed or the store closed; return the revision."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._revision > after, seconds)
            return self._revision

    def changed_since(self, revision: int) -> tuple[ReceivedMessage, ...]:
        """Messages posted or edited after that revision, in posting order."""
        with self._changed:
            return tuple(one for one in self._messages if one.revision > revision)

    def close(self) -> None:
        """Release every waiting reader; the messages stay."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _receive(self, channel: str, message: dict[str, Any]) -> ReceivedMessage:
        received = ReceivedMessage(len(self._messages) + 1, channel, message, self._clock(), self._next_revision())
        self._messages.append(received)
        return received

    def _next_revision(self) -> int:
        self._revision += 1
        self._changed.notify_all()
        return self._revision

    def _reject(self, channel: str, message: object, problems: tuple[str, ...]) -> RejectedMessage:
        rejected = RejectedMessage(channel, message, problems, self._clock())
        self._rejected.append(rejected)
        return rejected
