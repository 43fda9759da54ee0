"""Undo: from the snapshot of a change and the current rules to actions that restore rules, descriptions and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.conflict_guard import GroupRef, RuleConflict, StopReason
from gatewatch.remediation.ingress.plan import (
    Authorize,
    CurrentRule,
    IngressAction,
    IngressPlan,
    Modify,
    Revoke,
    rule_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
    from gatewatch.remediation.snapshots import Snapshot


def recorded_actions(snapshot: Snapshot) -> tuple[IngressAction, ...]:
    return decode_json(snapshot.body, tuple[IngressAction, ...])


def group_of(snapshot: Snapshot) -> GroupRef:
    return GroupRef(snapshot.account_id, snapshot.region, snapshot.resource_id)


def plan_undo(snapshot: Snapshot, current: Sequence[CurrentRule]) -> IngressPlan:
    """Plan to modify back, revoke what was authorised and authorise what was revoked; leave out what is already so.

    A modified rule comes first: it covers its parts, so access is not interrupted and the group needs no more room.
    """
    planned = [each for action in recorded_actions(snapshot) for each in _reverted(action, current)]
    order = (Modify, Revoke, Authorize)
    return IngressPlan(
        group_id=snapshot.resource_id, actions=tuple(sorted(planned, key=lambda each: order.index(type(each))))
    )


def _reverted(action: IngressAction, current: Sequence[CurrentRule]) -> Iterator[IngressAction]:
    if isinstance(action, Authorize):
        yield from (Revoke(each) for each in current if access_of(each.rule) == access_of(action.rule))
        return
    old = action.current
    is_restored = any(access_of(each.rule) == access_of(old.rule) for each in current)
    if isinstance(action, Modify):
        narrowed = [each for each in current if _is_narrowed_form(each.rule, action)]
        if narrowed and not is_restored:
            yield Modify(narrowed[0], msgspec.structs.replace(old.rule, rule_id=None))
            return
        yield from map(Revoke, narrowed)
    if not is_restored:
        yield Authorize(msgspec.structs.replace(old.rule, rule_id=None), old.tags, replaces=old.rule.rule_id)


def _is_narrowed_form(rule: SecurityGroupRule, action: Modify) -> bool:
    """By its id, or by its content where the rule was revoked and its allowed part authorised."""
    old = action.current.rule
    is_changed = access_of(rule) != access_of(old)
    return is_changed and (rule.rule_id == old.rule_id or access_of(rule) == access_of(action.rule))


def stop_enforcing(snapshot: Snapshot, guard: ConflictGuard) -> None:
    """Stop enforcement of the rules of a change. To be called before they are restored."""
    for conflict in _conflicts(snapshot):
        guard.stop_enforcement(conflict, StopReason.UNDONE)


def _conflicts(snapshot: Snapshot) -> Iterator[RuleConflict]:
    """Yield what was closed, and what was authorised because it was required."""
    for each in recorded_actions(snapshot):
        access = access_of(rule_of(each))
        is_missing = isinstance(each, Authorize)
        if access is not None and (not isinstance(each, Authorize) or each.replaces is None):
            yield RuleConflict(group_of(snapshot), access, is_missing=is_missing)
