"""The last reading of each account and Region, in the hub table.

DynamoDB takes 400 KB a row, so the items of a large Region continue in further rows. Their keys have the time of the
reading: the first row always belongs to complete ones, whenever a process ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gatewatch.aws.hub_rows import JsonRows
from gatewatch.inventory.model import AccountInventory, RegionInventory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.inventory.model import OpenItem

_LIFETIME = 90 * 24 * 3600
_STATE_KEY = "sweep"
_ITEMS_PER_ROW = 1_000  # 330 bytes each, compressed, when every name and id in them is random


class SweepState(Struct, frozen=True, omit_defaults=True):
    """`started`: the last sweep, in seconds since 1970. `is_baseline_reported`: after the first sweep.

    `is_reported`: the report of the last sweep was made. `known`: the accounts of a baseline that was reported; None
    in a row of an older version. `gaps`: a digest of the gaps of each account that were reported.
    """

    started: float
    is_baseline_reported: bool = False
    is_reported: bool = False
    known: tuple[str, ...] | None = None
    gaps: dict[str, str] = {}


REGIONS = JsonRows(
    prefix="inventory",
    name="the inventory of a Region",
    lifetime=_LIFETIME,
    value_type=RegionInventory,
    skips_undecodable=True,
    is_compressed=True,
)
ACCOUNTS = JsonRows(
    prefix="inventory-account",
    name="the Regions of an account",
    lifetime=_LIFETIME,
    value_type=AccountInventory,
    skips_undecodable=True,
)
STATE = JsonRows(prefix="inventory-state", name="the state of the sweep", value_type=SweepState)


class InventoryStore:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def region(self, account_id: str, region: str) -> RegionInventory | None:
        """Return the last reading; None without one, or when a part of it is gone."""
        first = self._table.get(REGIONS, f"{account_id}#{region}")
        return self._joined([first])[0] if first else None

    def update_region(
        self, account_id: str, region: str, change: Callable[[RegionInventory | None], RegionInventory]
    ) -> RegionInventory:
        """Write what `change` returns for the last reading, and return it.

        `change` is called again when another process wrote the Region in between.
        """
        written: list[RegionInventory] = []

        def first_row(first: RegionInventory | None) -> RegionInventory:
            after = change(self._joined([first])[0] if first else None)
            written[:] = [after]
            return self._split(after)

        self._table.modify(REGIONS, f"{account_id}#{region}", first_row)
        return written[0]

    def _split(self, inventory: RegionInventory) -> RegionInventory:
        """Write the further rows of an inventory and return its first row."""
        chunks = _chunks(inventory.items) or [()]
        rows = [_with_items(inventory, each) for each in chunks]
        self._table.put_many(REGIONS, dict(zip(_part_keys(inventory, len(rows) - 1), rows[1:], strict=True)))
        return replace(rows[0], parts=len(rows) - 1)

    def _joined(self, first_rows: Sequence[RegionInventory]) -> list[RegionInventory | None]:
        keys = {key: None for each in first_rows for key in _part_keys(each, each.parts)}
        rows = dict(self._table.get_many(REGIONS, keys)) if keys else {}
        return [_join(each, [rows.get(key) for key in _part_keys(each, each.parts)]) for each in first_rows]

    def save_account(self, account: AccountInventory) -> None:
        self._table.put(ACCOUNTS, account.account_id, account)

    def accounts(self, account_ids: Iterable[str]) -> list[AccountInventory]:
        """Return the accounts that were read, in the order of their ids."""
        return [account for _, account in sorted(self._table.get_many(ACCOUNTS, account_ids))]

    def regions(self, accounts: Iterable[AccountInventory]) -> list[RegionInventory]:
        """Return the last reading of every Region, in order."""
        keys = [f"{each.account_id}#{region}" for each in accounts for region in each.regions]
        found = sorted(self._table.get_many(REGIONS, keys), key=lambda pair: pair[0])
        return [each for each in self._joined([first for _, first in found]) if each]

    def state(self) -> SweepState | None:
        return self._table.get(STATE, _STATE_KEY)

    def save_state(self, state: SweepState) -> None:
        self._table.put(STATE, _STATE_KEY, state)


def _chunks(items: Sequence[OpenItem]) -> list[Sequence[OpenItem]]:
    return [items[start : start + _ITEMS_PER_ROW] for start in range(0, len(items), _ITEMS_PER_ROW)]


def _part_keys(inventory: RegionInventory, parts: int) -> list[str]:
    return [f"{inventory.account_id}#{inventory.region}#{inventory.at!r}#{number}" for number in range(1, parts + 1)]


def _with_items(inventory: RegionInventory, items: Sequence[OpenItem]) -> RegionInventory:
    """Return the inventory with a part of its items, and what belongs to these."""
    here = {each.identity for each in items}
    unexplained, unreported = (
        {each: at for each, at in times.items() if each in here}
        for times in (inventory.unexplained, inventory.unreported)
    )
    return replace(inventory, items=tuple(items), unexplained=unexplained, unreported=unreported)


def _join(first: RegionInventory, parts: Sequence[RegionInventory | None]) -> RegionInventory | None:
    rows = [first, *(each for each in parts if each)]
    if len(rows) <= len(parts):
        return None
    return replace(
        first,
        items=tuple(item for row in rows for item in row.items),
        unexplained={each: at for row in rows for each, at in row.unexplained.items()},
        unreported={each: at for row in rows for each, at in row.unreported.items()},
        parts=0,
    )
