"""A time budget with a circuit breaker for optional requests.

All requests of one event share one second. After a failure no request is made for a while: otherwise a batch of
events would wait for an unavailable table once per event.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

_SECONDS = 1.0
_COOLDOWN_SECONDS = 30.0
_Result = TypeVar("_Result")


class TimeBudget:
    """`monotonic` returns seconds."""

    def __init__(self, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._cooldown_until = float("-inf")

    def run(self, on_failure: str, work: Callable[[Callable[[], None]], _Result]) -> _Result | None:
        """Return the result of `work`; None when it failed or when requests are paused after a failure.

        `work` receives a function to call before each request; it raises `TimeoutError` when the budget is used up.
        A row that cannot be decoded counts as a failure: another version of gatewatch may have written it.
        `on_failure` is the log message.
        """
        start = self._monotonic()
        if start < self._cooldown_until:
            return None

        def check_time() -> None:
            if self._monotonic() > start + _SECONDS:
                raise TimeoutError

        try:
            return work(check_time)
        except (ClientError, BotoCoreError, TimeoutError, LookupError, ValueError) as error:
            self._cooldown_until = self._monotonic() + _COOLDOWN_SECONDS
            self._log.warning(on_failure, extra={"reason": type(error).__name__})
            return None
