"""Keeps a reading: compares it with the last one, fills the rule history, and reports what changed without an event.

A process can end between any two steps, and two can work on the same Region: the rules to report are saved with the
reading and removed after their notice is on the outbox. A notice that is put there twice has the same key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gatewatch.alerts.rule_history_table import RULES, rule_key, states_after_lookup
from gatewatch.alerts.silent_changes import SilentChange, SilentChanges
from gatewatch.inventory.comparison import compare, is_explained
from gatewatch.inventory.likely_call import find_likely_call
from gatewatch.inventory.messages import MAX_LINES, silent_change_key, silent_change_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from types_boto3_cloudtrail import CloudTrailClient

    from gatewatch.alerts.rule_history_table import RuleState
    from gatewatch.aws.hub_table import HubTable
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.inventory.likely_call import LikelyCall
    from gatewatch.inventory.model import OpenItem, RegionInventory, ResourceKind
    from gatewatch.inventory.store import InventoryStore
    from gatewatch.model.security_group import SecurityGroupRule

    EventHistory = Callable[[], CloudTrailClient | None]


@dataclass(frozen=True)
class InventoryRecorder:
    settings: Settings
    store: InventoryStore
    table: HubTable
    outbox: MessageSink

    def record(
        self,
        current: RegionInventory,
        rules: dict[str, SecurityGroupRule],
        unread_ids: Mapping[ResourceKind, Collection[str]],
    ) -> RegionInventory:
        """Return the reading as it was saved. `rules`: all rules of the Region by id. Raises `HubTableError`."""
        known = self._known_rules(current.account_id, rules)

        def compared(previous: RegionInventory | None) -> RegionInventory:
            return compare(previous, current, known, unread_ids)

        expected = compared(self.store.region(current.account_id, current.region))
        self._save_rules(expected, known, rules)
        return self.store.update_region(current.account_id, current.region, compared)

    def report(self, inventory: RegionInventory, event_history: EventHistory) -> None:
        """Report the rules of a reading that are not reported yet, unless their event arrived since.

        Without Event history no likely call is named.
        """
        if not inventory.unreported:
            return
        if items := self._still_unexplained(inventory):
            calls = self._likely_calls(inventory, event_history())
            self.outbox.put(silent_change_messages(inventory, items, calls, self.settings))

        def without_reported(last: RegionInventory | None) -> RegionInventory:
            left = {each: at for each, at in (last or inventory).unreported.items() if each not in inventory.unreported}
            return replace(last or inventory, unreported=left)

        self.store.update_region(inventory.account_id, inventory.region, without_reported)

    def _still_unexplained(self, inventory: RegionInventory) -> list[OpenItem]:
        """Save what is to be reported, and return what no event explained until after that."""
        items = {each.identity: each for each in inventory.items if each.identity in inventory.unreported}
        notice = silent_change_key(inventory)
        changes = {each: change for each, item in items.items() if (change := _change(inventory, item, notice))}
        SilentChanges(self.table).save(inventory.account_id, changes)
        known = self._known_rules(inventory.account_id, items)
        return [item for each, item in items.items() if not is_explained(item, known.get(each))]

    def _known_rules(self, account_id: str, rules: Iterable[str]) -> dict[str, RuleState]:
        keys = {rule_key(account_id, each): each for each in rules}
        return {keys[key]: state for key, state in self.table.get_many(RULES, keys)}

    def _save_rules(
        self, inventory: RegionInventory, known: dict[str, RuleState], rules: dict[str, SecurityGroupRule]
    ) -> None:
        """An unexplained rule is not saved until it is reported: its event may still arrive."""
        waiting = {*inventory.unexplained, *inventory.unreported}
        explained = {each: rule for each, rule in rules.items() if each not in waiting}
        self.table.put_many(RULES, states_after_lookup(inventory.account_id, known, explained, inventory.at))

    def _likely_calls(self, inventory: RegionInventory, cloudtrail: CloudTrailClient | None) -> dict[str, LikelyCall]:
        """Ask for the groups that a notice shows: LookupEvents takes two requests a second (CloudTrail quotas)."""
        if cloudtrail is None:
            return {}
        first_seen = {
            each.group.id: inventory.unreported[each.identity]
            for each in inventory.items
            if each.group.id and each.identity in inventory.unreported
        }
        shown = list(first_seen.items())[:MAX_LINES]
        found = {group_id: find_likely_call(cloudtrail, group_id, at) for group_id, at in shown}
        return {group_id: call for group_id, call in found.items() if call}


def _change(inventory: RegionInventory, item: OpenItem, notice: str) -> SilentChange | None:
    if item.rule is None:
        return None
    return SilentChange(
        region=inventory.region,
        group=item.group,
        rule=item.rule,
        text=item.text,
        after=item.absent_at,
        first_seen=item.since,
        notice=notice,
    )
