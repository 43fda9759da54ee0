"""The last reading of each account and Region, in the hub table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.aws.hub_table import JsonRows
from gatewatch.inventory.model import AccountInventory, RegionInventory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.aws.hub_table import HubTable

_LIFETIME = 90 * 24 * 3600
_STATE_KEY = "sweep"


class SweepState(Struct, frozen=True):
    """`started`: the last sweep, in seconds since 1970. `is_baseline_reported`: after the first sweep."""

    started: float
    is_baseline_reported: bool = False


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
        return self._table.get(REGIONS, f"{account_id}#{region}")

    def save_region(self, inventory: RegionInventory) -> None:
        self._table.put(REGIONS, f"{inventory.account_id}#{inventory.region}", inventory)

    def save_account(self, account: AccountInventory) -> None:
        self._table.put(ACCOUNTS, account.account_id, account)

    def accounts(self, account_ids: Iterable[str]) -> list[AccountInventory]:
        """Return the accounts that were read, in the order of their ids."""
        return [account for _, account in sorted(self._table.get_many(ACCOUNTS, account_ids))]

    def regions(self, accounts: Iterable[AccountInventory]) -> list[RegionInventory]:
        """Return the last reading of every Region, in order."""
        keys = [f"{each.account_id}#{region}" for each in accounts for region in each.regions]
        return [inventory for _, inventory in sorted(self._table.get_many(REGIONS, keys), key=lambda pair: pair[0])]

    def state(self) -> SweepState | None:
        return self._table.get(STATE, _STATE_KEY)

    def save_state(self, state: SweepState) -> None:
        self._table.put(STATE, _STATE_KEY, state)
