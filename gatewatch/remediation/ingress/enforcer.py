"""Enforcement of one group: leave out what must not change, save a snapshot, apply the plan, read the group again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.own_actions import ActionLog, OwnAction, rule_action_id
from gatewatch.alerts.suppression import PossibleSuppression
from gatewatch.model.change import Action
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.change_history import ChangeAuthor, GroupHistory
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard, GroupRef, RuleConflict, StopReason
from gatewatch.remediation.ingress.ec2 import current_rules
from gatewatch.remediation.ingress.executor import StepResult, StepStatus, apply_ingress_actions
from gatewatch.remediation.ingress.plan import (
    Authorize,
    CurrentRule,
    IngressAction,
    IngressPlan,
    Modify,
    Revoke,
    rule_of,
)
from gatewatch.remediation.ingress.suppression import RuleSuppression
from gatewatch.remediation.ingress.unfinished import UnfinishedChanges, performed_steps, rules_before
from gatewatch.remediation.snapshots import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from gatewatch.aws.clients import Aws
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.remediation.ingress.suppression import ExceptionLookup

KIND = "ingress"


class UnenforcedAction(Struct, frozen=True):
    """A planned action that is not performed, and why. `is_new`: not reported before.

    `author`: who last added or removed the rule. `suppressed_by`: the exception of the policy, for EXCEPTION.
    """

    action: IngressAction
    conflict: RuleConflict
    reason: StopReason
    is_new: bool
    author: ChangeAuthor | None = None
    suppressed_by: PossibleSuppression | None = None

    @property
    def rule(self) -> SecurityGroupRule:
        return rule_of(self.action)

    @property
    def is_missing(self) -> bool:
        return self.conflict.is_missing


class Enforcement(Struct, frozen=True, kw_only=True):
    """The result of a plan. `change_id` is empty when nothing was attempted."""

    group: GroupRef
    change_id: str = ""
    steps: tuple[StepResult, ...] = ()
    unenforced: tuple[UnenforcedAction, ...] = ()
    before: tuple[CurrentRule, ...] = ()
    after: tuple[CurrentRule, ...] = ()

    @property
    def failed(self) -> tuple[StepResult, ...]:
        return tuple(each for each in self.steps if not each.succeeded)

    @property
    def changed(self) -> bool:
        return any(each.status is StepStatus.DONE for each in self.steps)


class Enforcer(Struct, frozen=True):
    """`own_role_arn`: the role that gatewatch assumes in the member; rules that it created are not removed."""

    snapshots: SnapshotStore
    unfinished: UnfinishedChanges
    guard: ConflictGuard
    action_log: ActionLog
    suppression: RuleSuppression
    own_role_arn: str = ""

    def enforce(
        self,
        group: GroupRef,
        plan: IngressPlan,
        before: Sequence[CurrentRule],
        member: Aws,
        at: float,
        interrupted: Snapshot | None = None,
    ) -> Enforcement:
        """Apply a plan to a group, and complete the interrupted change if there is one.

        The caller calls `finish` once the result is reported. Raises `GatewatchError` or `ClientError` before a change,
        or when the group cannot be read afterwards.
        """
        history = GroupHistory(member.cloudtrail, group.group_id)
        exception_for = self.suppression.for_group(group, member.ec2, history, at)
        unenforced = tuple(self._unenforced(group, plan, history, exception_for))
        actions = _enforceable(plan.actions, unenforced)
        performed = tuple(performed_steps(interrupted, before)) if interrupted else ()
        if not actions and not performed:
            return Enforcement(group=group, unenforced=unenforced, before=tuple(before), after=tuple(before))
        snapshot = _snapshot(group, (*(each.action for each in performed), *actions), at, history)
        if interrupted:
            snapshot = msgspec.structs.replace(snapshot, change_id=interrupted.change_id)
        self.snapshots.save(snapshot)
        self.unfinished.add(snapshot)
        self.action_log.record(action_ids_of(group, actions), OwnAction(snapshot.change_id, at))
        steps = apply_ingress_actions(group.group_id, actions, member.ec2)
        self._count_changes(group, steps)
        after = current_rules(member.ec2, group.group_id, group.account_id)
        return Enforcement(
            group=group,
            change_id=snapshot.change_id,
            steps=(*performed, *steps),
            unenforced=unenforced,
            before=rules_before(performed, before),
            after=after,
        )

    def finish(self, group: GroupRef, *change_ids: str) -> None:
        """Record that changes of a group are complete and reported."""
        for change_id in filter(None, change_ids):
            self.unfinished.remove(group.account_id, group.region, group.group_id, change_id)

    def _unenforced(
        self, group: GroupRef, plan: IngressPlan, history: GroupHistory, exception_for: ExceptionLookup
    ) -> Iterator[UnenforcedAction]:
        disputed: tuple[IngressAction, ...] = (*plan.closings, *plan.missing)
        for action in disputed:
            access = access_of(rule_of(action))
            if access is None:
                continue
            conflict = RuleConflict(group, access, is_missing=isinstance(action, Authorize))
            stopped = StopReason.OWN if self._is_own(conflict, history) else self.guard.stop_reason(conflict)
            suppressed_by = exception_for(action) if stopped is None else None
            reason = StopReason.EXCEPTION if suppressed_by else stopped
            if reason is not None:
                is_new = self.guard.stop_enforcement(conflict, reason)
                yield UnenforcedAction(action, conflict, reason, is_new, _author(conflict, history), suppressed_by)

    def _is_own(self, conflict: RuleConflict, history: GroupHistory) -> bool:
        author = None if conflict.is_missing else history.added_by(conflict.access)
        return author is not None and self.own_role_arn != "" and author.principal == self.own_role_arn

    def _count_changes(self, group: GroupRef, steps: Iterable[StepResult]) -> None:
        for step in steps:
            access = access_of(rule_of(step.action))
            if access is None or step.status is not StepStatus.DONE:
                continue
            if not isinstance(step.action, Authorize):
                self.guard.count_change(RuleConflict(group, access))
            elif step.action.replaces is None:
                self.guard.count_change(RuleConflict(group, access, is_missing=True))
            if not isinstance(step.action, Revoke) and (created := access_of(step.action.rule)):
                self.guard.stop_enforcement(RuleConflict(group, created), StopReason.OWN)


def action_ids_of(group: GroupRef, actions: Iterable[IngressAction]) -> Iterator[str]:
    """Yield the ids under which the CloudTrail events of these actions are recognised.

    A modification may become a removal and an addition.
    """
    for each in actions:
        for action, rule in _events_of(each):
            yield rule_action_id(group.account_id, group.region, group.group_id, action, rule)


def _events_of(action: IngressAction) -> Iterator[tuple[Action, SecurityGroupRule]]:
    if not isinstance(action, Authorize):
        yield Action.REVOKE, action.current.rule
    if not isinstance(action, Revoke):
        yield Action.AUTHORIZE, action.rule
    if isinstance(action, Modify):
        yield Action.MODIFY, msgspec.structs.replace(action.rule, rule_id=action.current.rule.rule_id)


def _author(conflict: RuleConflict, history: GroupHistory) -> ChangeAuthor | None:
    return history.removed_by(conflict.access) if conflict.is_missing else history.added_by(conflict.access)


def _enforceable(actions: Sequence[IngressAction], unenforced: Sequence[UnenforcedAction]) -> tuple[IngressAction, ...]:
    """Leave out what is not enforced, and the allowed parts of rules that stay."""
    left_out = {each.action for each in unenforced}
    staying = {each.rule.rule_id for each in unenforced if not each.is_missing}
    return tuple(each for each in actions if each not in left_out and not _is_part_of(each, staying))


def _is_part_of(action: IngressAction, staying: AbstractSet[str | None]) -> bool:
    return isinstance(action, Authorize) and action.replaces is not None and action.replaces in staying


def _snapshot(group: GroupRef, actions: tuple[IngressAction, ...], at: float, history: GroupHistory) -> Snapshot:
    body = msgspec.json.encode(actions).decode()
    digest = hashlib.sha256(f"{group}{at}{body}".encode()).hexdigest()
    author = _first_author(actions, history)
    return Snapshot(
        change_id=f"chg-{digest[:12]}",
        kind=KIND,
        account_id=group.account_id,
        region=group.region,
        resource_id=group.group_id,
        at=at,
        body=body,
        actor=author.name if author else "",
        event_id=author.event_id if author else "",
    )


def _first_author(actions: Sequence[IngressAction], history: GroupHistory) -> ChangeAuthor | None:
    rules = (each.current.rule for each in actions if not isinstance(each, Authorize))
    found = (history.added_by(access) for rule in rules if (access := access_of(rule)) is not None)
    return next((each for each in found if each is not None), None)
