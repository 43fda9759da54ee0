"""SQS FIFO handler: works off clicks, one after the other for each alert.

A click that is worked off again is recognised by its key in the audit record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gatewatch.actions import guards
from gatewatch.actions.alert_transitions import PROPOSALS
from gatewatch.actions.click import decode_click
from gatewatch.actions.request import ActionRequest
from gatewatch.actions.reverting import obstacle_sentences
from gatewatch.actions.state_machine import Refusal
from gatewatch.actions.view import EVENT_OF
from gatewatch.aws import metrics
from gatewatch.errors import PermanentDeliveryError
from gatewatch.model.alert_actions import ActionButton, ActionEvent
from gatewatch.remediation.revert.plan import NotRevertibleError
from gatewatch.rendering.time_text import start_of_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from gatewatch.actions.alert_transitions import AlertTransitions
    from gatewatch.actions.answers import Answers
    from gatewatch.actions.click import Click
    from gatewatch.actions.due_transitions import DueTransitions
    from gatewatch.actions.posted_alerts import PostedAlert, PostedAlerts
    from gatewatch.actions.slack_users import SlackUsers
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert_actions import Person

_ANSWERS = frozenset({ActionButton.ANSWER_YES, ActionButton.ANSWER_NO})
_HOURS = {ActionButton.SNOOZE_HOUR: 1, ActionButton.SNOOZE_DAY: 24}


@dataclass(frozen=True)
class ActHandler:
    settings: Settings
    alerts: PostedAlerts
    transitions: AlertTransitions
    due_transitions: DueTransitions
    users: SlackUsers
    answers: Answers
    now: Callable[[], float]
    log: Logger
    meter: Meter

    def handle(self, record: dict[str, Any]) -> None:
        """Work off one click. Raises when it has to be tried again; SQS dead-letters it in the end."""
        click = decode_click(record["body"])
        alert = self.alerts.find(click.alert)
        if alert is None or not self._is_message_of(click, alert):
            self._refuse(click, "unknown_alert", self.settings.defaults.language)
            return
        person = self._member(click)
        if person is None:
            self._refuse(click, "not_a_member", alert.notification.language)
            return
        self.due_transitions.settle(alert)
        self.act(click, alert, person)

    def _is_message_of(self, click: Click, alert: PostedAlert) -> bool:
        """A button counts only in the message that it was posted with; the question to the actor is in no channel."""
        is_here = any((each.channel, each.ts) == (click.channel, click.ts) for each in alert.messages)
        return is_here or click.button in _ANSWERS

    def _member(self, click: Click) -> Person | None:
        try:
            return self.users.member(click.user)
        except PermanentDeliveryError as error:
            self.log.error("users cannot be read in Slack", extra={"reason": str(error)})  # noqa: TRY400  no secrets
            return None

    def act(self, click: Click, alert: PostedAlert, person: Person) -> None:
        """Do what a person asks for, or answer why not."""
        try:
            done = self.transitions.perform(alert, self._request(click, alert, person))
        except NotRevertibleError as error:
            is_undo = click.button is ActionButton.PROPOSE_UNDO
            why = (error.sentence,) if is_undo else obstacle_sentences(error, alert.notification)
            self.answers.explain(click, why, alert.notification.language)
            return
        if isinstance(done, Refusal):
            self._refuse(click, _reason(done, person), alert.notification.language)
            return
        self.meter.count(metrics.ACTIONS_PERFORMED)
        self.transitions.follow_up(alert, done, click.inputs)

    def _request(self, click: Click, alert: PostedAlert, person: Person) -> ActionRequest:
        event = EVENT_OF[click.button]
        return ActionRequest(
            event=event,
            person=person,
            at=self.now(),
            source=click.source,
            key=click.key,
            reason=click.inputs.get("reason", ""),
            until=_until(click, alert.notification.alert.account.timezone),
            asked=self._asked(alert) if event is ActionEvent.ASK_ACTOR else "",
            proposal=click.key[:32] if event in PROPOSALS else click.proposal,
        )

    def _asked(self, alert: PostedAlert) -> str:
        """The Slack user id of the actor; empty when nobody is found, or when the app may not look."""
        try:
            return self.users.actor(alert.notification.alert.call.actor)
        except PermanentDeliveryError as error:
            self.log.warning("users cannot be read in Slack", extra={"reason": str(error)})
            return ""

    def _refuse(self, click: Click, reason: str, language: str) -> None:
        self.meter.count(metrics.ACTIONS_REFUSED)
        facts = {"alert": click.alert, "action": click.button.value, "user": click.user, "reason": reason}
        self.log.info("click refused", extra=facts)
        self.answers.refuse(click, reason, language)


def _reason(refusal: Refusal, person: Person) -> str:
    """The key of the reason; for a person without an AWS identity with the cause, where it is known."""
    is_unmapped = refusal.reason == guards.mapped.__name__ and person.unmapped
    return f"{refusal.reason}_{person.unmapped}" if is_unmapped else refusal.reason


def _until(click: Click, timezone: str) -> float:
    """When a snooze ends, in seconds since 1970; 0 for a day that is none. `timezone` is the one of a day."""
    if hours := _HOURS.get(click.button):
        return click.at + hours * 3600
    try:
        return start_of_day(date.fromisoformat(click.inputs.get("until", "")), timezone).timestamp()
    except (ValueError, OverflowError):
        return 0.0
