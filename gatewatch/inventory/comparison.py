"""Compares a reading with the one before it: what is new, since when, and what no event reported.

EC2 is eventually consistent and events arrive minutes late, so a rule counts as changed without an event only when two
readings at least `CONFIRM_AFTER_SECONDS` apart found it and the rule history still has no event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.alerts.rule_history_table import LOOKUP
from gatewatch.alerts.silent_changes import CONFIRM_AFTER_SECONDS
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gatewatch.alerts.rule_history_table import RuleState


def compare(
    previous: RegionInventory | None,
    current: RegionInventory,
    known: Mapping[str, RuleState],
    unread_ids: Mapping[ResourceKind, Collection[str]] | None = None,
) -> RegionInventory:
    """Return the reading with `since`, and with the rules that no event reported.

    `known` is the rule history when the rules had been read, by id. `unread_ids`: resources of kinds that were read in
    part.
    The first time that a kind is read explains nothing and accuses nothing: what it finds was there first. A reading
    that began before the previous one is dropped.
    """
    seen = [replace(each, seen_at=current.at) for each in current.items]
    if previous is None:
        return replace(current, items=tuple(replace(each, since=current.at, was_there_first=True) for each in seen))
    if current.at <= previous.at:
        return previous
    current = replace(
        current,
        items=(*_kept(previous, current, unread_ids or {}), *seen),
        read_at=_read_at(previous) | current.read_at,
    )
    earlier = {each.identity: each for each in previous.items}
    dated = replace(current, items=tuple(_dated(each, earlier, previous, current.at) for each in current.items))
    return _with_unexplained(dated, previous, earlier, known)


def _kept(
    previous: RegionInventory, current: RegionInventory, unread_ids: Mapping[ResourceKind, Collection[str]]
) -> Iterator[OpenItem]:
    """Yield items of the last reading that this one could not read: what is not read is not closed."""
    found = {each.identity for each in current.items}
    for each in previous.items:
        is_unread = each.kind in current.unread and each.resource_id in unread_ids.get(each.kind, (each.resource_id,))
        if is_unread and each.identity not in found:
            yield each


def _read_at(previous: RegionInventory) -> dict[ResourceKind, float]:
    return {kind: at for kind in ResourceKind if (at := previous.last_read(kind)) is not None}


def _dated(item: OpenItem, earlier: Mapping[str, OpenItem], previous: RegionInventory, at: float) -> OpenItem:
    before = earlier.get(item.identity)
    if before is not None and item.opens_the_same(before):
        return replace(item, since=before.since, absent_at=before.absent_at, was_there_first=before.was_there_first)
    last = previous.last_read(item.kind)
    return replace(item, since=at, absent_at=last or 0.0, was_there_first=last is None)


def _with_unexplained(
    current: RegionInventory,
    previous: RegionInventory,
    earlier: Mapping[str, OpenItem],
    known: Mapping[str, RuleState],
) -> RegionInventory:
    """Return the reading with suspects, and those of them that are confirmed; unchanged if rules were not read."""
    here = {each.identity for each in current.items}
    unreported = {each: at for each, at in previous.unreported.items() if each in here}
    if ResourceKind.RULES in current.unread or previous.last_read(ResourceKind.RULES) is None:
        return replace(current, unexplained=previous.unexplained, unreported=unreported)
    suspects = [
        each
        for each in current.items
        if _is_suspect(each, earlier, previous) and not is_explained(each, known.get(each.identity))
    ]
    first_seen = {each.identity: _first_seen(each, earlier, previous, current.at) for each in suspects}
    confirmed = {each: at for each, at in first_seen.items() if current.at - at >= CONFIRM_AFTER_SECONDS}
    left = {each: at for each, at in first_seen.items() if each not in confirmed}
    return replace(current, unexplained=left, unreported=unreported | confirmed)


def _is_suspect(item: OpenItem, earlier: Mapping[str, OpenItem], previous: RegionInventory) -> bool:
    """Return whether a rule is new, or another than before, or was a suspect before.

    The events of a group that another account shares go to that account, so its rules are never suspects.
    """
    if item.rule is None or not item.rule.rule_id or item.owner_id:
        return False
    return item.identity in previous.unexplained or not _was_there(item, earlier)


def _was_there(item: OpenItem, earlier: Mapping[str, OpenItem]) -> bool:
    before = earlier.get(item.identity)
    return before is not None and item.opens_the_same(before)


def _first_seen(item: OpenItem, earlier: Mapping[str, OpenItem], previous: RegionInventory, at: float) -> float:
    """Return when the rule was first seen as it is now."""
    return previous.unexplained.get(item.identity, at) if _was_there(item, earlier) else at


def is_explained(item: OpenItem, state: RuleState | None) -> bool:
    """Return whether an event made a rule what it is, or a lookup had it so before the reading that did not list it.

    A rule is not listed while an earlier policy took it for harmless. A lookup after that reading explains nothing:
    functions/alert makes one whenever a call changes the group.
    """
    rule = item.rule
    if rule is None or state is None:
        return False
    is_same = (state.now.traffic, state.now.peer) == (rule.traffic, rule.peer)
    return is_same and (state.by != LOOKUP or state.at <= item.absent_at)
