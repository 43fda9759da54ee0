"""How many accounts callers of one name changed in the last hour.

Only applied changes count. An attacker may create a role of the name of another one, so the number says nothing about
who it was, and it decides nothing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from gatewatch.alerts.context.principal import name_in_all_accounts

if TYPE_CHECKING:
    from gatewatch.model.api_call import ApiCall

HOUR = 3600
SLOT = 600  # seconds: an account is listed once in each, so the hour is exact to ten minutes
_MAX_NAMES = 10_000
MAX_ENTRIES = 200  # of one name in one hour; further accounts are not counted


class AccountChange(Struct, frozen=True):
    """A change by a caller of this name. `name` is a hash, so that what is stored has a fixed length and no names."""

    name: str
    account_id: str
    at: int


class ChangedAccounts(Protocol):
    """The accounts that callers changed lately."""

    def count(self, change: AccountChange) -> int:
        """Remember a change, and return how many accounts the callers of its name changed in the hour before it."""
        ...


def account_change_of(call: ApiCall) -> AccountChange | None:
    """Return None for a caller without a stable name, and for a call without a time."""
    name = name_in_all_accounts(call)
    if not name or not call.account_id or call.time is None:
        return None
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return AccountChange(digest, call.account_id, int(call.time.timestamp()))


def account_entry(change: AccountChange) -> str:
    return f"{change.at // SLOT} {change.account_id}"


def count_accounts(change: AccountChange, entries: set[str]) -> int:
    """Events may arrive out of order, so what comes within the next hour counts too."""
    slot = change.at // SLOT
    listed = [each.split(" ", 1) for each in entries]
    return len({account for at, account in listed if abs(int(at) - slot) <= HOUR // SLOT} | {change.account_id})


class InMemoryChangedAccounts:
    """The callers that this process saw most recently."""

    def __init__(self, limit: int = _MAX_NAMES) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[str, int], set[str]] = OrderedDict()

    def count(self, change: AccountChange) -> int:
        hour = change.at // HOUR
        current = self._entries.setdefault((change.name, hour), set())
        self._entries.move_to_end((change.name, hour))
        if len(current) < MAX_ENTRIES:
            current.add(account_entry(change))
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
        return count_accounts(change, current | self._entries.get((change.name, hour - 1), set()))
