"""The transitions of what people do about an alert, as data: `TRANSITIONS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from gatewatch.actions import guards
from gatewatch.model.alert_actions import ActionEvent, ActionStatus, AlertActions, Mark, RevertProposal

if TYPE_CHECKING:
    from gatewatch.actions.guards import Guard
    from gatewatch.actions.request import ActionRequest
    from gatewatch.config.actions import ActionSettings

_S, _E = ActionStatus, ActionEvent


class Effect(StrEnum):
    """What has to be done once a new state is stored."""

    STOP_ESCALATION = "stop_escalation"
    RESUME_ESCALATION = "resume_escalation"
    ASK_ACTOR = "ask_actor"
    POST_EXCEPTION = "post_exception"
    EXECUTE = "execute"
    NOTIFY_EVERYBODY = "notify_everybody"


Facts = dict[str, object]
_Apply = Callable[[AlertActions, "ActionRequest", "ActionSettings"], Facts]


def _nothing(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {}


def _acknowledged(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"acknowledged": _mark(request), "snoozed": None, "snoozed_until": 0.0}


def _snoozed(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"snoozed": _mark(request), "snoozed_until": request.until}


def _reopened(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"acknowledged": None, "snoozed": None, "snoozed_until": 0.0, "asked": ""}


def _asked(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"asked": request.asked}


def _answered(_before: AlertActions, _request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"asked": ""}


def _proposed(_before: AlertActions, request: ActionRequest, settings: ActionSettings) -> Facts:
    if request.plan is None:
        raise ValueError("a proposal needs a plan")
    expires_at = request.at + 60 * settings.expires_minutes
    proposal = RevertProposal(
        id=request.proposal,
        plan=request.plan,
        proposed=_mark(request),
        expires_at=expires_at,
        reason=request.reason,
    )
    is_revert = request.event is ActionEvent.PROPOSE_REVERT  # an undo is about the result of its revert
    return {"proposal": proposal} | ({"result": None} if is_revert else {})


def _approved(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"proposal": before.proposal and msgspec.structs.replace(before.proposal, approved=_mark(request))}


def _approved_alone(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    proposal = before.proposal and msgspec.structs.replace(
        before.proposal, approved=_mark(request), reason=request.reason, is_break_glass=True
    )
    return {"proposal": proposal}


def _reverted(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"result": request.result, "executed": _approval(before), "is_undone": False}


def _undone(before: AlertActions, request: ActionRequest, settings: ActionSettings) -> Facts:
    return {
        **_reopened(before, request, settings),
        "result": request.result,
        "executed": _approval(before),
        "is_undone": True,
    }


def _failed(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"result": request.result}


def _approval(before: AlertActions) -> Mark | None:
    return before.proposal.approved if before.proposal else None


def _mark(request: ActionRequest) -> Mark:
    return Mark(request.person, request.at)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An event in one of the states `before`. `after` None keeps the status. All guards must pass."""

    event: ActionEvent
    before: frozenset[ActionStatus]
    after: ActionStatus | None
    guards: tuple[Guard, ...] = ()
    apply: _Apply = _nothing
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a revert and its undo have in common: a plan that is proposed, decided about and executed."""

    before: frozenset[ActionStatus]
    propose: ActionEvent
    proposed: ActionStatus
    approve: ActionEvent
    approved: ActionStatus
    reject: ActionEvent
    rejected: ActionStatus
    expire: ActionEvent
    expired: ActionStatus
    start: ActionEvent
    executing: ActionStatus
    complete: ActionEvent
    completed: ActionStatus
    apply: _Apply
    effect: Effect
    fail: ActionEvent
    abandon: ActionEvent
    failed: ActionStatus


_MAY_PROPOSE = (guards.in_full_mode, guards.mapped, guards.allowed, guards.not_the_actor)
_MAY_DECIDE = (*_MAY_PROPOSE, guards.current_proposal, guards.not_expired)


def _of_plan(plan: _Plan) -> tuple[Rule, ...]:
    proposed, under_way = frozenset({plan.proposed}), frozenset({plan.approved, plan.executing})
    return (
        Rule(event=plan.propose, before=plan.before, after=plan.proposed, guards=_MAY_PROPOSE, apply=_proposed),
        Rule(
            event=plan.approve,
            before=proposed,
            after=plan.approved,
            guards=(*_MAY_DECIDE, guards.second_person),
            apply=_approved,
            effects=(Effect.EXECUTE,),
        ),
        Rule(
            event=_E.BREAK_GLASS,
            before=proposed,
            after=plan.approved,
            guards=(*_MAY_DECIDE, guards.break_glass_is_on, guards.with_reason),
            apply=_approved_alone,
            effects=(Effect.NOTIFY_EVERYBODY, Effect.EXECUTE),
        ),
        Rule(
            event=plan.reject,
            before=proposed,
            after=plan.rejected,
            guards=(guards.in_full_mode, guards.mapped, guards.allowed, guards.current_proposal),
        ),
        Rule(event=plan.expire, before=proposed, after=plan.expired, guards=(guards.is_expired,)),
        # From `executing` too: an execution that was interrupted is started again with the same plan.
        Rule(event=plan.start, before=under_way, after=plan.executing),
        Rule(
            event=plan.complete,
            before=frozenset({plan.executing}),
            after=plan.completed,
            apply=plan.apply,
            effects=(plan.effect,),
        ),
        Rule(event=plan.fail, before=frozenset({plan.executing}), after=plan.failed, apply=_failed),
        # functions/act failed on it until the queue gave up.
        Rule(event=plan.abandon, before=under_way, after=plan.failed, guards=(guards.is_abandoned,)),
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
    before=_SETTLED,
    propose=_E.PROPOSE_REVERT,
    proposed=_S.REVERT_PROPOSED,
    approve=_E.APPROVE_REVERT,
    approved=_S.REVERT_APPROVED,
    reject=_E.REJECT_REVERT,
    rejected=_S.REVERT_REJECTED,
    expire=_E.EXPIRE_REVERT,
    expired=_S.REVERT_EXPIRED,
    start=_E.START_REVERT,
    executing=_S.REVERT_EXECUTING,
    complete=_E.COMPLETE_REVERT,
    completed=_S.REVERTED,
    apply=_reverted,
    effect=Effect.STOP_ESCALATION,
    fail=_E.FAIL_REVERT,
    abandon=_E.ABANDON_REVERT,
    failed=_S.REVERT_FAILED,
)
_UNDO = _Plan(
    before=frozenset({_S.REVERTED, _S.UNDO_FAILED}),
    propose=_E.PROPOSE_UNDO,
    proposed=_S.UNDO_PROPOSED,
    approve=_E.APPROVE_UNDO,
    approved=_S.UNDO_APPROVED,
    reject=_E.REJECT_UNDO,
    rejected=_S.REVERTED,
    expire=_E.EXPIRE_UNDO,
    expired=_S.REVERTED,
    start=_E.START_UNDO,
    executing=_S.UNDO_EXECUTING,
    complete=_E.COMPLETE_UNDO,
    completed=_S.UNDONE,
    apply=_undone,
    effect=Effect.RESUME_ESCALATION,
    fail=_E.FAIL_UNDO,
    abandon=_E.ABANDON_UNDO,
    failed=_S.UNDO_FAILED,
)

TRANSITIONS: tuple[Rule, ...] = (
    Rule(
        event=_E.ACKNOWLEDGE,
        before=_SETTLED,
        after=_S.ACKNOWLEDGED,
        guards=(guards.switched_on, guards.not_acknowledged),
        apply=_acknowledged,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.ACKNOWLEDGE,
        before=_UNDER_WAY,
        after=None,
        guards=(guards.switched_on, guards.not_acknowledged),
        apply=_acknowledged,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.SNOOZE,
        before=_SETTLED,
        after=_S.SNOOZED,
        guards=(guards.switched_on, guards.mapped, guards.not_critical, guards.snooze_in_range),
        apply=_snoozed,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.ASK_ACTOR,
        before=_SETTLED | _UNDER_WAY,
        after=None,
        guards=(guards.in_full_mode, guards.mapped, guards.actor_is_a_person, guards.not_asked),
        apply=_asked,
        effects=(Effect.ASK_ACTOR,),
    ),
    Rule(event=_E.ANSWER_YES, before=_ALL, after=None, guards=(guards.was_asked,), apply=_answered),
    Rule(
        event=_E.ANSWER_NO,
        before=_ATTENDED,
        after=_S.OPEN,
        guards=(guards.was_asked,),
        apply=_reopened,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    Rule(event=_E.ANSWER_NO, before=_ALL - _ATTENDED, after=None, guards=(guards.was_asked,), apply=_answered),
    Rule(
        event=_E.PROPOSE_EXCEPTION,
        before=_ALL,
        after=None,
        guards=(guards.in_full_mode, guards.mapped, guards.with_reason),
        effects=(Effect.POST_EXCEPTION,),
    ),
    Rule(
        event=_E.CLOSE,
        before=_SETTLED | {_S.REVERT_PROPOSED},
        after=_S.CLOSED,
        guards=(guards.not_undone,),
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.END_SNOOZE,
        before=frozenset({_S.SNOOZED}),
        after=_S.OPEN,
        guards=(guards.snooze_is_over,),
        apply=_reopened,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    Rule(
        event=_E.RAISE_SEVERITY,
        before=frozenset({_S.SNOOZED}),
        after=_S.OPEN,
        apply=_reopened,
        effects=(Effect.RESUME_ESCALATION,),
    ),
    *_of_plan(_REVERT),
    *_of_plan(_UNDO),
)
