"""Undo: from the snapshot of a change and the current rules to actions that restore rules, descriptions and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.conflict_guard import GroupRef, RuleConflict, StopReason
from gatewatch.remediation.ingress.plan import Authorize, CurrentRule, IngressAction, IngressPlan, Revoke, rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
    from gatewatch.remediation.snapshots import Snapshot


def recorded_actions(snapshot: Snapshot) -> tuple[IngressAction, ...]:
    return msgspec.json.decode(snapshot.body, type=tuple[IngressAction, ...])


def group_of(snapshot: Snapshot) -> GroupRef:
    return GroupRef(snapshot.account_id, snapshot.region, snapshot.resource_id)


def plan_undo(snapshot: Snapshot, current: Sequence[CurrentRule]) -> IngressPlan:
    """Plan to authorise what was revoked, then to revoke what was authorised; leave out what is already so."""
    now = {access: each for each in current if (access := access_of(each.rule)) is not None}
    actions = recorded_actions(snapshot)
    revoked = [each.current for each in actions if isinstance(each, Revoke)]
    restored = tuple(
        Authorize(msgspec.structs.replace(each.rule, rule_id=None), each.tags, replaces=each.rule.rule_id)
        for each in revoked
        if access_of(each.rule) not in now
    )
    added = (access_of(each.rule) for each in actions if isinstance(each, Authorize))
    removed = tuple(Revoke(now[access]) for access in added if access is not None and access in now)
    return IngressPlan(group_id=snapshot.resource_id, actions=(*restored, *removed))


def stop_enforcing(snapshot: Snapshot, guard: ConflictGuard) -> None:
    """Stop enforcement of the rules of a change. To be called before they are restored."""
    for conflict in _conflicts(snapshot):
        guard.stop_enforcement(conflict, StopReason.UNDONE)


def _conflicts(snapshot: Snapshot) -> Iterator[RuleConflict]:
    """Yield what was revoked, and what was authorised because it was required."""
    for each in recorded_actions(snapshot):
        access = access_of(rule_of(each))
        is_missing = isinstance(each, Authorize)
        if access is not None and (isinstance(each, Revoke) or each.replaces is None):
            yield RuleConflict(group_of(snapshot), access, is_missing=is_missing)
