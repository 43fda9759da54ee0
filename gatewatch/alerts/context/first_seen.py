"""When a caller made a call in an account for the first time, as far as remembered.

Only applied calls count, so refused attempts cannot make a call look usual. A call stays new for a day after the first
time: a harmless one just before does not hide the next, and an event that is delivered again gets the same answer.
Nothing is new in the first days of an account, when everything would be.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from gatewatch.alerts.context.call_context import REMEMBERED_DAYS
from gatewatch.alerts.context.principal import principal_of

if TYPE_CHECKING:
    from gatewatch.model.api_call import ApiCall

DAY = 24 * 3600.0
REMEMBERED = REMEMBERED_DAYS * DAY
LEARNING = 14 * DAY
_MAX_KEYS = 100_000


class Sighting(Struct, frozen=True):
    """A call of a caller in an account. `key` is a hash, so that what is stored has a fixed length and no names."""

    account_id: str
    key: str
    at: float


class Seen(Struct, frozen=True):
    """In seconds since 1970: the first and the last call, and since when calls of the account are remembered."""

    first: float
    last: float
    since: float


class FirstSeen(Protocol):
    """What is remembered of callers."""

    def seen(self, sighting: Sighting) -> Seen | None:
        """Remember a call, and return what is known of its like, itself included; None when that is unknown."""
        ...


def sighting_of(call: ApiCall) -> Sighting | None:
    """Return None for a caller without a stable name, and for a call without a time."""
    principal = principal_of(call)
    if not principal or not call.account_id or call.time is None:
        return None
    parts = (principal, call.account_id, call.event_source, call.event_name)
    key = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return Sighting(call.account_id, key, call.time.timestamp())


def is_new(seen: Seen, at: float) -> bool:
    return at - seen.first < DAY and seen.first - seen.since >= LEARNING


class InMemoryFirstSeen:
    """The callers that this process saw most recently."""

    def __init__(self, limit: int = _MAX_KEYS) -> None:
        self._limit = limit
        self._calls: OrderedDict[tuple[str, str], Seen] = OrderedDict()
        self.since: dict[str, float] = {}

    def seen(self, sighting: Sighting) -> Seen:
        since = min(self.since.get(sighting.account_id, sighting.at), sighting.at)
        self.since[sighting.account_id] = since
        key = sighting.account_id, sighting.key
        before = self._calls.pop(key, None)
        found = _after(before, sighting.at, since)
        self._calls[key] = found
        if len(self._calls) > self._limit:
            self._calls.popitem(last=False)
        return found

    def all(self) -> list[tuple[Sighting, Seen]]:
        """Every call that is remembered, with its last time."""
        return [(Sighting(account, key, seen.last), seen) for (account, key), seen in self._calls.items()]


def _after(before: Seen | None, at: float, since: float) -> Seen:
    if before is None or is_forgotten(before.last, at):
        return Seen(at, at, since)
    return Seen(min(before.first, at), max(before.last, at), since)


def is_forgotten(last: float, at: float) -> bool:
    return at - last > REMEMBERED
