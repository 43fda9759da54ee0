"""Circuit breaker: makes no requests for a while after a failure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CircuitBreaker:
    """Open by name, such as an account id or a Region. `monotonic` returns seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._open_until: dict[str, float] = {}

    def is_open(self, *names: str) -> bool:
        """Return whether requests are paused for any of the names."""
        now = self._monotonic()
        return any(self._open_until.get(name, now) > now for name in names)

    def open(self, name: str, seconds: float) -> None:
        self._open_until[name] = self._monotonic() + seconds
