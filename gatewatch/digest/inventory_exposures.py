"""Open exposures as the sweep confirms them: what events reported, without what is gone, and what no event reported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.digest.activity import RuleOpened
from gatewatch.digest.open_exposures import OpenExposure, ResolvedExposures
from gatewatch.events.user_identity import UNKNOWN
from gatewatch.inventory.model import ResourceKind
from gatewatch.model.change import Family
from gatewatch.model.exposure import Origin
from gatewatch.model.resource import Impact, Resource, ResourceFacts
from gatewatch.model.security_group import SecurityGroupRule
from gatewatch.rendering.text.resources import last_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gatewatch.inventory.model import OpenItem, RegionInventory

OpeningKey = tuple[str, str, str, str]
"""Account, Region, kind of resource and what `OpenItem.identity` has; no kind for a rule or an entry of a list.

A bucket has no Region, because its name is unique without. Resources of two kinds may have the same name.
"""

_LAG_SECONDS = 60.0  # EC2 is eventually consistent: a reading may miss what was opened just before it
_READ_AS = {Family.SECURITY_GROUP: ResourceKind.RULES, Family.PREFIX_LIST: ResourceKind.PREFIX_LISTS}
_KINDS = {
    ResourceKind.BUCKETS: ("bucket", Impact.SHARED),
    ResourceKind.SNAPSHOTS: ("snapshot", Impact.SHARED),
    ResourceKind.IMAGES: ("image", Impact.SHARED),
    ResourceKind.DATABASES: ("database", Impact.NETWORK_PATH),
    ResourceKind.DATABASE_SNAPSHOTS: ("db_snapshot", Impact.SHARED),
    ResourceKind.DATABASE_CLUSTER_SNAPSHOTS: ("db_cluster_snapshot", Impact.SHARED),
}
_BUCKET = "bucket"


def key_of_opening(opened: RuleOpened) -> OpeningKey:
    if opened.facts is not None:
        resource = opened.facts.resource
        region = "" if resource.kind == _BUCKET else opened.region
        return opened.account, region, resource.kind, last_part(resource.name or "")
    peer = opened.rule.peer.text if opened.rule.peer else ""
    return opened.account, opened.region, "", opened.rule.rule_id or f"{opened.resource_id} {peer}"


def key_of_item(region: RegionInventory, item: OpenItem) -> OpeningKey:
    place = "" if item.kind is ResourceKind.BUCKETS else region.region
    kind, _ = _KINDS.get(item.kind, ("", None))
    return item.owner_id or region.account_id, place, kind, last_part(item.identity)


def with_inventory(found: ResolvedExposures, regions: Sequence[RegionInventory]) -> ResolvedExposures:
    """Return the exposures with those of the last readings, and without rules that a later reading no longer has.

    Of a Region or kind that was not read, and of what happened after a reading, the events alone decide.
    """
    readings = {(each.account_id, each.region): each for each in regions}
    items = {key_of_item(region, item): (region, item) for region in regions for item in region.items}
    known = [each for each in found.open if not _is_gone(each.current, items, readings)]
    closed = {key_of_opening(each.exposure.current): each.at for each in found.closed}
    keys = {key_of_opening(each.current) for each in known}
    added = [
        _exposure(region, item)
        for key, (region, item) in items.items()
        if key not in keys and not (key in closed and closed[key].timestamp() > _seen_after(region, item))
    ]
    opened = [_with_reachability(each, items) for each in known]
    return ResolvedExposures(tuple(sorted([*opened, *added], key=lambda each: each.since)), found.closed)


def _seen_after(region: RegionInventory, item: OpenItem) -> float:
    """Return until when a closing is older than the last reading that found the item."""
    return (item.seen_at or region.at) - _LAG_SECONDS


def _is_gone(
    opened: RuleOpened, items: Mapping[OpeningKey, object], readings: Mapping[tuple[str, str], RegionInventory]
) -> bool:
    reading, kind = readings.get((opened.account, opened.region)), _READ_AS.get(opened.family)
    if reading is None or kind is None or kind in reading.unread:
        return False
    is_identified = bool(opened.rule.rule_id) or kind is ResourceKind.PREFIX_LISTS
    is_earlier = opened.at.timestamp() < reading.at - _LAG_SECONDS
    return is_identified and is_earlier and key_of_opening(opened) not in items


def _with_reachability(
    exposure: OpenExposure, items: Mapping[OpeningKey, tuple[RegionInventory, OpenItem]]
) -> OpenExposure:
    found = items.get(key_of_opening(exposure.current))
    return replace(exposure, reachability=found[1].reachability) if found else exposure


def _exposure(region: RegionInventory, item: OpenItem) -> OpenExposure:
    origin = Origin.OLDER if item.was_there_first else Origin.NO_EVENT
    return OpenExposure((_opened(region, item),), origin, item.reachability)


def _opened(region: RegionInventory, item: OpenItem) -> RuleOpened:
    """Return the item as an event would have reported it, by an unknown actor when it was first seen."""
    family = Family.SECURITY_GROUP if item.kind is ResourceKind.RULES else Family.PREFIX_LIST
    facts = _facts(item)
    return RuleOpened(
        at=datetime.fromtimestamp(item.since, UTC),
        key=f"inventory {region.account_id} {region.region} {item.identity}",
        number=0,
        account=item.owner_id or region.account_id,
        region=region.region,
        actor=UNKNOWN,
        family=Family.PUBLIC_ACCESS if facts else family,
        rule=item.rule or SecurityGroupRule(),
        severity=item.severity,
        group=item.group,
        resource_id=item.resource_id,
        services=item.services,
        facts=facts,
        setting=f"{region.region}/inventory/{item.resource_id}" if facts else "",
    )


def _facts(item: OpenItem) -> ResourceFacts | None:
    if item.kind not in _KINDS:
        return None
    kind, effect = _KINDS[item.kind]
    return ResourceFacts(effect=effect, resource=Resource(kind, item.resource_id))
