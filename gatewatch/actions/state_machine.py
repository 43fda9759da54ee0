"""The state machine of what people do about an alert, as data: `TRANSITIONS`. `transition` has no side effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.actions import guards
from gatewatch.model.alert_actions import (
    GATEWATCH,
    ActionEvent,
    ActionStatus,
    AlertActions,
    AuditRecord,
    Mark,
    RevertProposal,
)

if TYPE_CHECKING:
    from gatewatch.actions.guards import Guard
    from gatewatch.actions.request import ActionRequest, Subject
    from gatewatch.config.actions import ActionSettings

_MAX_TRANSITIONS = 200  # of one alert; an item of DynamoDB holds 400 KB

_S, _E = ActionStatus, ActionEvent


class Effect(StrEnum):
    """What the caller of `transition` has to do once the new state is stored."""

    STOP_ESCALATION = "stop_escalation"
    RESUME_ESCALATION = "resume_escalation"
    ASK_ACTOR = "ask_actor"
    POST_EXCEPTION = "post_exception"
    EXECUTE_REVERT = "execute_revert"
    NOTIFY_EVERYBODY = "notify_everybody"


class Transition(Struct, frozen=True):
    """The new state, its audit record, and what has to be done."""

    actions: AlertActions
    record: AuditRecord
    effects: tuple[Effect, ...]


class Refusal(Struct, frozen=True):
    """`reason` is a key of `action` in the labels."""

    reason: str


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
    return {"proposal": proposal, "result": None}


def _approved(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"proposal": before.proposal and msgspec.structs.replace(before.proposal, approved=_mark(request))}


def _approved_alone(before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    proposal = before.proposal and msgspec.structs.replace(
        before.proposal, approved=_mark(request), reason=request.reason, is_break_glass=True
    )
    return {"proposal": proposal}


def _finished(_before: AlertActions, request: ActionRequest, _settings: ActionSettings) -> Facts:
    return {"result": request.result}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An event in one of the states `before`. `after` None keeps the status. All guards must pass."""

    event: ActionEvent
    before: frozenset[ActionStatus]
    after: ActionStatus | None
    guards: tuple[Guard, ...] = ()
    apply: _Apply = _nothing
    effects: tuple[Effect, ...] = ()


_SETTLED = frozenset({_S.OPEN, _S.ACKNOWLEDGED, _S.SNOOZED, _S.REVERT_REJECTED, _S.REVERT_EXPIRED, _S.REVERT_FAILED})
_ATTENDED = frozenset({_S.ACKNOWLEDGED, _S.SNOOZED})
_UNDER_WAY = frozenset({_S.REVERT_PROPOSED, _S.REVERT_APPROVED, _S.REVERT_EXECUTING})
_PROPOSED = frozenset({_S.REVERT_PROPOSED})
_ALL = frozenset(ActionStatus)
_MAY_REVERT = (guards.in_full_mode, guards.mapped, guards.allowed, guards.not_the_actor)
_MAY_DECIDE = (*_MAY_REVERT, guards.current_proposal, guards.not_expired)

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
        event=_E.PROPOSE_REVERT,
        before=_SETTLED,
        after=_S.REVERT_PROPOSED,
        guards=_MAY_REVERT,
        apply=_proposed,
    ),
    Rule(
        event=_E.APPROVE_REVERT,
        before=_PROPOSED,
        after=_S.REVERT_APPROVED,
        guards=(*_MAY_DECIDE, guards.second_person),
        apply=_approved,
        effects=(Effect.EXECUTE_REVERT,),
    ),
    Rule(
        event=_E.BREAK_GLASS,
        before=_PROPOSED,
        after=_S.REVERT_APPROVED,
        guards=(*_MAY_DECIDE, guards.break_glass_is_on, guards.with_reason),
        apply=_approved_alone,
        effects=(Effect.NOTIFY_EVERYBODY, Effect.EXECUTE_REVERT),
    ),
    Rule(
        event=_E.REJECT_REVERT,
        before=_PROPOSED,
        after=_S.REVERT_REJECTED,
        guards=(guards.in_full_mode, guards.mapped, guards.allowed, guards.current_proposal),
    ),
    Rule(event=_E.CLOSE, before=_SETTLED | _PROPOSED, after=_S.CLOSED, effects=(Effect.STOP_ESCALATION,)),
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
    Rule(event=_E.EXPIRE_REVERT, before=_PROPOSED, after=_S.REVERT_EXPIRED, guards=(guards.is_expired,)),
    # From REVERT_EXECUTING too: an execution that was interrupted is started again with the same plan.
    Rule(
        event=_E.START_REVERT,
        before=frozenset({_S.REVERT_APPROVED, _S.REVERT_EXECUTING}),
        after=_S.REVERT_EXECUTING,
    ),
    Rule(
        event=_E.COMPLETE_REVERT,
        before=frozenset({_S.REVERT_EXECUTING}),
        after=_S.REVERTED,
        apply=_finished,
        effects=(Effect.STOP_ESCALATION,),
    ),
    Rule(
        event=_E.FAIL_REVERT,
        before=frozenset({_S.REVERT_EXECUTING}),
        after=_S.REVERT_FAILED,
        apply=_finished,
    ),
    # functions/act failed on it until the queue gave up.
    Rule(
        event=_E.ABANDON_REVERT,
        before=frozenset({_S.REVERT_APPROVED, _S.REVERT_EXECUTING}),
        after=_S.REVERT_FAILED,
        guards=(guards.is_abandoned,),
    ),
)


def transition(
    before: AlertActions, request: ActionRequest, subject: Subject, settings: ActionSettings
) -> Transition | Refusal:
    """Return the state after an event and its effects, or why it is refused. The new state has the audit record."""
    rule = next((each for each in TRANSITIONS if each.event is request.event and before.status in each.before), None)
    if rule is None:
        return Refusal(f"status_{before.status}")
    if len(before.audit) >= _MAX_TRANSITIONS and request.person != GATEWATCH:
        return Refusal("too_many_transitions")
    context = guards.GuardContext(before, request, subject, settings)
    for guard in rule.guards:
        if not guard(context):
            return Refusal(guard.__name__)
    after = rule.after or before.status
    record = AuditRecord(
        event=request.event,
        before=before.status,
        after=after,
        person=request.person,
        at=request.at,
        source=request.source,
        key=request.key,
        detail=request.reason or (request.result.outcome if request.result else ""),
    )
    values = {"status": after, "audit": (*before.audit, record), **rule.apply(before, request, settings)}
    return Transition(msgspec.structs.replace(before, **values), record, rule.effects)


def repeated(actions: AlertActions, request: ActionRequest) -> Transition | None:
    """Return the transition of a request that is stored already, with its effects; None for a new request."""
    record = next((each for each in actions.audit if request.key and each.key == request.key), None)
    if record is None:
        return None
    rule = next(each for each in TRANSITIONS if each.event is record.event and record.before in each.before)
    return Transition(actions, record, rule.effects)


def _mark(request: ActionRequest) -> Mark:
    return Mark(request.person, request.at)
