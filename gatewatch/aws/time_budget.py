"""A time budget with a circuit breaker for optional requests to one table.

All requests of one event share the budget. After a failure no request is made for a while: otherwise a batch of events
would wait for an unavailable table once per event.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.circuit_breaker import CircuitBreaker
from gatewatch.aws.error_codes import error_code
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

_PAUSE_SECONDS = 30.0
_TABLE = "table"
_Result = TypeVar("_Result")


class TimeBudget:
    """`monotonic` returns seconds."""

    def __init__(self, log: Logger, monotonic: Callable[[], float] = time.monotonic, seconds: float = 1.0) -> None:
        self._log = log
        self._monotonic = monotonic
        self._seconds = seconds
        self._breaker = CircuitBreaker(monotonic)

    def run(self, on_failure: str, work: Callable[[Callable[[], None]], _Result]) -> _Result | None:
        """Return the result of `work`; None when it failed or when requests are paused after a failure.

        `work` receives a function to call before each request; it raises `TimeoutError` when the budget is used up.
        A row that cannot be decoded counts as a failure: another version of gatewatch may have written it.
        `on_failure` is the log message.
        """
        if self._breaker.is_open(_TABLE):
            return None
        end = self._monotonic() + self._seconds

        def check_time() -> None:
            if self._monotonic() > end:
                raise TimeoutError

        try:
            return work(check_time)
        except (ClientError, BotoCoreError, TransientDeliveryError, TimeoutError, LookupError, ValueError) as error:
            self._breaker.open(_TABLE, _PAUSE_SECONDS)
            self._log.warning(on_failure, extra={"reason": error_code(error)})
            return None
