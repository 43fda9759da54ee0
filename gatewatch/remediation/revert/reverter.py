"""Plans, performs and undoes reverts: reads every setting again, saves a snapshot, and only then changes it.

Every step closes something, so a process that ends between two of them leaves nothing more open than before, and
performing the same plan again completes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.alerts.own_actions import ActionLog, OwnAction, key_action_id, resource_action_id, rule_action_id
from gatewatch.aws.clients import Aws
from gatewatch.aws.error_codes import error_code
from gatewatch.config.settings import Settings
from gatewatch.model.change import Action
from gatewatch.model.iam import IamOperation, masked_key
from gatewatch.model.security_group import Direction
from gatewatch.model.typed_decoding import decode_json
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard, GroupRef, RuleConflict, StopReason
from gatewatch.remediation.ingress.executor import StepStatus
from gatewatch.remediation.revert.plan import NotRevertibleError, Obstacle, PlannedChange, RevertPlan, SettingKind
from gatewatch.remediation.revert.planner import SETTINGS, plan_revert
from gatewatch.remediation.revert.rules import rule_of_entries
from gatewatch.remediation.revert.sentences import shown_resource
from gatewatch.remediation.revert.settings import Target
from gatewatch.remediation.snapshots import Snapshot, SnapshotError, SnapshotStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.model.notification import AlertNotification

KIND = "revert"


class RevertStep(Struct, frozen=True):
    """A change and its result. `reason` is the error code of AWS."""

    change: PlannedChange
    status: StepStatus
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status is not StepStatus.FAILED


class RevertResult(Struct, frozen=True):
    """`change_id` is what `gatewatch undo` takes."""

    change_id: str
    steps: tuple[RevertStep, ...]

    @property
    def succeeded(self) -> bool:
        return all(each.succeeded for each in self.steps)


class Reverter(Struct, frozen=True):
    """`member` returns the clients of an account and Region by the revert role there; `now` seconds since 1970.

    Methods raise `NotRevertibleError` when nothing was changed, and `HubTableError`.
    """

    member: Callable[[str, str], Aws]
    settings: Settings
    snapshots: SnapshotStore
    action_log: ActionLog
    guard: ConflictGuard
    now: Callable[[], float]
    groups: AttachedGroupStore

    def plan(self, notification: AlertNotification) -> RevertPlan:
        """Return the plan that takes back the call of a notification."""
        alert = notification.alert
        self._refuse_unlisted(alert.account.id)
        aws = self._clients(alert.account.id, alert.call.region)
        return plan_revert(notification, aws, self.settings, self.groups)

    def execute(self, plan: RevertPlan, actor: str = "") -> RevertResult:
        """Perform a plan, unless a setting differs from what it was planned with. `actor` made the call."""
        self._refuse_unlisted(plan.account_id)
        aws = self._clients(plan.account_id, plan.region)
        pending = _pending(plan, aws)
        self.snapshots.save(_snapshot(plan, actor, self.now()))
        return self._perform(plan, pending, aws, is_undo=False)

    def was_started(self, plan: RevertPlan) -> bool:
        """Whether a plan was performed before, maybe in part only."""
        try:
            self.snapshots.load(plan.change_id)
        except SnapshotError:
            return False
        return True

    def plan_undo(self, change_id: str) -> RevertPlan:
        """Return the plan that restores what a revert closed. Raises `SnapshotError` when the change is no revert."""
        snapshot = self.snapshots.load(change_id)
        if snapshot.kind != KIND:
            raise SnapshotError(f"{change_id} is not a revert but a change of {snapshot.resource_id}.")
        plan = decode_json(snapshot.body, RevertPlan)
        return msgspec.structs.replace(plan, changes=tuple(each.reversed for each in plan.changes))

    def check_undo(self, plan: RevertPlan) -> None:
        """Raise `NotRevertibleError` if a setting has changed since the revert, or everything is restored already."""
        self._refuse_unlisted(plan.account_id)
        if not _pending(plan, self._clients(plan.account_id, plan.region)):
            raise NotRevertibleError(Obstacle.ALREADY_RESTORED)

    def undo(self, change_id: str) -> RevertResult:
        """Restore what a revert closed; the ingress rule of AWS Config leaves the rules alone from then on."""
        plan = self.plan_undo(change_id)
        aws = self._clients(plan.account_id, plan.region)
        pending = _pending(plan, aws)
        for conflict in _conflicts(plan):
            self.guard.stop_enforcement(conflict, StopReason.UNDONE)
        result = self._perform(plan, pending, aws, is_undo=True)
        return RevertResult(change_id, result.steps)

    def _refuse_unlisted(self, account_id: str) -> None:
        if account_id not in self.settings.accounts:
            raise NotRevertibleError(Obstacle.UNLISTED_ACCOUNT, account_id)

    def _clients(self, account_id: str, region: str) -> Aws:
        try:
            return self.member(account_id, region)
        except (ClientError, BotoCoreError) as error:
            raise NotRevertibleError(Obstacle.NOT_READABLE, error_code(error)) from error

    def _perform(
        self, plan: RevertPlan, pending: tuple[PlannedChange, ...], aws: Aws, *, is_undo: bool
    ) -> RevertResult:
        ids = [each for change in pending for each in action_ids(plan, change)]
        self.action_log.record(ids, OwnAction(plan.change_id, self.now(), is_undo=is_undo))
        steps = [
            _step(plan, each, aws) if each in pending else RevertStep(each, StepStatus.ALREADY) for each in plan.changes
        ]
        return RevertResult(plan.change_id, tuple(steps))


def _pending(plan: RevertPlan, aws: Aws) -> tuple[PlannedChange, ...]:
    """Return the changes that are not made yet. Raises `NotRevertibleError` when a setting has changed since."""
    found = []
    for each in plan.changes:
        setting, target = SETTINGS[each.kind], _target(plan, each)
        if not setting.names(target):
            raise NotRevertibleError(Obstacle.INVALID_NAME, shown_resource(each))
        try:
            current = setting.read(aws, target)
        except (ClientError, BotoCoreError) as error:
            raise NotRevertibleError(Obstacle.NOT_READABLE, error_code(error)) from error
        if current not in {each.before, each.after}:
            raise NotRevertibleError(Obstacle.CHANGED, shown_resource(each))
        if current == each.before:
            found.append(each)
    return tuple(found)


def _step(plan: RevertPlan, change: PlannedChange, aws: Aws) -> RevertStep:
    try:
        SETTINGS[change.kind].write(aws, _target(plan, change), change)
    except (ClientError, BotoCoreError) as error:
        return RevertStep(change, StepStatus.FAILED, error_code(error))
    return RevertStep(change, StepStatus.DONE)


def _target(plan: RevertPlan, change: PlannedChange) -> Target:
    return Target(plan.account_id, plan.region, change.resource)


def _snapshot(plan: RevertPlan, actor: str, at: float) -> Snapshot:
    return Snapshot(
        change_id=plan.change_id,
        kind=KIND,
        account_id=plan.account_id,
        region=plan.region,
        resource_id=", ".join(shown_resource(each) for each in plan.changes),
        at=at,
        body=msgspec.json.encode(plan).decode(),
        actor=actor,
        event_id=plan.event_id,
    )


def action_ids(plan: RevertPlan, change: PlannedChange) -> Iterator[str]:
    """Yield the ids under which the CloudTrail events of a change are recognised as gatewatch's own."""
    if change.kind is SettingKind.RULE:
        yield from _rule_action_ids(plan, change)
    elif change.kind is SettingKind.ACCESS_KEY:
        user, _, key_id = change.resource.partition("/")
        operation = IamOperation.KEY_ACTIVATED if change.after else IamOperation.KEY_DEACTIVATED
        yield key_action_id(plan.account_id, user, masked_key(key_id), operation)
    for name in SETTINGS[change.kind].calls:
        yield resource_action_id(plan.account_id, plan.region, name, change.resource)


def _rule_action_ids(plan: RevertPlan, change: PlannedChange) -> Iterator[str]:
    group_id = change.resource.partition("/")[0]
    before, after = rule_of_entries(change.before), rule_of_entries(change.after)
    if after is None and before is not None:
        yield rule_action_id(plan.account_id, plan.region, group_id, Action.REVOKE, before.rule)
    elif after is not None:
        action = Action.AUTHORIZE if before is None else Action.MODIFY
        yield rule_action_id(plan.account_id, plan.region, group_id, action, after.rule)


def _conflicts(plan: RevertPlan) -> Iterator[RuleConflict]:
    """Yield the inbound rules that a plan opens."""
    for each in plan.changes:
        rule = rule_of_entries(each.after) if each.kind is SettingKind.RULE else None
        access = access_of(rule.rule) if rule and rule.rule.direction is Direction.INGRESS else None
        if access is not None:
            yield RuleConflict(GroupRef(plan.account_id, plan.region, each.resource.partition("/")[0]), access)
