"""One group put right: the untouchable left out, the picture of before kept, the plan applied, looked at again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.alerts.own_actions import DeedBook, OwnDeed, rule_deed
from gatewatch.alerts.suppression import MayHold
from gatewatch.remediation.ingress.access import access_of
from gatewatch.remediation.ingress.change_history import Culprit, History
from gatewatch.remediation.ingress.conflict_guard import Dispute, GroupRef, Guard, Stop
from gatewatch.remediation.ingress.ec2 import standing_rules
from gatewatch.remediation.ingress.executor import Done, Step, apply
from gatewatch.remediation.ingress.plan import Action, Authorize, IngressPlan, Revoke, Standing, rule_of
from gatewatch.remediation.ingress.suppression import Excepting
from gatewatch.remediation.preimages import PreImage, PreImages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from gatewatch.aws.clients import Aws
    from gatewatch.model.security_group import SecurityGroupRule
    from gatewatch.remediation.ingress.suppression import Covering

KIND = "ingress"


class LeftAlone(Struct, frozen=True):
    """What the plan asks for and is not done, and why: a rule stays, or stays away. `is_news`: nobody was told yet.

    `culprit`: who adds the rule, or removes it. `excepted`: by which exception of the policy, for EXCEPTED.
    """

    action: Action
    dispute: Dispute
    why: Stop
    is_news: bool
    culprit: Culprit | None = None
    excepted: MayHold | None = None

    @property
    def rule(self) -> SecurityGroupRule:
        return rule_of(self.action)

    @property
    def is_missing(self) -> bool:
        return self.dispute.is_missing


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
    deeds: DeedBook
    excepting: Excepting
    own_role: str = ""

    def enforce(
        self, group: GroupRef, plan: IngressPlan, before: Sequence[Standing], member: Aws, at: float, event_id: str = ""
    ) -> Enforcement:
        """Raises `GatewatchError` or `ClientError` before anything is changed, or while looking after."""
        history = History(member.cloudtrail, group.group_id)
        covering = self.excepting.over(group, member.ec2, history, at)
        left = tuple(self._left_alone(group, plan, history, covering))
        actions = _without(plan.actions, left)
        if not actions:
            return Enforcement(group=group, left=left, before=tuple(before), after=tuple(before))
        image = _image(group, actions, at, event_id, history)
        self.images.save(image)
        self.deeds.note(deeds_of(group, actions), OwnDeed(image.change_id, at))
        steps = apply(group.group_id, actions, member.ec2)
        self._remember(group, steps)
        after = standing_rules(member.ec2, group.group_id, group.account_id)
        return Enforcement(
            group=group, change_id=image.change_id, steps=steps, left=left, before=tuple(before), after=after
        )

    def _left_alone(
        self, group: GroupRef, plan: IngressPlan, history: History, covering: Covering
    ) -> Iterator[LeftAlone]:
        disputed: tuple[Action, ...] = (*plan.revokes, *plan.missing)
        for action in disputed:
            access = access_of(rule_of(action))
            if access is None:
                continue
            dispute = Dispute(group, access, is_missing=isinstance(action, Authorize))
            stopped = Stop.OWN if self._is_own(dispute, history) else self.guard.stopped(dispute)
            excepted = covering(action) if stopped is None else None
            why = Stop.EXCEPTED if excepted else stopped
            if why is not None:
                is_news = self.guard.stop(dispute, why)
                yield LeftAlone(action, dispute, why, is_news, _who(dispute, history), excepted)

    def _is_own(self, dispute: Dispute, history: History) -> bool:
        culprit = None if dispute.is_missing else history.who_added(dispute.access)
        return culprit is not None and self.own_role != "" and culprit.principal == self.own_role

    def _remember(self, group: GroupRef, steps: Iterable[Step]) -> None:
        for step in steps:
            access = access_of(rule_of(step.action))
            if access is None or step.done is not Done.DONE:
                continue
            if isinstance(step.action, Revoke):
                self.guard.settled(Dispute(group, access))
                continue
            self.guard.stop(Dispute(group, access), Stop.OWN)
            if step.action.instead_of is None:
                self.guard.settled(Dispute(group, access, is_missing=True))


def deeds_of(group: GroupRef, actions: Iterable[Action]) -> Iterator[str]:
    """By the names that CloudTrail's events of them give again."""
    for each in actions:
        is_removal = isinstance(each, Revoke)
        yield rule_deed(group.account_id, group.region, group.group_id, rule_of(each), is_removal=is_removal)


def _who(dispute: Dispute, history: History) -> Culprit | None:
    return history.who_removed(dispute.access) if dispute.is_missing else history.who_added(dispute.access)


def _without(actions: Sequence[Action], left: Sequence[LeftAlone]) -> tuple[Action, ...]:
    """A rule that stays needs no allowed part beside it."""
    undone = {each.action for each in left}
    staying = {each.rule.rule_id for each in left if not each.is_missing}
    return tuple(each for each in actions if each not in undone and not _is_beside(each, staying))


def _is_beside(action: Action, staying: AbstractSet[str | None]) -> bool:
    return isinstance(action, Authorize) and action.instead_of is not None and action.instead_of in staying


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
