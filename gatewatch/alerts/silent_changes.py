"""Rules that the sweep reported as changed without an event, so that an event that arrives late corrects the report.

functions/sweep writes a row before it sends the report, and then looks into the rule history once more; functions/alert
writes the rule history before it looks for a row. So an event that arrives meanwhile is seen by one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.alerts.rule_history_table import rule_key
from gatewatch.aws.hub_rows import JsonRows
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.security_group import Group, SecurityGroupRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gatewatch.aws.hub_table import HubTable
    from gatewatch.model.alert import Alert
    from gatewatch.model.api_call import ApiCall

CONFIRM_AFTER_SECONDS = 30 * 60  # between two readings that found a rule without an event
# A reading begins before its requests, EC2 is eventually consistent, and clocks differ.
_SLACK_SECONDS = 120.0
_OPENS = frozenset({Action.AUTHORIZE, Action.MODIFY})


class SilentChange(Struct, frozen=True, kw_only=True):
    """A rule as it was reported. `notice` is the key of the report, `text` the rule as it says it.

    `after`: the last reading that did not have the rule so; `first_seen`: the first that had. In seconds since 1970.
    """

    region: str
    group: Group
    rule: SecurityGroupRule
    text: str
    after: float
    first_seen: float
    notice: str

    def is_explained_by(self, call: ApiCall, change: Change) -> bool:
        """Return whether a change made the rule what it is, between the two readings.

        An older event can be sent again by anyone who may replay an archive, so it explains nothing.
        """
        at = call.time.timestamp() if call.time else 0.0
        is_between = self.after - _SLACK_SECONDS <= at <= self.first_seen + _SLACK_SECONDS
        is_same_place = (call.region, change.group.id) == (self.region, self.group.id)
        is_same = (change.rule.traffic, change.rule.peer) == (self.rule.traffic, self.rule.peer)
        return is_between and is_same_place and is_same


SILENT_CHANGES = JsonRows(
    prefix="silent-change",
    name="a change without an event",
    lifetime=90 * 24 * 3600,
    value_type=SilentChange,
    skips_undecodable=True,
)


class SilentChanges:
    """Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def save(self, account_id: str, changes: Mapping[str, SilentChange]) -> None:
        """Save changes by rule id, before they are reported."""
        self._table.put_many(SILENT_CHANGES, {rule_key(account_id, each): found for each, found in changes.items()})

    def explained_by(self, alert: Alert, arrived: float) -> dict[str, SilentChange]:
        """Return what was reported and an event explains, by rule id; nothing for an event that arrived in time."""
        call = alert.call
        if call.time is None or arrived - call.time.timestamp() < CONFIRM_AFTER_SECONDS - _SLACK_SECONDS:
            return {}
        opened = {rule_id: change for rule_id, change in _opened(alert) if not call.conflicts}
        keys = {rule_key(call.account_id, each): each for each in opened}
        found = ((keys[key], each) for key, each in self._table.get_many(SILENT_CHANGES, keys))
        return {rule_id: each for rule_id, each in found if each.is_explained_by(call, opened[rule_id])}


def _opened(alert: Alert) -> Iterator[tuple[str, Change]]:
    for each in alert.changes:
        change, rule_id = each.change, each.change.rule.rule_id
        is_effective = change.outcome is Outcome.APPLIED and change.understood
        if rule_id and is_effective and change.family is Family.SECURITY_GROUP and change.action in _OPENS:
            yield rule_id, change
