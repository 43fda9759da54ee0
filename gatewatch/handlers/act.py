"""SQS FIFO handler: works off clicks, one after the other for each alert.

The state is written first, on the condition that nobody else did; what follows from it can be repeated. A click that
is worked off again is recognised by its key in the audit record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.actions import guards
from gatewatch.actions.click import decode_click
from gatewatch.actions.notes import note_to_everybody, thread_notes
from gatewatch.actions.performing import perform
from gatewatch.actions.proposed_exception import exception_snippet
from gatewatch.actions.request import ActionRequest, Subject
from gatewatch.actions.reverting import obstacle_sentences
from gatewatch.actions.state_machine import Refusal, Transition, recorded, repeated, transition
from gatewatch.actions.transitions import Effect
from gatewatch.actions.view import EVENT_OF, content_id, content_subject
from gatewatch.aws import metrics
from gatewatch.config.destinations import SlackApp
from gatewatch.delivery.action_store import PostedMessage
from gatewatch.errors import GatewatchError, PermanentDeliveryError
from gatewatch.model.alert_actions import GATEWATCH, ActionButton, ActionEvent, ActionStatus
from gatewatch.model.message import Content, contained_messages
from gatewatch.model.notification import AlertNotification
from gatewatch.model.revert import FrozenPlan, RevertOutcome
from gatewatch.remediation.revert.plan import NotRevertibleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.actions.answers import Answers
    from gatewatch.actions.click import Click
    from gatewatch.actions.due import DueAlert, DueAlerts
    from gatewatch.actions.escalation import AlertEscalations
    from gatewatch.actions.reverting import Reverts
    from gatewatch.actions.slack_users import SlackUsers
    from gatewatch.actions.snoozed_alerts import SnoozedAlerts
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.action_store import ActionStore
    from gatewatch.delivery.outbox import MessageSink
    from gatewatch.delivery.thread_store import ThreadStore
    from gatewatch.model.alert_actions import AlertActions, Person

_PROPOSALS = frozenset({ActionEvent.PROPOSE_REVERT, ActionEvent.PROPOSE_UNDO})
_NO_PLAN = FrozenPlan("", (), "")  # to ask the guards before anything is read in a member account
_ANSWERS = frozenset({ActionButton.ANSWER_YES, ActionButton.ANSWER_NO})
_UNDOING = frozenset({ActionStatus.UNDO_APPROVED, ActionStatus.UNDO_EXECUTING})
# By whether it is an undo, and its outcome; any other outcome is a failure.
_ENDS = {
    (False, RevertOutcome.REVERTED): ActionEvent.COMPLETE_REVERT,
    (True, RevertOutcome.UNDONE): ActionEvent.COMPLETE_UNDO,
}
# What time makes due; the state and the guards say whether it is.
_DUE = (
    ActionEvent.END_SNOOZE,
    ActionEvent.EXPIRE_REVERT,
    ActionEvent.ABANDON_REVERT,
    ActionEvent.EXPIRE_UNDO,
    ActionEvent.ABANDON_UNDO,
)
_SETTLING = frozenset({*_DUE, ActionEvent.RAISE_SEVERITY, ActionEvent.CLOSE})
_HOURS = {ActionButton.SNOOZE_HOUR: 1, ActionButton.SNOOZE_DAY: 24}


class KnownAlert(Struct, frozen=True):
    """An alert, or a roll-up, as it was posted. `messages` show it; `is_resolved`: what it opened is closed."""

    id: str
    content: Content
    subject: Subject
    messages: tuple[PostedMessage, ...]
    is_resolved: bool

    @property
    def notifications(self) -> tuple[AlertNotification, ...]:
        alerts = (each.notification for each in contained_messages(self.content))
        return tuple(each for each in alerts if isinstance(each, AlertNotification))

    @property
    def notification(self) -> AlertNotification:
        """The alert; of a roll-up the worst."""
        return max(self.notifications, key=lambda each: each.severity.rank)


@dataclass(frozen=True)
class ActHandler:
    settings: Settings
    store: ActionStore
    threads: ThreadStore
    due: DueAlerts
    snoozed: SnoozedAlerts
    outbox: MessageSink
    users: SlackUsers
    answers: Answers
    reverts: Reverts
    escalations: AlertEscalations
    now: Callable[[], float]
    log: Logger
    meter: Meter

    def handle(self, record: dict[str, Any]) -> None:
        """Work off one click. Raises when it has to be tried again; SQS dead-letters it in the end."""
        click = decode_click(record["body"])
        alert = self.find(click.alert)
        if alert is None or not self._is_message_of(click, alert):
            self._refuse(click, "unknown_alert", self.settings.defaults.language)
            return
        person = self._member(click)
        if person is None:
            self._refuse(click, "not_a_member", alert.notification.language)
            return
        self.settle(alert)
        self.act(click, alert, person)

    def settle_due(self) -> None:
        """End snoozes and proposals whose time is over. Each alert is tried again until that is done.

        Raises the first error in the end: one alert does not keep the others from being settled.
        """
        errors = []
        for each in list(self.due.due(self.now())):
            try:
                self._settle_due(each)
            except GatewatchError as error:
                self.log.error("not settled", extra={"alert": each.alert, "reason": str(error)})  # noqa: TRY400
                errors.append(error)
        if errors:
            raise errors[0]

    def _settle_due(self, due: DueAlert) -> None:
        """The row of an alert is removed last, so a process that ends before that is followed by another one."""
        if (alert := self.find(due.alert)) and not self.settle(alert, is_raised=due.is_raised):
            self._resume(alert, due)
        self.due.remove(due.alert)

    def _resume(self, alert: KnownAlert, due: DueAlert) -> None:
        """Follow up what an earlier process stored but may not have followed up, unless something happened since."""
        actions = self.store.load(alert.id).actions
        record = actions.audit[-1] if actions.audit else None
        if record and record.person == GATEWATCH and record.event in _SETTLING and record.at >= due.at:
            self._follow_up(alert, recorded(actions, record))

    def find(self, name: str) -> KnownAlert | None:
        """The alert of an id, from the messages that were posted; None for an id that no message has."""
        apps = [key for key, each in self.settings.destinations.items() if isinstance(each, SlackApp)]
        messages = self.store.messages(name, apps)
        for each in messages:
            parent = self.threads.parent(each.destination, each.key)
            content = parent.content if parent else None
            subject = content_subject(content) if content else None
            if parent and content and subject and content_id(content) == name:
                return KnownAlert(name, content, subject, messages, parent.state.is_resolved)
        return None

    def _is_message_of(self, click: Click, alert: KnownAlert) -> bool:
        """A button counts only in the message that it was posted with; the question to the actor is in no channel."""
        is_here = any((each.channel, each.ts) == (click.channel, click.ts) for each in alert.messages)
        return is_here or click.button in _ANSWERS

    def _member(self, click: Click) -> Person | None:
        try:
            return self.users.member(click.user)
        except PermanentDeliveryError as error:
            self.log.error("users cannot be read in Slack", extra={"reason": str(error)})  # noqa: TRY400  no secrets
            return None

    def settle(self, alert: KnownAlert, *, is_raised: bool = False) -> bool:
        """Make the transitions that time or AWS made due; whether there were any."""
        found = {ActionEvent.CLOSE: alert.is_resolved, ActionEvent.RAISE_SEVERITY: is_raised}
        events = [event for event, is_due in found.items() if is_due]
        is_settled = False
        for event in [*events, *_DUE]:
            request = ActionRequest(event=event, person=GATEWATCH, at=self.now())
            if isinstance(done := self._perform(alert, request), Transition):
                self._follow_up(alert, done)
                is_settled = True
        return is_settled

    def act(self, click: Click, alert: KnownAlert, person: Person) -> None:
        """Do what a person asks for, or answer why not."""
        request = self._request(click, alert, person)
        if request.event in _PROPOSALS:
            before = self.store.load(alert.id).actions
            refusal = transition(before, request, alert.subject, self.settings.actions)
            if isinstance(refusal, Refusal) and not any(each.key == request.key for each in before.audit):
                self._refuse(click, _reason(refusal, person), alert.notification.language)
                return
            try:
                plan = self._planned(request.event, alert, before)
                request = msgspec.structs.replace(request, plan=plan)
            except NotRevertibleError as error:
                is_undo = request.event is ActionEvent.PROPOSE_UNDO
                why = (error.sentence,) if is_undo else obstacle_sentences(error, alert.notification)
                self.answers.explain(click, why, alert.notification.language)
                return
        done = self._perform(alert, request)
        if isinstance(done, Refusal):
            self._refuse(click, _reason(done, person), alert.notification.language)
            return
        self.meter.count(metrics.ACTIONS_PERFORMED)
        self._follow_up(alert, done, click.inputs)

    def _planned(self, event: ActionEvent, alert: KnownAlert, before: AlertActions) -> FrozenPlan:
        """Raises `NotRevertibleError`."""
        if event is ActionEvent.PROPOSE_UNDO:
            return self.reverts.plan_undo(before.result)
        return self.reverts.plan(alert.notification)

    def _request(self, click: Click, alert: KnownAlert, person: Person) -> ActionRequest:
        event = EVENT_OF[click.button]
        return ActionRequest(
            event=event,
            person=person,
            at=self.now(),
            source=click.source,
            key=click.key,
            reason=click.inputs.get("reason", ""),
            until=_until(click),
            asked=self._asked(alert) if event is ActionEvent.ASK_ACTOR else "",
            proposal=click.key[:32] if event in _PROPOSALS else click.proposal,
            plan=_NO_PLAN if event in _PROPOSALS else None,
        )

    def _asked(self, alert: KnownAlert) -> str:
        """The Slack user id of the actor; empty when nobody is found, or when the app may not look."""
        try:
            return self.users.actor(alert.notification.alert.call.actor)
        except PermanentDeliveryError as error:
            self.log.warning("users cannot be read in Slack", extra={"reason": str(error)})
            return ""

    def _perform(self, alert: KnownAlert, request: ActionRequest) -> Transition | Refusal:
        done = perform(self.store, alert.id, request, alert.subject, self.settings.actions)
        if isinstance(done, Transition):
            self._audit(alert, done)
        return done

    def _audit(self, alert: KnownAlert, done: Transition) -> None:
        record = done.record
        facts = {"alert": alert.id, "event_id": alert.notification.event_id, "action": record.event.value}
        person = {"user": record.person.id, "identities": list(record.person.identities), "source": record.source}
        self.log.info("action", extra={**facts, **person, "before": record.before.value, "after": record.after.value})

    def _follow_up(self, alert: KnownAlert, done: Transition, inputs: dict[str, str] | None = None) -> None:
        """Everything here can be repeated; the ledger skips notes that were delivered."""
        language, snippet = alert.notification.language, ""
        if Effect.POST_EXCEPTION in done.effects:
            snippet = exception_snippet(alert.notification.alert, f"proposed-{alert.id[:8]}", inputs or {})
        self.outbox.put(thread_notes(alert.id, done, alert.messages, language, snippet))
        self.due.watch(alert.id, done)
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
            self.outbox.put(note_to_everybody(alert.id, done, self.settings.default_destinations, language))
        if Effect.EXECUTE in done.effects:
            self._execute(alert, done.record.key)

    def _ask(self, alert: KnownAlert, done: Transition) -> None:
        try:
            self.answers.ask(alert.id, done.actions, alert.notification, done.record.person)
        except PermanentDeliveryError as error:
            self.log.warning("not asked", extra={"reason": str(error)})

    def _execute(self, alert: KnownAlert, key: str) -> None:
        """Execute the approved plan. An execution that was interrupted is started again, one that ended is not.

        `key` is that of the approval.
        """
        end = ActionRequest(event=ActionEvent.COMPLETE_REVERT, person=GATEWATCH, at=self.now(), key=f"{key}#end")
        before = self.store.load(alert.id).actions
        finished = repeated(before, end) or self._executed(alert, end, is_undo=before.status in _UNDOING)
        if finished:
            self._follow_up(alert, finished)

    def _executed(self, alert: KnownAlert, end: ActionRequest, *, is_undo: bool) -> Transition | None:
        start = ActionEvent.START_UNDO if is_undo else ActionEvent.START_REVERT
        started = self._perform(alert, ActionRequest(event=start, person=GATEWATCH, at=self.now()))
        if isinstance(started, Refusal) or started.actions.proposal is None:
            return None
        plan = started.actions.proposal.plan
        report = self.reverts.undo(plan) if is_undo else self.reverts.execute(plan, alert.notification)
        event = _ENDS.get((is_undo, report.outcome), ActionEvent.FAIL_UNDO if is_undo else ActionEvent.FAIL_REVERT)
        finished = self._perform(alert, msgspec.structs.replace(end, event=event, at=self.now(), result=report))
        return finished if isinstance(finished, Transition) else None

    def _refuse(self, click: Click, reason: str, language: str) -> None:
        self.meter.count(metrics.ACTIONS_REFUSED)
        facts = {"alert": click.alert, "action": click.button.value, "user": click.user, "reason": reason}
        self.log.warning("refused", extra=facts)
        self.answers.refuse(click, reason, language)


def _reason(refusal: Refusal, person: Person) -> str:
    """The key of the reason; for a person without an AWS identity with the cause, where it is known."""
    is_unmapped = refusal.reason == guards.mapped.__name__ and person.unmapped
    return f"{refusal.reason}_{person.unmapped}" if is_unmapped else refusal.reason


def _until(click: Click) -> float:
    """When a snooze ends, in seconds since 1970; 0 for a day that is none. A day ends at midnight UTC."""
    if hours := _HOURS.get(click.button):
        return click.at + hours * 3600
    try:
        day = datetime.strptime(click.inputs.get("until", ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return (day + timedelta(days=1)).timestamp()
