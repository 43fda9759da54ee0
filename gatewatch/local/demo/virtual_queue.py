"""The queue of the sweep in virtual time: what is delayed comes due as soon as nothing earlier is left."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.inventory.tasks import TaskQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.inventory.tasks import SweepTask


class VirtualTaskQueue(TaskQueue):
    """`now` is in seconds since 1970; it stands still but for tasks that come due."""

    def __init__(self, now: float) -> None:
        super().__init__(None, "")  # type: ignore[arg-type]
        self.now = now
        self._number = count()
        self._due: list[tuple[float, int, SweepTask]] = []

    def _send(self, tasks: list[tuple[SweepTask, int]]) -> None:
        for task, delay in tasks:
            heappush(self._due, (self.now + delay, next(self._number), task))

    def drain(self, handle: Callable[[dict[str, Any]], None]) -> None:
        """Work off every task, also those that others add, each at its time."""
        while self._due:
            due, _, task = heappop(self._due)
            self.now = max(self.now, due)
            handle({"body": msgspec.json.encode(task).decode()})
