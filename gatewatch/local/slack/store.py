"""What the local Slack keeps: the messages it took, and those it refused with the reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Condition
from typing import TYPE_CHECKING, Any

from gatewatch.rendering import slack_validation as block_kit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Received:
    """One message that Slack would have shown; `number` counts from 1 over all channels.

    `changed` is the count of everything that happened, messages and edits, when this one came or was last edited.
    """

    number: int
    channel: str
    message: dict[str, Any]
    at: datetime
    changed: int = 0

    @property
    def ts(self) -> str:
        """Slack's name for a message within its channel: a string, never a float."""
        return f"{int(self.at.timestamp())}.{self.number:06d}"

    @property
    def answers(self) -> int:
        """The number of the message in whose thread this one stands; 0 for one in the channel."""
        number = str(self.message.get("thread_ts", "")).rpartition(".")[2]
        return int(number) if number.isascii() and number.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Refused:
    channel: str
    message: object
    problems: tuple[str, ...]
    at: datetime


class Mailbox:
    """Thread-safe; a reader gets a snapshot and can wait for more."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changed = Condition()
        self._received: list[Received] = []
        self._refused: list[Refused] = []
        self._changes = 0
        self._closed = False

    @property
    def received(self) -> tuple[Received, ...]:
        with self._changed:
            return tuple(self._received)

    @property
    def refused(self) -> tuple[Refused, ...]:
        with self._changed:
            return tuple(self._refused)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def post(self, channel: str, message: object) -> Received | Refused:
        problems = block_kit.problems(message)
        with self._changed:
            if problems or not isinstance(message, dict):
                return self._refuse(channel, message, problems)
            return self._receive(channel, message)

    def edit(self, channel: str, ts: str, message: object) -> Received | Refused | None:
        """Another content for a message; it stays where it is, in its thread too. None: there is no such message."""
        problems = block_kit.problems(message)
        with self._changed:
            place = next((n for n, one in enumerate(self._received) if (one.channel, one.ts) == (channel, ts)), None)
            if place is None:
                return None
            if problems or not isinstance(message, dict):
                return self._refuse(channel, message, problems)
            thread = {key: value for key, value in self._received[place].message.items() if key == "thread_ts"}
            edited = replace(self._received[place], message=message | thread, changed=self._count())
            self._received[place] = edited
            return edited

    def wait(self, after: int, seconds: float) -> int:
        """How much happened so far: at once if more than `after`, else when something does or time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._changes > after, seconds)
            return self._changes

    def news(self, after: int) -> tuple[Received, ...]:
        """What came or was edited since, in the order of the messages."""
        with self._changed:
            return tuple(one for one in self._received if one.changed > after)

    def close(self) -> None:
        """Lets every waiting reader go; what was received stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _receive(self, channel: str, message: dict[str, Any]) -> Received:
        received = Received(len(self._received) + 1, channel, message, self._clock(), self._count())
        self._received.append(received)
        return received

    def _count(self) -> int:
        self._changes += 1
        self._changed.notify_all()
        return self._changes

    def _refuse(self, channel: str, message: object, problems: tuple[str, ...]) -> Refused:
        refused = Refused(channel, message, problems, self._clock())
        self._refused.append(refused)
        return refused
