"""How fast a destination is told, how long one invocation keeps trying, and when the next one comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from gatewatch.config.destinations import Destination
    from gatewatch.model.message import Message, Receipt


Post = Callable[["Message", "Destination"], "Receipt"]

_SHORT_WAIT = 5.0
_ATTEMPTS_IN_PLACE = 3
TIME_FOR_ONE_POST = 20.0  # connect, read twice for a stale secret, and two rows of the ledger
GIVE_UP_SECONDS = 4 * 3600
GIVE_UP_RECEIVES = 150  # the queue itself gives up, without a reason, at 200
_FIRST_BACKOFF, _LONGEST_BACKOFF = 5, 300
_LONGEST_AFTER_AN_ANSWER = 30  # 150 receives of that are more than an hour


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970, seconds that only grow, and a way to let some pass."""

    since_1970: Callable[[], float] = time
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep


@dataclass(frozen=True)
class Pace:
    """Slack takes one message a second per channel (Slack, rate limits); a destination says how many seconds.

    A destination is served by one thread at a time: the outbox is FIFO, and a destination is its message group.
    """

    clock: Clock
    _last_post: dict[str, float] = field(default_factory=dict)

    def persist(
        self, message: Message, destination: Destination, post: Post, time_left: Callable[[], float]
    ) -> Receipt:
        """Post; after a short wait post again, a bounded number of times. A long wait is left to the queue."""
        for attempt in range(1, _ATTEMPTS_IN_PLACE + 1):
            self._keep(message.destination, destination.pace, time_left)
            try:
                return post(message, destination)
            except TransientDeliveryError as error:
                wait = float(attempt) if error.retry_after is None else error.retry_after
                is_last = attempt == _ATTEMPTS_IN_PLACE
                if is_last or not _fits(wait, time_left):
                    raise
                self.clock.sleep(wait)
        raise TransientDeliveryError("no attempt was made")

    def _keep(self, name: str, pace: float, time_left: Callable[[], float]) -> None:
        early = self._last_post.get(name, float("-inf")) + pace - self.clock.monotonic()
        if early > 0 and not _fits(early, time_left):
            raise TooEarlyError(f"one message in {pace:g} seconds", early)
        if early > 0:
            self.clock.sleep(early)
        self._last_post[name] = self.clock.monotonic()


class TooEarlyError(TransientDeliveryError):
    """The destination was not asked yet; this is no failed attempt."""


def _fits(wait: float, time_left: Callable[[], float]) -> bool:
    return wait <= _SHORT_WAIT and time_left() >= wait + TIME_FOR_ONE_POST


def next_try(error: TransientDeliveryError, received: int) -> int:
    """The seconds until a message is brought again.

    A destination that names a time is asked at that time, but not ever faster: each receipt counts.
    """
    if error.retry_after is None:
        return backoff(received)
    return int(min(max(error.retry_after, min(backoff(received), _LONGEST_AFTER_AN_ANSWER)), GIVE_UP_SECONDS))


def backoff(received: int) -> int:
    """5, 10, 20 … 300 seconds by the number of times a message was received."""
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(max(received, 1) - 1, 10)))


def is_exhausted(first_received: float, received: int, now: float) -> bool:
    """Counted from the first receipt: what only waited its turn in a long queue has not been tried yet."""
    return received >= GIVE_UP_RECEIVES or now - first_received > GIVE_UP_SECONDS
