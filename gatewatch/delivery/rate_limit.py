"""Rate limit of each destination, retries within an invocation, and the delay until the next attempt."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.message import Receipt

_SHORT_WAIT = 5.0
_ATTEMPTS_IN_PLACE = 3
# Seconds: twice connect and wait for the answer, with a rotated secret in between, and three rows of the ledger. A
# Slack app, which has a look into the channel in addition, waits for less.
TIME_FOR_ONE_POST = 40.0
GIVE_UP_SECONDS = 4 * 3600
GIVE_UP_RECEIVES = 150  # the queue moves a message to the DLQ without a reason at 1,000
_FIRST_BACKOFF, _LONGEST_BACKOFF = 5, 300
_LATEST_TURN = 60  # a later time comes from a wrong clock or a pace that was changed
LONGEST_WAIT = 900  # Slack may ask for a day; the channel is tried again before that
_LONGEST_AFTER_AN_ANSWER = 30  # 150 receives of that are more than an hour


@dataclass(frozen=True)
class Clock:
    """Seconds since 1970, monotonic seconds, and sleep."""

    now: Callable[[], float] = time
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep


class NextPost(Struct, frozen=True):
    """When the next post to a destination may be made, in seconds since 1970."""

    at: float


RATES = JsonRows(
    prefix="rate",
    name="the rate limit of a destination",
    lifetime=24 * 3600,
    value_type=NextPost,
    skips_undecodable=True,
)


class RateLimiter:
    """Slack accepts one message a second per channel (Slack, rate limits); `pace` of a destination is in seconds.

    The message groups of a destination are served by different processes, so the time of its next post is in the table.
    """

    def __init__(self, clock: Clock, table: HubTable) -> None:
        self._clock = clock
        self._table = table

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
                self._clock.sleep(wait)
        raise TransientDeliveryError("no attempt was made")

    def _wait_for_turn(self, name: str, pace: float, time_left: Callable[[], float]) -> None:
        if not pace:
            return
        now = self._clock.now()

        def take_turn(before: NextPost | None) -> NextPost:
            turn = before.at if before and now < before.at <= now + max(_LATEST_TURN, 2 * pace) else now
            if turn > now and not _fits(turn - now, time_left):
                raise RateLimitedError(f"one message in {pace:g} seconds", turn - now)
            return NextPost(turn + pace)

        wait = self._table.modify(RATES, name, take_turn).at - pace - now
        if wait > 0:
            self._clock.sleep(wait)


class RateLimitedError(TransientDeliveryError):
    """The rate limit does not allow a post yet; this does not count as a failed attempt."""


def _fits(wait: float, time_left: Callable[[], float]) -> bool:
    return wait <= _SHORT_WAIT and time_left() >= wait + TIME_FOR_ONE_POST


def retry_delay(error: TransientDeliveryError, received: int) -> int:
    """Seconds until the next receipt of a message.

    `Retry-After` is honoured up to fifteen minutes. It cannot shorten the backoff without bound: receipts are limited.
    """
    if error.retry_after is None:
        return backoff(received)
    return int(min(max(error.retry_after, min(backoff(received), _LONGEST_AFTER_AN_ANSWER)), LONGEST_WAIT))


def backoff(received: int) -> int:
    """Exponential backoff by the number of receipts: 5, 10, 20 … 300 seconds."""
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(max(received, 1) - 1, 10)))


def is_exhausted(first_received: float, received: int, now: float) -> bool:
    """Whether to give up. Time counts from the first receipt: waiting in a long queue is no attempt."""
    return received >= GIVE_UP_RECEIVES or now - first_received > GIVE_UP_SECONDS
