"""The transitions of what people do about an alert, as data: `TRANSITIONS`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gatewatch.actions import guards, state_changes
from gatewatch.model.alert_actions import ActionEvent, ActionStatus

if TYPE_CHECKING:
    from gatewatch.actions.guards import Guard
    from gatewatch.actions.state_changes import StateChange

_S, _E = ActionStatus, ActionEvent


class Effect(StrEnum):
    """What has to be done once a new state is stored."""

    STOP_ESCALATION = "stop_escalation"
    RESUME_ESCALATION = "resume_escalation"
    ASK_ACTOR = "ask_actor"
    POST_EXCEPTION = "post_exception"
    EXECUTE = "execute"
    NOTIFY_EVERYBODY = "notify_everybody"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An event in one of the states `before`. All guards must pass.

    `after` None keeps the status; a status in the values of `change` takes the place of both.
    """

    event: ActionEvent
    before: frozenset[ActionStatus]
    after: ActionStatus | None
    guards: tuple[Guard, ...] = ()
    change: StateChange = state_changes.unchanged
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a revert and its undo differ in. `name` is in the names of its events and statuses: `propose_revert`.

    `withdrawn` is the change when it is rejected or expires.
    """

    name: str
    before: frozenset[ActionStatus]
    rejected: ActionStatus
    expired: ActionStatus
    withdrawn: StateChange
    completed: ActionStatus
    change: StateChange
    effect: Effect

    def event(self, verb: str) -> ActionEvent:
        return ActionEvent(f"{verb}_{self.name}")

    def status(self, participle: str) -> ActionStatus:
        return ActionStatus(f"{self.name}_{participle}")


_MAY_PROPOSE = (guards.in_full_mode, guards.single_alert, guards.mapped, guards.allowed, guards.not_the_actor)
_MAY_DECIDE = (*_MAY_PROPOSE, guards.current_proposal, guards.not_expired)


def _of_plan(plan: _Plan) -> tuple[Rule, ...]:
    approved, executing, failed = plan.status("approved"), plan.status("executing"), plan.status("failed")
    proposed, under_way = frozenset({plan.status("proposed")}), frozenset({approved, executing})
    return (
        Rule(
            event=plan.event("propose"),
            before=plan.before,
            after=plan.status("proposed"),
            guards=_MAY_PROPOSE,
            change=state_changes.proposed,
        ),
        Rule(
            event=plan.event("approve"),
            before=proposed,
            after=approved,
            guards=(*_MAY_DECIDE, guards.second_person),
            change=state_changes.approved,
            effects=(Effect.EXECUTE,),
        ),
        Rule(
            event=_E.BREAK_GLASS,
            before=proposed,
            after=approved,
            guards=(*_MAY_DECIDE, guards.break_glass_is_on, guards.with_reason),
            change=state_changes.approved_alone,
            effects=(Effect.NOTIFY_EVERYBODY, Effect.EXECUTE),
        ),
        Rule(
            event=plan.event("reject"),
            before=proposed,
            after=plan.rejected,
            guards=(guards.in_full_mode, guards.mapped, guards.allowed, guards.current_proposal),
            change=plan.withdrawn,
        ),
        Rule(
            event=plan.event("expire"),
            before=proposed,
            after=plan.expired,
            guards=(guards.is_expired,),
            change=plan.withdrawn,
        ),
        # From `executing` too: an execution that was interrupted is started again with the same plan.
        Rule(event=plan.event("start"), before=under_way, after=executing),
        Rule(
            event=plan.event("complete"),
            before=frozenset({executing}),
            after=plan.completed,
            change=plan.change,
            effects=(plan.effect,),
        ),
        Rule(event=plan.event("fail"), before=frozenset({executing}), after=failed, change=state_changes.failed),
        # functions/act failed on it until the queue gave up.
        Rule(event=plan.event("abandon"), before=under_way, after=failed, guards=(guards.is_abandoned,)),
    )


_SETTLED = frozenset(
    {
        _S.OPEN,
        _S.ACKNOWLEDGED,
        _S.SNOOZED,
        _S.REVERT_REJECTED,
        _S.REVERT_EXPIRED,
        _S.REVERT_FAILED,
        _S.UNDONE,
        _S.UNDO_FAILED,
    }
)
_ATTENDED = frozenset({_S.ACKNOWLEDGED, _S.SNOOZED})
_UNDER_WAY = frozenset({_S.REVERT_PROPOSED, _S.REVERT_APPROVED, _S.REVERT_EXECUTING})
_ALL = frozenset(ActionStatus)

_REVERT = _Plan(
    name="revert",
    before=_SETTLED,
    rejected=_S.REVERT_REJECTED,
    expired=_S.REVERT_EXPIRED,
    withdrawn=state_changes.not_reverted,
    completed=_S.REVERTED,
    change=state_changes.reverted,
    effect=Effect.STOP_ESCALATION,
)
_UNDO = _Plan(
    name="undo",
    before=frozenset({_S.REVERTED, _S.UNDO_FAILED}),
    rejected=_S.REVERTED,
    expired=_S.REVERTED,
    withdrawn=state_changes.unchanged,
    completed=_S.UNDONE,
    change=state_changes.undone,
    effect=Effect.RESUME_ESCALATION,
)

TRANSITIONS: tuple[Rule, ...] = (
    Rule(
        event=_E.ACKNOWLEDGE,
        before=_SETTLED,
        after=_S.ACKNOWLEDGED,
        guards=(guards.switched_on, guards.not_acknowledged),
        change=state_changes.acknowledged,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.ACKNOWLEDGE,
        before=_UNDER_WAY,
        after=None,
        guards=(guards.switched_on, guards.not_acknowledged),
        change=state_changes.acknowledged,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.SNOOZE,
        before=_SETTLED,
        after=_S.SNOOZED,
        guards=(guards.switched_on, guards.mapped, guards.not_critical, guards.snooze_in_range),
        change=state_changes.snoozed,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.ASK_ACTOR,
        before=_SETTLED | _UNDER_WAY,
        after=None,
        guards=(
            guards.in_full_mode,
            guards.single_alert,
            guards.mapped,
            guards.actor_is_a_person,
            guards.not_asked,
        ),
        change=state_changes.asked,
        effects=(Effect.ASK_ACTOR,),
    ),
    Rule(event=_E.ANSWER_YES, before=_ALL, after=None, guards=(guards.was_asked,), change=state_changes.answered),
    Rule(
        event=_E.ANSWER_NO,
        before=_ATTENDED,
        after=_S.OPEN,
        guards=(guards.was_asked,),
        change=state_changes.reopened,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    Rule(
        event=_E.ANSWER_NO,
        before=_ALL - _ATTENDED,
        after=None,
        guards=(guards.was_asked,),
        change=state_changes.answered,
    ),
    Rule(
        event=_E.PROPOSE_EXCEPTION,
        before=_ALL,
        after=None,
        guards=(guards.in_full_mode, guards.single_alert, guards.mapped, guards.with_reason),
        effects=(Effect.POST_EXCEPTION,),
    ),
    Rule(
        event=_E.CLOSE,
        before=_SETTLED | {_S.REVERT_PROPOSED},
        after=_S.CLOSED,
        guards=(guards.not_undone,),
        effects=(Effect.STOP_ESCALATION,),
    ),
    # While a revert is proposed, or after one failed, an alert that was snoozed is snoozed still.
    Rule(
        event=_E.END_SNOOZE,
        before=_SETTLED | _UNDER_WAY,
        after=None,
        guards=(guards.is_snoozed, guards.snooze_is_over),
        change=state_changes.snooze_ended,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    Rule(
        event=_E.RAISE_SEVERITY,
        before=_SETTLED | _UNDER_WAY,
        after=None,
        guards=(guards.is_snoozed,),
        change=state_changes.snooze_ended,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    *_of_plan(_REVERT),
    *_of_plan(_UNDO),
)


def rule_for(event: ActionEvent, status: ActionStatus) -> Rule | None:
    """Return the rule of an event in a status, of which there is at most one."""
    return next((each for each in TRANSITIONS if each.event is event and status in each.before), None)
