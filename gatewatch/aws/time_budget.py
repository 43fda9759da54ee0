"""For what is worth asking and not worth waiting for: a second in all, and a rest after a failure.

Without the rest a batch of events would wait for a table that is down as often as it has events.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

_SECONDS = 1.0
_REST_SECONDS = 30.0
_Found = TypeVar("_Found")


class Patience:
    """`monotonic` in seconds."""

    def __init__(self, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._rest_until = float("-inf")

    def attempt(self, otherwise: str, work: Callable[[Callable[[], None]], _Found]) -> _Found | None:
        """None when it failed, or was not even tried; `otherwise` is what the log then says.

        A row that another version of gatewatch wrote in another form is a failure as well.
        `work` is given a function to call before each request: it raises when the time is up.
        """
        start = self._monotonic()
        if start < self._rest_until:
            return None

        def in_time() -> None:
            if self._monotonic() > start + _SECONDS:
                raise TimeoutError

        try:
            return work(in_time)
        except (ClientError, BotoCoreError, TimeoutError, LookupError, ValueError) as error:
            self._rest_until = self._monotonic() + _REST_SECONDS
            self._log.warning(otherwise, extra={"reason": type(error).__name__})
            return None
