"""One group put right: the untouchable left out, the picture of before kept, the plan applied, looked at again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.remediation.ingress_access import access_of
from gatewatch.remediation.ingress_apply import Done, Step, apply
from gatewatch.remediation.ingress_culprit import Culprit, History, recent_history
from gatewatch.remediation.ingress_ec2 import standing_rules
from gatewatch.remediation.ingress_guard import GroupRef, Guard, Stop
from gatewatch.remediation.ingress_plan import Action, Authorize, IngressPlan, Revoke, Standing
from gatewatch.remediation.preimages import PreImage, PreImages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gatewatch.aws import Aws

KIND = "ingress"


class LeftAlone(Struct, frozen=True):
    """A rule that is not allowed and stays, and why. `is_news`: nobody was told yet. `culprit`: who adds it."""

    revoke: Revoke
    why: Stop
    is_news: bool
    culprit: Culprit | None = None


class Enforcement(Struct, frozen=True, kw_only=True):
    """What became of a plan. `change_id` is empty when there was nothing that could be done."""

    group: GroupRef
    change_id: str = ""
    steps: tuple[Step, ...] = ()
    left: tuple[LeftAlone, ...] = ()
    before: tuple[Standing, ...] = ()
    after: tuple[Standing, ...] = ()

    @property
    def failed(self) -> tuple[Step, ...]:
        return tuple(each for each in self.steps if not each.is_good)

    @property
    def changed(self) -> bool:
        return any(each.done is Done.DONE for each in self.steps)


class Enforcer(Struct, frozen=True):
    """`own_role` is the ARN that gatewatch acts under in the member; what it did itself it does not undo."""

    images: PreImages
    guard: Guard
    own_role: str = ""

    def enforce(
        self, group: GroupRef, plan: IngressPlan, before: Sequence[Standing], member: Aws, at: float, event_id: str = ""
    ) -> Enforcement:
        """Raises `GuardError`, `PreImageError` or `ClientError` before anything is changed, or while looking after."""
        history = recent_history(member.cloudtrail, group.group_id) if plan.revokes else History()
        left = tuple(self._left_alone(group, plan, history))
        actions = _without(plan.actions, left)
        if not actions:
            return Enforcement(group=group, left=left, before=tuple(before), after=tuple(before))
        image = _image(group, actions, at, event_id, history)
        self.images.save(image)
        steps = apply(group.group_id, actions, member.ec2)
        self._remember(group, steps)
        after = standing_rules(member.ec2, group.group_id, group.account_id)
        return Enforcement(
            group=group, change_id=image.change_id, steps=steps, left=left, before=tuple(before), after=after
        )

    def _left_alone(self, group: GroupRef, plan: IngressPlan, history: History) -> Iterator[LeftAlone]:
        for revoke in plan.revokes:
            access = access_of(revoke.standing.rule)
            if access is None:
                continue
            culprit = history.who_added(access)
            is_own = culprit is not None and self.own_role != "" and culprit.principal == self.own_role
            why = Stop.OWN if is_own else self.guard.stopped(group, access)
            if why is not None:
                yield LeftAlone(revoke, why, self.guard.stop(group, access, why), culprit)

    def _remember(self, group: GroupRef, steps: Iterable[Step]) -> None:
        for step in steps:
            access = access_of(step.action.rule if isinstance(step.action, Authorize) else step.action.standing.rule)
            if access is None or step.done is not Done.DONE:
                continue
            if isinstance(step.action, Revoke):
                self.guard.removed(group, access)
            else:
                self.guard.stop(group, access, Stop.OWN)


def _without(actions: Sequence[Action], left: Sequence[LeftAlone]) -> tuple[Action, ...]:
    """A rule that stays needs no allowed part beside it."""
    staying = {each.revoke.standing.rule.rule_id for each in left}
    return tuple(
        each
        for each in actions
        if (each.instead_of if isinstance(each, Authorize) else each.standing.rule.rule_id) not in staying
    )


def _image(group: GroupRef, actions: tuple[Action, ...], at: float, event_id: str, history: History) -> PreImage:
    body = msgspec.json.encode(actions).decode()
    digest = hashlib.sha256(f"{group}{at}{body}".encode()).hexdigest()
    culprit = _first_culprit(actions, history)
    return PreImage(
        change_id=f"chg-{digest[:12]}",
        kind=KIND,
        account_id=group.account_id,
        region=group.region,
        resource_id=group.group_id,
        at=at,
        body=body,
        actor=culprit.name if culprit else "",
        event_id=culprit.event_id if culprit else event_id,
    )


def _first_culprit(actions: Sequence[Action], history: History) -> Culprit | None:
    rules = (each.standing.rule for each in actions if isinstance(each, Revoke))
    found = (history.who_added(access) for rule in rules if (access := access_of(rule)) is not None)
    return next((each for each in found if each is not None), None)
