"""The open groups in the hub table, shared by all execution environments of functions/alert.

It never delays or fails a message for long: a group that the table does not return in time is not known to be open.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.open_groups import Rules
from gatewatch.aws.hub_rows import JsonRows
from gatewatch.aws.time_budget import TimeBudget
from gatewatch.model.exposure import RuleRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from logging import Logger

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.api_call import ApiCall

_MAX_RULES = 100  # EC2 allows 60 inbound rules by default, and one of them is enough


class OpenRules(Struct, frozen=True):
    """The rules of one group that open sensitive ports to the internet."""

    rules: tuple[RuleRef, ...] = ()


OPEN_GROUPS = JsonRows(
    prefix="open-group",
    name="the open groups",
    lifetime=400 * 24 * 3600,
    value_type=OpenRules,
    skips_undecodable=True,
)


class DynamoOpenGroups:
    """The client of `table` should time out within a second. `monotonic` returns seconds."""

    def __init__(self, table: HubTable, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._budget = TimeBudget(log, monotonic)

    def rules_before(self, call: ApiCall, group_ids: Collection[str]) -> Mapping[str, Rules]:
        found: dict[str, Rules] = {}
        self._budget.run("open groups not read", partial(self._read, call.account_id, group_ids, found))
        return found

    def save_after(self, call: ApiCall, rules: Mapping[str, Rules]) -> None:
        rows = {
            _key(call.account_id, group_id): OpenRules(tuple(sorted(open_rules)[:_MAX_RULES])) if open_rules else None
            for group_id, open_rules in rules.items()
        }
        self._budget.run("open groups not written", partial(self._table.put_many, OPEN_GROUPS, rows))

    def _read(
        self, account_id: str, group_ids: Collection[str], found: dict[str, Rules], check_time: Callable[[], None]
    ) -> None:
        keys = {_key(account_id, each): each for each in group_ids}
        for key, row in self._table.get_many(OPEN_GROUPS, list(keys), check_time):
            found[keys[key]] = Rules(row.rules)


def _key(account_id: str, group_id: str) -> str:
    return f"{account_id}#{group_id}"
