"""Rate limit of each destination, retries within an invocation, and the delay until the next attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.model.message import Receipt

_SHORT_WAIT = 5.0
_ATTEMPTS_IN_PLACE = 3
TIME_FOR_ONE_POST = 20.0  # connect, two reads with a rotated secret in between, and two rows of the ledger
GIVE_UP_SECONDS = 4 * 3600
GIVE_UP_RECEIVES = 150  # the queue moves a message to the DLQ without a reason at 200
_FIRST_BACKOFF, _LONGEST_BACKOFF = 5, 300
_LONGEST_AFTER_AN_ANSWER = 30  # 150 receives of that are more than an hour


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970, monotonic seconds, and sleep."""

    now: Callable[[], float] = time
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep


@dataclass(frozen=True)
class RateLimiter:
    """Slack accepts one message a second per channel (Slack, rate limits); `pace` of a destination is in seconds.

    One thread serves a destination at a time: the destination is the message group of the FIFO outbox.
    """

    clock: Clock
    _last_post: dict[str, float] = field(default_factory=dict)

    def send(self, name: str, pace: float, post: Callable[[], Receipt], time_left: Callable[[], float]) -> Receipt:
        """Post to a destination, and retry after short waits a few times. Longer waits are left to the queue."""
        for attempt in range(1, _ATTEMPTS_IN_PLACE + 1):
            self._wait_for_turn(name, pace, time_left)
            try:
                return post()
            except TransientDeliveryError as error:
                wait = float(attempt) if error.retry_after is None else error.retry_after
                is_last = attempt == _ATTEMPTS_IN_PLACE
                if is_last or not _fits(wait, time_left):
                    raise
                self.clock.sleep(wait)
        raise TransientDeliveryError("no attempt was made")

    def _wait_for_turn(self, name: str, pace: float, time_left: Callable[[], float]) -> None:
        early = self._last_post.get(name, float("-inf")) + pace - self.clock.monotonic()
        if early > 0 and not _fits(early, time_left):
            raise RateLimitedError(f"one message in {pace:g} seconds", early)
        if early > 0:
            self.clock.sleep(early)
        self._last_post[name] = self.clock.monotonic()


class RateLimitedError(TransientDeliveryError):
    """The rate limit does not allow a post yet; this does not count as a failed attempt."""


def _fits(wait: float, time_left: Callable[[], float]) -> bool:
    return wait <= _SHORT_WAIT and time_left() >= wait + TIME_FOR_ONE_POST


def retry_delay(error: TransientDeliveryError, received: int) -> int:
    """Seconds until the next receipt of a message.

    `Retry-After` is honoured, but it cannot shorten the backoff without bound: receipts are limited.
    """
    if error.retry_after is None:
        return backoff(received)
    return int(min(max(error.retry_after, min(backoff(received), _LONGEST_AFTER_AN_ANSWER)), GIVE_UP_SECONDS))


def backoff(received: int) -> int:
    """Exponential backoff by the number of receipts: 5, 10, 20 … 300 seconds."""
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(max(received, 1) - 1, 10)))


def is_exhausted(first_received: float, received: int, now: float) -> bool:
    """Whether to give up. Time counts from the first receipt: waiting in a long queue is no attempt."""
    return received >= GIVE_UP_RECEIVES or now - first_received > GIVE_UP_SECONDS
