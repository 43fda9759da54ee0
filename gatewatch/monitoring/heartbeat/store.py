"""The last canary of every account and Region, and the reported state: rows of the hub table.

A row holds the Regions of all accounts whose id ends in the same two digits, so that one request reads all of them
without scanning the delivery ledger in the same table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows, RowKind
from gatewatch.events.canary import AccountRegion

if TYPE_CHECKING:
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.events.canary import Canary

_SHARDS = [f"{number:02}" for number in range(100)]  # BatchGetItem takes a hundred keys
_REPORTED_KEY = "reported"


class ReportedState(Struct, frozen=True):
    """What was reported: silent Regions with the time of their last canary, and accounts that never sent one.

    `since` is the time of the first heartbeat. Times are in seconds since 1970.
    """

    since: int
    silent: dict[str, int] = {}
    never_reported: tuple[str, ...] = ()


CANARIES = RowKind(prefix="canaries", name="the canaries")
REPORTED = JsonRows(prefix="heartbeat", name="the reported state", value_type=ReportedState)


class HeartbeatStore:
    def __init__(self, table: HubTable) -> None:
        self._table = table

    def record(self, canary: Canary) -> None:
        """Save the time of a canary unless it is older."""
        self._table.update(
            CANARIES,
            canary.origin.account_id[-2:],
            "SET #origin = :time",
            {":time": canary.time},
            ConditionExpression="attribute_not_exists(#origin) OR #origin < :time",
            ExpressionAttributeNames={"#origin": str(canary.origin)},
        )

    def last_canaries(self) -> dict[AccountRegion, int]:
        """Return the time of the last canary of every Region that ever sent one."""
        rows = self._table.attributes_of_many(CANARIES, _SHARDS)
        return {AccountRegion.parse(name): int(time) for _, row in rows for name, time in row.items()}

    def reported(self, now: int) -> ReportedState:
        """Return the reported state, which is empty before the first heartbeat."""
        return self._table.get(REPORTED, _REPORTED_KEY) or ReportedState(since=now)

    def save_reported(self, reported: ReportedState) -> None:
        self._table.put(REPORTED, _REPORTED_KEY, reported)
