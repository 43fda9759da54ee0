"""How fast a destination is told, and how long one invocation keeps trying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from gatewatch.model import Message, Receipt
    from gatewatch.settings import Destination


Post = Callable[["Message", "Destination"], "Receipt"]

_SHORT_WAIT = 5.0
_ATTEMPTS_IN_PLACE = 3
TIME_FOR_ONE_POST = 12.0  # connect, read, and two rows of the ledger


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
            self._keep(message.destination, destination.pace)
            try:
                return post(message, destination)
            except TransientDeliveryError as error:
                wait = float(attempt) if error.retry_after is None else error.retry_after
                is_last = attempt == _ATTEMPTS_IN_PLACE
                if is_last or wait > _SHORT_WAIT or time_left() < wait + TIME_FOR_ONE_POST:
                    raise
                self.clock.sleep(wait)
        raise TransientDeliveryError("no attempt was made")

    def _keep(self, name: str, pace: float) -> None:
        last = self._last_post.get(name)
        if last is not None and (early := last + pace - self.clock.monotonic()) > 0:
            self.clock.sleep(early)
        self._last_post[name] = self.clock.monotonic()
