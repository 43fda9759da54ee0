"""What stands open now: the last readings of the sweep, joined with the openings of the activity log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.suppression import ChangeContext, find_possible_suppression
from gatewatch.digest.inventory_exposures import key_of_item, key_of_opening
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.readings import Readings
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.model.api_call import Actor
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.exposure import Origin
from gatewatch.model.reachability import Verdict
from gatewatch.rendering.text.resources import last_part
from gatewatch.rendering.time_text import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gatewatch.config.settings import Settings
    from gatewatch.digest.activity import ExposureStep
    from gatewatch.digest.inventory_exposures import OpeningKey
    from gatewatch.digest.open_exposures import OpenExposure
    from gatewatch.inventory.model import OpenItem, RegionInventory

_DAY_SECONDS = 24 * 3600
_MAX_PRINCIPALS = 3
_UNKNOWN_ACTOR = Actor(UNKNOWN, UNKNOWN)
_REACHABLE_FIRST = {Verdict.REACHABLE: 0, Verdict.UNKNOWN: 1, None: 1, Verdict.NOT_REACHABLE: 2}


class OpenRow(Struct, frozen=True):
    """A rule, an entry of a prefix list or a resource. `resource`: id of the group, list or resource.

    `layer`: what stops a connection, or what could not be read. `since`: in RFC 3339, the opening by an event, else the
    first reading that found it. `opened_by`: empty without an event. `exception`: the id of one that may cover it.
    """

    severity: str
    account: str
    alias: str
    region: str
    kind: str
    resource: str
    name: str
    rule: str
    allows: str
    reachable: str
    layer: str
    since: str
    days: int
    origin: str
    opened_by: str
    owner: str
    exception: str


class OpenReport(Struct, frozen=True):
    """`rows`: the worst first, then what can be reached, then the oldest."""

    rows: tuple[OpenRow, ...]
    readings: Readings


def open_report(readings: Readings, steps: Iterable[ExposureStep], settings: Settings, now: float) -> OpenReport:
    """Join the readings with the steps of the activity log."""
    return OpenReport(tuple(rows_of(readings.regions, openers(steps), settings, now)), readings)


def openers(steps: Iterable[ExposureStep]) -> dict[OpeningKey, OpenExposure]:
    """Return the open exposures of the activity log by what they opened."""
    return {key_of_opening(each.current): each for each in resolve_exposures(steps).open}


def rows_of(
    regions: Sequence[RegionInventory], opened: Mapping[OpeningKey, OpenExposure], settings: Settings, now: float
) -> list[OpenRow]:
    """Return a row for each item: the worst first, then what can be reached, then the oldest."""
    pairs = [(region, item) for region in regions for item in region.items]
    ordered = sorted(pairs, key=lambda pair: _order(pair[1]))
    return [_row(each, item, opened.get(key_of_item(each, item)), settings, now) for each, item in ordered]


def _order(item: OpenItem) -> tuple[int, int, float]:
    verdict = item.reachability.verdict if item.reachability else None
    return -item.severity.rank, _REACHABLE_FIRST[verdict], item.since


def _row(
    region: RegionInventory, item: OpenItem, exposure: OpenExposure | None, settings: Settings, now: float
) -> OpenRow:
    account, reachability = settings.account(item.owner_id or region.account_id), item.reachability
    since = exposure.since if exposure else datetime.fromtimestamp(item.since, UTC)
    return OpenRow(
        severity=item.severity.value,
        account=region.account_id,
        alias=settings.account(region.account_id).alias,
        region=region.region,
        kind=item.kind.value,
        resource=item.group.id or item.resource_id,
        name=_name(item),
        rule=(item.rule and item.rule.rule_id) or "",
        allows=item.text,
        reachable=reachability.verdict.value if reachability else "",
        layer=reachability.layer.value if reachability and reachability.layer else "",
        since=rfc3339(since),
        days=int((now - since.timestamp()) // _DAY_SECONDS),
        origin=_origin(item, exposure).value,
        opened_by=exposure.actor if exposure else "",
        owner=account.owner or "",
        exception=_exception(region, item, settings, now),
    )


def _name(item: OpenItem) -> str:
    """Return the name of a group, with the account that shares it, or with those that it is shared with."""
    by = item.owner_id and f"(shared by {item.owner_id})"
    return " ".join(each for each in (item.group.name, by, _shared_with(item.shared_with)) if each)


def _shared_with(principals: Sequence[str]) -> str:
    names = [last_part(each) for each in principals[:_MAX_PRINCIPALS]]
    more = len(principals) - len(names)
    return f"(shared with {', '.join(names)}{f' +{more}' if more else ''})" if names else ""


def _origin(item: OpenItem, exposure: OpenExposure | None) -> Origin:
    if exposure:
        return Origin.EVENT
    return Origin.OLDER if item.was_there_first else Origin.NO_EVENT


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
