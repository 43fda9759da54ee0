"""What the sweep read last of the accounts, and what it did not read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.inventory.model import AccountInventory, RegionInventory
from gatewatch.model.digest import ReadingSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.inventory.store import InventoryStore

NOT_READ_YET, NO_READ_ROLE = "NotReadYet", "NoReadRole"


class Readings(Struct, frozen=True):
    """`unread`: accounts, Regions and kinds of resources with the error code, such as `111122223333: AccessDenied`."""

    accounts: tuple[AccountInventory, ...]
    regions: tuple[RegionInventory, ...]
    unread: tuple[str, ...]

    @property
    def since(self) -> float | None:
        """Time of the oldest reading, in seconds since 1970; None without any."""
        return min((each.at for each in self.regions), default=None)

    @property
    def summary(self) -> ReadingSummary | None:
        """Return None when nothing was read."""
        if self.since is None:
            return None
        since = datetime.fromtimestamp(self.since, UTC)
        read = {each.account_id for each in self.regions}
        return ReadingSummary(len(read), len(self.regions), since, self.unread)


def last_readings(store: InventoryStore, account_ids: Iterable[str], settings: Settings) -> Readings:
    """Return the last readings of accounts. Raises `HubTableError`."""
    wanted = sorted(set(account_ids))
    accounts = store.accounts(wanted)
    regions = store.regions(accounts)
    unread = (*_missing(wanted, accounts, settings), *_unread(accounts, regions))
    return Readings(tuple(accounts), tuple(regions), unread)


def _missing(wanted: Iterable[str], found: Iterable[AccountInventory], settings: Settings) -> Iterator[str]:
    """Yield the accounts that no sweep has read."""
    known = {each.account_id for each in found}
    for account_id in wanted:
        if account_id not in known:
            yield f"{account_id}: {NOT_READ_YET if settings.account(account_id).read_role else NO_READ_ROLE}"


def _unread(accounts: Iterable[AccountInventory], regions: Iterable[RegionInventory]) -> Iterator[str]:
    yield from (f"{each.account_id}: {each.error}" for each in accounts if each.error)
    read = {(each.account_id, each.region) for each in regions}
    for account in accounts:
        late = (each for each in account.regions if (account.account_id, each) not in read)
        yield from (f"{account.account_id} {each}: {NOT_READ_YET}" for each in late)
    for region in regions:
        for code in dict.fromkeys(region.unread.values()):
            kinds = ", ".join(kind for kind, each in region.unread.items() if each == code)
            yield f"{region.account_id} {region.region} {kinds}: {code}"
