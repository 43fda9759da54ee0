"""Transitions of alerts and what follows from them: notes, escalations, the question to the actor, reverts.

The state is written first, on the condition that nobody else did; what follows from it can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from gatewatch.actions.notes import Locale, note_to_everybody, thread_notes
from gatewatch.actions.performing import perform
from gatewatch.actions.proposed_exception import exception_snippet
from gatewatch.actions.request import ActionRequest
from gatewatch.actions.state_machine import Refusal, Transition, repeated, transition
from gatewatch.actions.transitions import Effect
from gatewatch.errors import PermanentDeliveryError
from gatewatch.model.alert_actions import GATEWATCH, ActionEvent, ActionStatus
from gatewatch.model.revert import FrozenPlan, RevertOutcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.actions.answers import Answers
    from gatewatch.actions.due import DueAlerts
    from gatewatch.actions.escalation import AlertEscalations
    from gatewatch.actions.posted_alerts import PostedAlert
    from gatewatch.actions.reverting import Reverts
    from gatewatch.actions.snoozed_alerts import SnoozedAlerts
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.action_store import ActionStore
    from gatewatch.delivery.outbox import MessageSink

PROPOSALS = frozenset({ActionEvent.PROPOSE_REVERT, ActionEvent.PROPOSE_UNDO})
_NO_PLAN = FrozenPlan("", (), "")  # to ask the guards before there is a plan
_UNDOING = frozenset({ActionStatus.UNDO_APPROVED, ActionStatus.UNDO_EXECUTING})
# By whether it is an undo, and its outcome; any other outcome is a failure.
_ENDS = {
    (False, RevertOutcome.REVERTED): ActionEvent.COMPLETE_REVERT,
    (True, RevertOutcome.UNDONE): ActionEvent.COMPLETE_UNDO,
}


@dataclass(frozen=True)
class AlertTransitions:
    """`now` is in seconds since 1970."""

    settings: Settings
    store: ActionStore
    due: DueAlerts
    snoozed: SnoozedAlerts
    outbox: MessageSink
    answers: Answers
    reverts: Reverts
    escalations: AlertEscalations
    now: Callable[[], float]
    log: Logger

    def perform(self, alert: PostedAlert, request: ActionRequest) -> Transition | Refusal:
        """Perform a request, with a plan if it is a proposal, and log it. `follow_up` does what follows from it.

        Raises `NotRevertibleError` for a proposal without a plan, and `TransientDeliveryError`.
        """
        if request.event in PROPOSALS:
            planned = self._with_plan(alert, request)
            if isinstance(planned, Refusal):
                return planned
            request = planned
        done = perform(self.store, alert.id, request, alert.subject, self.settings.actions)
        if isinstance(done, Transition):
            self._log_transition(alert, done)
        return done

    def _with_plan(self, alert: PostedAlert, request: ActionRequest) -> ActionRequest | Refusal:
        """The guards are asked before anything is read in a member account; a stored proposal has its plan."""
        before = self.store.load(alert.id).actions
        if repeated(before, request):
            return request
        unplanned = msgspec.structs.replace(request, plan=_NO_PLAN)
        refusal = transition(before, unplanned, alert.subject, self.settings.actions)
        if isinstance(refusal, Refusal):
            return refusal
        is_undo = request.event is ActionEvent.PROPOSE_UNDO
        plan = self.reverts.plan_undo(before.result) if is_undo else self.reverts.plan(alert.notification)
        return msgspec.structs.replace(request, plan=plan)

    def _log_transition(self, alert: PostedAlert, done: Transition) -> None:
        record = done.record
        facts = {"alert": alert.id, "event_id": alert.notification.event_id, "action": record.event.value}
        person = {"user": record.person.id, "identities": list(record.person.identities), "source": record.source}
        self.log.info("action", extra={**facts, **person, "before": record.before.value, "after": record.after.value})

    def follow_up(self, alert: PostedAlert, done: Transition, inputs: dict[str, str] | None = None) -> None:
        """Everything here can be repeated; the ledger skips notes that were delivered."""
        locale, snippet = Locale(alert.notification.language, alert.notification.alert.account.timezone), ""
        if Effect.POST_EXCEPTION in done.effects:
            snippet = exception_snippet(alert.notification.alert, f"proposed-{alert.id[:8]}", inputs or {})
        self.outbox.put(thread_notes(alert.id, done, alert.messages, locale, snippet))
        self.due.watch(alert.id, done.actions)
        if done.record.event is ActionEvent.SNOOZE:
            self.snoozed.add(alert.notification, alert.id, done.actions.snoozed_until)
        if Effect.STOP_ESCALATION in done.effects:
            for each in alert.notifications:
                self.escalations.stop(each)
        if Effect.RESUME_ESCALATION in done.effects:
            for each in alert.notifications:
                self.escalations.resume(each, self.now())
        if Effect.ASK_ACTOR in done.effects:
            self._ask(alert, done)
        if Effect.NOTIFY_EVERYBODY in done.effects:
            self.outbox.put(note_to_everybody(alert.id, done, self.settings.default_destinations, locale))
        if Effect.EXECUTE in done.effects:
            self._execute(alert, done.record.key)

    def _ask(self, alert: PostedAlert, done: Transition) -> None:
        try:
            self.answers.ask(alert.id, done.actions, alert.notification, done.record.person)
        except PermanentDeliveryError as error:
            self.log.warning("not asked", extra={"reason": str(error)})

    def _execute(self, alert: PostedAlert, key: str) -> None:
        """Execute the approved plan. An execution that was interrupted is started again, one that ended is not.

        `key` is that of the approval.
        """
        end = ActionRequest(event=ActionEvent.COMPLETE_REVERT, person=GATEWATCH, at=self.now(), key=f"{key}#end")
        before = self.store.load(alert.id).actions
        finished = repeated(before, end) or self._executed(alert, end, is_undo=before.status in _UNDOING)
        if finished:
            self.follow_up(alert, finished)

    def _executed(self, alert: PostedAlert, end: ActionRequest, *, is_undo: bool) -> Transition | None:
        start = ActionEvent.START_UNDO if is_undo else ActionEvent.START_REVERT
        started = self.perform(alert, ActionRequest(event=start, person=GATEWATCH, at=self.now()))
        if isinstance(started, Refusal) or started.actions.proposal is None:
            return None
        plan = started.actions.proposal.plan
        report = self.reverts.undo(plan) if is_undo else self.reverts.execute(plan, alert.notification)
        event = _ENDS.get((is_undo, report.outcome), ActionEvent.FAIL_UNDO if is_undo else ActionEvent.FAIL_REVERT)
        finished = self.perform(alert, msgspec.structs.replace(end, event=event, at=self.now(), result=report))
        return finished if isinstance(finished, Transition) else None
