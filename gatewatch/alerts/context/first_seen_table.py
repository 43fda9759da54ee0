"""First calls in the hub table, shared by all execution environments of functions/alert.

One row per caller, account and call, written at most once a day; one per account with the time since when calls are
remembered. When the table does not answer in time, nothing is said about the call.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from gatewatch.alerts.context.first_seen import DAY, REMEMBERED, Seen, is_forgotten
from gatewatch.aws.hub_rows import RowKind
from gatewatch.aws.time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from logging import Logger

    from gatewatch.alerts.context.first_seen import Sighting
    from gatewatch.aws.hub_table import HubTable

FIRST_CALLS = RowKind(prefix="first-call", name="first calls", lifetime=int(REMEMBERED))
REMEMBERED_SINCE = RowKind(prefix="first-call-since", name="first calls")
_IS_A_DAY_OLD = "attribute_not_exists(last_at) OR last_at < :yesterday"
_MAX_KEYS = 10_000


class FirstCallRows:
    """The two kinds of rows. Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def add(self, sighting: Sighting, first: float) -> float:
        """Remember a call, and return when it was made for the first time: `first` unless an earlier one is known."""
        before = self._table.update(
            FIRST_CALLS,
            sighting.key,
            "SET first_at = if_not_exists(first_at, :first), last_at = :at",
            {":first": first, ":at": sighting.at, ":yesterday": sighting.at - DAY},
            ConditionExpression=_IS_A_DAY_OLD,
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ).attributes
        if not before:
            return first
        if is_forgotten(before["last_at"], sighting.at):  # DynamoDB deletes an expired row some days later
            self._table.update(FIRST_CALLS, sighting.key, "SET first_at = :first", {":first": first})
            return first
        return float(before["first_at"])

    def remembered_since(self, account_ids: Collection[str]) -> dict[str, float]:
        """Return since when calls are remembered, by account; without the accounts of which none is."""
        rows = self._table.attributes_of_many(REMEMBERED_SINCE, account_ids)
        return {account_id: float(row["since_at"]) for account_id, row in rows}

    def fill(self, sighting: Sighting, first: float) -> bool:
        """Remember a call of the past, from its first to its last time; False when the row is as old already."""
        return self._table.update(
            FIRST_CALLS,
            sighting.key,
            "SET first_at = :first, last_at = if_not_exists(last_at, :at)",
            {":first": first, ":at": sighting.at},
            ConditionExpression="attribute_not_exists(first_at) OR first_at > :first",
        ).is_applied

    def since(self, account_id: str, at: float) -> float:
        """Return since when calls of an account are remembered: `at` unless an earlier time is known."""
        written = self._table.update(
            REMEMBERED_SINCE,
            account_id,
            "SET since_at = :at",
            {":at": at},
            ConditionExpression="attribute_not_exists(since_at) OR since_at > :at",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return at if written.is_applied else float(written.attributes["since_at"])


class DynamoFirstSeen:
    """The client of `table` should time out within a second. `monotonic` returns seconds."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rows = FirstCallRows(table)
        self._budget = TimeBudget(log, monotonic)
        self._since: dict[str, float] = {}
        self._known: OrderedDict[str, Seen] = OrderedDict()

    def seen(self, sighting: Sighting) -> Seen | None:
        known = self._known.get(sighting.key)
        if known and abs(sighting.at - known.last) < DAY:
            return known
        found = self._budget.run("first calls not read", partial(self._seen, sighting))
        if found:
            self._known[sighting.key] = found
            self._known.move_to_end(sighting.key)
            if len(self._known) > _MAX_KEYS:
                self._known.popitem(last=False)
        return found

    def _seen(self, sighting: Sighting, check_time: Callable[[], None]) -> Seen:
        account_id = sighting.account_id
        if account_id not in self._since:
            check_time()
            self._since[account_id] = self._rows.since(account_id, sighting.at)
        check_time()
        first = self._rows.add(sighting, sighting.at)
        return Seen(first, sighting.at, self._since[account_id])
