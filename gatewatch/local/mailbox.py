"""What the local Slack keeps: the messages it took, and those it refused with the reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Condition
from typing import TYPE_CHECKING, Any

from gatewatch import block_kit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Received:
    """One message that Slack would have shown; `number` counts from 1 over all channels."""

    number: int
    channel: str
    message: dict[str, Any]
    at: datetime

    @property
    def ts(self) -> str:
        """Slack's name for a message within its channel: a string, never a float."""
        return f"{int(self.at.timestamp())}.{self.number:06d}"


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
            self._received[place] = replace(self._received[place], message=message | thread)
            return self._received[place]

    def wait(self, after: int, seconds: float) -> int:
        """How many messages there are: at once if more than `after`, else when one comes or time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._received) > after, seconds)
            return len(self._received)

    def close(self) -> None:
        """Lets every waiting reader go; what was received stays."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _receive(self, channel: str, message: dict[str, Any]) -> Received:
        received = Received(len(self._received) + 1, channel, message, self._clock())
        self._received.append(received)
        self._changed.notify_all()
        return received

    def _refuse(self, channel: str, message: object, problems: tuple[str, ...]) -> Refused:
        refused = Refused(channel, message, problems, self._clock())
        self._refused.append(refused)
        return refused
