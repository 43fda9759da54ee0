"""Compares what the sweep reads with what sends canaries: where only one of both looks, and where nobody does."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, json

from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.model import AccountInventory, RegionInventory, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatewatch.config.settings import Settings
    from gatewatch.inventory.store import InventoryStore

OVERDUE_SECONDS = 2 * 24 * 3600
_NEVER, _OVERDUE = "NeverRead", "NotReadForTwoDays"


class GapKind(StrEnum):
    NO_ROLE = "no_role"
    UNREAD = "unread"
    NO_EVENTS = "no_events"


class Gap(Struct, frozen=True, order=True):
    """`regions` is empty for a whole account. `reason`: the code of the error, if it is not read."""

    account_id: str
    kind: GapKind
    regions: tuple[str, ...] = ()
    reason: str = ""


class Coverage(Struct, frozen=True, kw_only=True):
    """`canaries`: Regions that ever sent one. `account_ids`: the accounts that the sweep reads."""

    account_ids: Collection[str]
    accounts: Collection[AccountInventory]
    regions: Sequence[RegionInventory]
    canaries: Collection[AccountRegion]
    now: float


def swept_accounts(settings: Settings, canaries: Iterable[AccountRegion]) -> list[str]:
    """Return the accounts that have a lookup role: those of accounts.yaml, and those that send canaries."""
    known = {*settings.accounts, *(each.account_id for each in canaries)}
    return sorted(each for each in known if settings.account(each).read_role)


def read_coverage(
    store: InventoryStore, canaries: Collection[AccountRegion], settings: Settings, now: float
) -> Coverage:
    """Raises `HubTableError`."""
    account_ids = swept_accounts(settings, canaries)
    accounts = store.accounts(account_ids)
    regions = store.regions(accounts)
    return Coverage(account_ids=account_ids, accounts=accounts, regions=regions, canaries=canaries, now=now)


def find_gaps(coverage: Coverage, settings: Settings) -> list[Gap]:
    """Return the gaps by account. None without a lookup role anywhere: then nobody wants a sweep."""
    if not settings.read_roles:
        return []
    sending = _by_account((each.account_id, each.region) for each in coverage.canaries)
    without_role = (Gap(each, GapKind.NO_ROLE) for each in sending if each not in coverage.account_ids)
    return sorted([*without_role, *_unread(coverage, sending), *_without_events(coverage, sending)])


def _unread(coverage: Coverage, sending: Mapping[str, set[str]]) -> Iterator[Gap]:
    accounts = {each.account_id: each for each in coverage.accounts}
    read = {(each.account_id, each.region): each for each in coverage.regions}
    for account_id in coverage.account_ids:
        account = accounts.get(account_id)
        if account is None or account.error:
            yield Gap(account_id, GapKind.UNREAD, reason=account.error if account else _NEVER)
            continue
        reasons: dict[str, set[str]] = defaultdict(set)
        for region in {*account.regions, *sending.get(account_id, ())}:
            if reason := _reason(read.get((account_id, region)), coverage.now):
                reasons[reason].add(region)
        yield from (Gap(account_id, GapKind.UNREAD, tuple(sorted(each)), why) for why, each in reasons.items())


def _reason(inventory: RegionInventory | None, now: float) -> str:
    """Return why the rules of a Region are not known, or are older than two days; empty if they are known."""
    if inventory is None:
        return _NEVER
    last = inventory.last_read(ResourceKind.RULES)
    if last is not None and now - last < OVERDUE_SECONDS:
        return ""
    return inventory.unread.get(ResourceKind.RULES, _NEVER if last is None else _OVERDUE)


def _without_events(coverage: Coverage, sending: Mapping[str, set[str]]) -> Iterator[Gap]:
    for account in coverage.accounts:
        silent = set() if account.error else {*account.regions} - sending.get(account.account_id, set())
        if silent:
            yield Gap(account.account_id, GapKind.NO_EVENTS, tuple(sorted(silent)))


def _by_account(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for account_id, region in pairs:
        found[account_id].add(region)
    return found


def gap_digests(gaps: Iterable[Gap]) -> dict[str, str]:
    """Return a short digest of the gaps of each account, by account id."""
    by_account: dict[str, list[Gap]] = defaultdict(list)
    for each in gaps:
        by_account[each.account_id].append(each)
    return {account_id: _digest(each) for account_id, each in by_account.items()}


def _digest(gaps: Sequence[Gap]) -> str:
    return hashlib.sha256(json.encode(gaps)).hexdigest()[:12]


def is_complete(coverage: Coverage, started: float) -> bool:
    """Whether every account and Region was tried since the sweep started."""
    tried = {(each.account_id, each.region) for each in coverage.regions if each.at >= started}
    done = {each.account_id for each in coverage.accounts if each.at >= started and _is_done(each, tried)}
    return done >= {*coverage.account_ids}


def _is_done(account: AccountInventory, tried: Collection[tuple[str, str]]) -> bool:
    return bool(account.error) or all((account.account_id, each) in tried for each in account.regions)
