"""A limit on the number of API calls of one reading, so that a large account keeps its request quota."""

from __future__ import annotations

from typing import Any

from gatewatch.errors import GatewatchError


class BudgetExceededError(GatewatchError):
    """The reading made as many calls as it may."""

    code = "BudgetExceeded"


class CallBudget:
    """Counts the requests of clients that it watches, retries included."""

    def __init__(self, limit: int) -> None:
        self.calls = 0
        self._limit = limit
        self._watched: list[Any] = []

    def watch(self, client: Any) -> Any:
        """Return the client; its requests raise `BudgetExceededError` when the limit is reached."""
        client.meta.events.register("before-send", self._count)
        self._watched.append(client)
        return client

    def release(self) -> None:
        """Count no further requests: the clients may be used after the reading."""
        for client in self._watched:
            client.meta.events.unregister("before-send", self._count)

    def _count(self, **_event: Any) -> None:
        if self.calls >= self._limit:
            raise BudgetExceededError("the reading made as many API calls as it may")
        self.calls += 1
