"""Changes that a run started and did not finish: it ended between two calls, or before its message was queued.

The next run for the group completes them under the same change id, so that nothing stays half done or unreported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewatch.aws.hub_rows import RowKind
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.executor import StepResult, StepStatus
from gatewatch.remediation.ingress.plan import Authorize, CurrentRule, Modify, Revoke
from gatewatch.remediation.ingress.undo import recorded_actions
from gatewatch.remediation.snapshots import RETENTION_SECONDS, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gatewatch.aws.hub_table import HubTable


UNFINISHED = RowKind(prefix="unfinished", name="unfinished changes", lifetime=RETENTION_SECONDS)


class UnfinishedChanges:
    """One row for each account and Region in the hub's table. Every method raises `HubTableError`."""

    def __init__(self, table: HubTable) -> None:
        self._table = table

    def of_account(self, account_id: str, region: str) -> Mapping[str, str]:
        """Return change ids by group id."""
        changes = self._table.attributes(UNFINISHED, f"{account_id}#{region}").get("changes", ())
        return dict(each.split("#") for each in sorted(changes))

    def add(self, snapshot: Snapshot) -> None:
        key = f"{snapshot.account_id}#{snapshot.region}"
        self._table.update(UNFINISHED, key, "ADD changes :changes", _entry(snapshot.resource_id, snapshot.change_id))

    def remove(self, account_id: str, region: str, group_id: str, change_id: str) -> None:
        entry = _entry(group_id, change_id)
        self._table.update(UNFINISHED, f"{account_id}#{region}", "DELETE changes :changes", entry)


def _entry(group_id: str, change_id: str) -> dict[str, set[str]]:
    return {":changes": {f"{group_id}#{change_id}"}}


def interrupted_parts(snapshot: Snapshot) -> Iterator[Authorize]:
    """Yield the rules that the change was to leave in place of what it closed, or to add."""
    for each in recorded_actions(snapshot):
        if isinstance(each, Authorize):
            yield each
        elif isinstance(each, Modify):
            yield Authorize(each.rule, each.current.tags, replaces=each.current.rule.rule_id or "")


def performed_steps(snapshot: Snapshot, current: Sequence[CurrentRule]) -> Iterator[StepResult]:
    """Yield the steps of the change whose result the current rules show."""
    by_id = {each.rule.rule_id: access_of(each.rule) for each in current}
    accesses = set(by_id.values())
    for each in recorded_actions(snapshot):
        if isinstance(each, Authorize):
            if access_of(each.rule) in accesses:
                yield StepResult(each, StepStatus.DONE)
        elif access_of(each.current.rule) in accesses:
            continue
        elif isinstance(each, Modify) and by_id.get(each.current.rule.rule_id) == access_of(each.rule):
            yield StepResult(each, StepStatus.DONE)
        elif each.current.rule.rule_id not in by_id:
            yield StepResult(Revoke(each.current), StepStatus.DONE)


def rules_before(steps: Sequence[StepResult], current: Sequence[CurrentRule]) -> tuple[CurrentRule, ...]:
    """Return the rules of the group before the performed steps."""
    closed = [each.action.current for each in steps if not isinstance(each.action, Authorize)]
    added = {access_of(each.action.rule) for each in steps if isinstance(each.action, Authorize)}
    ids = {each.rule.rule_id for each in closed}
    unchanged = [each for each in current if each.rule.rule_id not in ids and access_of(each.rule) not in added]
    return (*unchanged, *closed)
