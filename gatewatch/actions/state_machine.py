"""The state machine of what people do about an alert. `transition` has no side effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from gatewatch.actions import guards
from gatewatch.actions.transitions import Effect, rule_for
from gatewatch.model.alert_actions import GATEWATCH, AlertActions, AuditRecord

if TYPE_CHECKING:
    from gatewatch.actions.request import ActionRequest, Subject
    from gatewatch.config.actions import ActionSettings

_MAX_TRANSITIONS = 200  # of one alert; an item of DynamoDB holds 400 KB


class Transition(Struct, frozen=True):
    """The new state, its audit record, and what has to be done."""

    actions: AlertActions
    record: AuditRecord
    effects: tuple[Effect, ...]


class Refusal(Struct, frozen=True):
    """`reason` is a key of `action` in the labels."""

    reason: str


def transition(
    before: AlertActions, request: ActionRequest, subject: Subject, settings: ActionSettings
) -> Transition | Refusal:
    """Return the state after an event and its effects, or why it is refused. The new state has the audit record."""
    rule = rule_for(request.event, before.status)
    if rule is None:
        return Refusal(f"status_{before.status}")
    if len(before.audit) >= _MAX_TRANSITIONS and request.person != GATEWATCH:
        return Refusal("too_many_transitions")
    context = guards.GuardContext(before, request, subject, settings)
    for guard in rule.guards:
        if not guard(context):
            return Refusal(guard.__name__)
    changes = rule.change(before, request, settings)
    after = changes.get("status", rule.after or before.status)
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
    values = {**changes, "status": after, "audit": (*before.audit, record)}
    return Transition(msgspec.structs.replace(before, **values), record, rule.effects)


def repeated(actions: AlertActions, request: ActionRequest) -> Transition | None:
    """Return the transition of a request that is stored already, with its effects; None for a new request."""
    record = next((each for each in actions.audit if request.key and each.key == request.key), None)
    return recorded(actions, record) if record else None


def recorded(actions: AlertActions, record: AuditRecord) -> Transition:
    """The transition of an audit record, with its effects, to follow it up again."""
    rule = rule_for(record.event, record.before)
    return Transition(actions, record, rule.effects if rule else ())
