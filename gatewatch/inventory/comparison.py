"""Compares a reading with the one before it: what is new, since when, and what no event reported.

EC2 is eventually consistent and events arrive minutes late, so a rule counts as changed without an event only when two
readings at least `CONFIRM_AFTER_SECONDS` apart found it and the rule history still has no event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.alerts.rule_history_table import LOOKUP
from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatewatch.alerts.rule_history_table import RuleState
    from gatewatch.model.security_group import SecurityGroupRule

CONFIRM_AFTER_SECONDS = 30 * 60


def compare(
    previous: RegionInventory | None, current: RegionInventory, known: Mapping[str, RuleState]
) -> tuple[RegionInventory, tuple[OpenItem, ...]]:
    """Return the reading with `since` and `unexplained`, and the items that are now known to have changed silently.

    `known` is the rule history before the reading, by rule id. The first reading of a Region explains nothing and
    accuses nothing: what it finds was there first.
    """
    earlier = {each.identity: each for each in previous.items} if previous else {}
    if ResourceKind.RULES in current.unread and previous:
        current = _with_rules_of(previous, current)
    items = tuple(
        _dated(each, earlier.get(each.identity), current.at, is_first=previous is None) for each in current.items
    )
    suspects = _unexplained(items, earlier, previous, known) if previous else {}
    first_seen = {each: (previous.unexplained.get(each, current.at) if previous else current.at) for each in suspects}
    confirmed = {each for each, at in first_seen.items() if current.at - at >= CONFIRM_AFTER_SECONDS}
    left = {each: at for each, at in first_seen.items() if each not in confirmed}
    silent = tuple(each for each in items if each.identity in confirmed)
    return replace(current, items=items, unexplained=left), silent


def _with_rules_of(previous: RegionInventory, current: RegionInventory) -> RegionInventory:
    """Keep the rules of the last reading that could read them: what is not read is not closed."""
    kept = tuple(each for each in previous.items if each.kind is ResourceKind.RULES)
    return replace(current, items=(*kept, *current.items))


def _dated(item: OpenItem, earlier: OpenItem | None, at: float, *, is_first: bool) -> OpenItem:
    if earlier is not None:
        return replace(item, since=earlier.since, was_there_first=earlier.was_there_first)
    return replace(item, since=at, was_there_first=is_first)


def _unexplained(
    items: Iterable[OpenItem],
    earlier: Mapping[str, OpenItem],
    previous: RegionInventory,
    known: Mapping[str, RuleState],
) -> set[str]:
    suspects = set()
    for each in items:
        rule_id = each.rule.rule_id if each.rule else None
        is_new = each.identity not in earlier or each.identity in previous.unexplained
        if rule_id and is_new and not _is_explained(each.rule, known.get(rule_id), previous.at):
            suspects.add(rule_id)
    return suspects


def _is_explained(rule: SecurityGroupRule | None, state: RuleState | None, since: float) -> bool:
    """Return whether an event made the rule so, or the last reading had it already under an earlier policy."""
    if rule is None or state is None:
        return False
    is_same = (state.now.traffic, state.now.peer) == (rule.traffic, rule.peer)
    return is_same and (state.by != LOOKUP or state.at <= since)
