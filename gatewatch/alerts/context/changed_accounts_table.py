"""Changed accounts in the hub table: one row per name and hour.

When the table does not answer in time, nothing is said about other accounts.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from gatewatch.alerts.context.changed_accounts import HOUR, MAX_ENTRIES, account_entry, count_accounts
from gatewatch.aws.hub_rows import RowKind
from gatewatch.aws.time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.alerts.context.changed_accounts import AccountChange
    from gatewatch.aws.hub_table import HubTable

CHANGED_ACCOUNTS = RowKind(prefix="changed-accounts", name="changed accounts", lifetime=24 * HOUR)
_IS_BOUNDED = "attribute_not_exists(entries) OR contains(entries, :entry) OR size(entries) < :max"


class DynamoChangedAccounts:
    """The client of `table` should time out within a second. `monotonic` returns seconds."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._budget = TimeBudget(log, monotonic)

    def count(self, change: AccountChange) -> int:
        return self._budget.run("changed accounts not counted", partial(self._count, change)) or 0

    def _count(self, change: AccountChange, check_time: Callable[[], None]) -> int:
        hour, entry = change.at // HOUR, account_entry(change)
        check_time()
        current = self._table.update(
            CHANGED_ACCOUNTS,
            f"{change.name}#{hour}",
            "ADD entries :own",
            {":own": {entry}, ":entry": entry, ":max": MAX_ENTRIES},
            ConditionExpression=_IS_BOUNDED,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        check_time()
        earlier = self._table.attributes(CHANGED_ACCOUNTS, f"{change.name}#{hour - 1}")
        return count_accounts(change, current.attributes["entries"] | earlier.get("entries", set()))
