"""Rows of `gatewatch open`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.suppression import ChangeContext, find_possible_suppression
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.api_call import Actor
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.reachability import Verdict
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import ExposureStep
    from gatewatch.digest.open_exposures import OpenExposure
    from gatewatch.inventory.model import OpenItem, RegionInventory

_DAY_SECONDS = 24 * 3600
_UNKNOWN_ACTOR = Actor(UNKNOWN, UNKNOWN)
_REACHABLE_FIRST = {Verdict.REACHABLE: 0, Verdict.UNKNOWN: 1, None: 1, Verdict.NOT_REACHABLE: 2}

RuleKey = tuple[str, str, str]


class OpenRow(Struct, frozen=True):
    """`reachable`: the answer, with the layer in brackets. `exception`: the id of one that may cover it."""

    severity: str
    account: str
    alias: str
    region: str
    kind: str
    resource: str
    allows: str
    reachable: str
    since: str
    days: int
    opened_by: str
    owner: str
    exception: str


def openers(steps: Iterable[ExposureStep]) -> dict[RuleKey, OpenExposure]:
    """Return the open exposures of the activity log by account, Region and rule id."""
    found = resolve_exposures(steps).open
    return {(each.current.account, each.current.region, each.current.rule.rule_id or ""): each for each in found}


def rows_of(
    regions: Sequence[RegionInventory], opened: Mapping[RuleKey, OpenExposure], settings: Settings, now: float
) -> list[OpenRow]:
    """Return a row for each item: the worst first, then what can be reached, then the oldest."""
    pairs = [(region, item) for region in regions for item in region.items]
    ordered = sorted(pairs, key=lambda pair: _order(pair[1]))
    return [_row(region, item, opened, settings, now) for region, item in ordered]


def _order(item: OpenItem) -> tuple[int, int, float]:
    verdict = item.reachability.verdict if item.reachability else None
    return -item.severity.rank, _REACHABLE_FIRST[verdict], item.since


def _row(
    region: RegionInventory, item: OpenItem, opened: Mapping[RuleKey, OpenExposure], settings: Settings, now: float
) -> OpenRow:
    account = settings.account(region.account_id)
    rule_id = item.rule.rule_id if item.rule else None
    exposure = opened.get((region.account_id, region.region, rule_id or ""))
    since = exposure.since.timestamp() if exposure else item.since
    return OpenRow(
        severity=item.severity.value,
        account=region.account_id,
        alias=account.alias,
        region=region.region,
        kind=item.kind.value,
        resource=" ".join(each for each in (item.group.name, item.group.id, item.resource_id, rule_id) if each),
        allows=item.text,
        reachable=_reachable(item),
        since=("before " if item.was_there_first and not exposure else "") + utc_minute(since),
        days=int((now - since) // _DAY_SECONDS),
        opened_by=exposure.actor if exposure else "older than gatewatch" if item.was_there_first else "unknown",
        owner=account.owner or "",
        exception=_exception(region, item, settings, now),
    )


def _reachable(item: OpenItem) -> str:
    found = item.reachability
    if found is None:
        return ""
    return found.verdict.value + (f" ({found.layer.value})" if found.layer else "")


def _exception(region: RegionInventory, item: OpenItem, settings: Settings, now: float) -> str:
    """Return the exception that may cover the rule; who opened it is not known, so it cannot be certain."""
    if item.rule is None or not item.group.id:
        return ""
    change = Change(
        family=Family.SECURITY_GROUP,
        action=Action.AUTHORIZE,
        outcome=Outcome.APPLIED,
        group=item.group,
        rule=item.rule,
    )
    context = ChangeContext(settings.account(region.account_id), region.region, _UNKNOWN_ACTOR)
    found = find_possible_suppression(context, change, settings.exceptions, datetime.fromtimestamp(now, UTC))
    return found.exception.id if found else ""
