"""`gatewatch act` on a deployed stage: the alerts, and what a person does about one, as the clicks in Slack do it.

The person is the caller of AWS, so nobody can act as somebody else. The same handler, state machine and guards decide.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from typing import TYPE_CHECKING

from gatewatch.actions.alert_transitions import AlertTransitions
from gatewatch.actions.answers import Answers
from gatewatch.actions.click import Click
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.due_transitions import DueTransitions
from gatewatch.actions.escalation import AlertEscalations
from gatewatch.actions.people import person_of_caller
from gatewatch.actions.posted_alerts import PostedAlerts
from gatewatch.actions.reverting import Reverts
from gatewatch.actions.slack_api import SlackApi
from gatewatch.actions.slack_users import SlackUsers
from gatewatch.actions.snoozed_alerts import SnoozedAlerts
from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NoMeter
from gatewatch.aws.roles import role_arn
from gatewatch.cli.alert_view import alert_row, alert_view
from gatewatch.config.destinations import SecretRef
from gatewatch.config.paths import TEMPLATES
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.http import HttpClient, http_pool
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import GatewatchError
from gatewatch.handlers.act import ActHandler
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.revert.reverter import Reverter
from gatewatch.remediation.revert.sentences import sentence_text
from gatewatch.remediation.snapshots import SnapshotStore
from gatewatch.rendering.text.labels import Labels, load_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gatewatch.actions.posted_alerts import PostedAlert
    from gatewatch.cli.alert_view import AlertRow, AlertView
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert_actions import ActionButton, AlertActions, Person
    from gatewatch.model.notification import Sentence

_SOURCE = "terminal"
_LABELS = "en"


class ActionRefusedError(GatewatchError):
    """What a person asked for was refused; the message is the reason. Nothing was changed."""


class UnknownAlertError(GatewatchError):
    """No message of the destinations that show actions has this alert."""


class _TerminalAnswers(Answers):
    """Collects why an action was refused, in place of an answer in Slack."""

    def __init__(self, slack: SlackApi, labels: Labels, log: logging.Logger) -> None:
        super().__init__(slack, lambda _language: labels, log)
        self._texts = labels
        self.refusals: list[str] = []

    def explain(self, click: Click, sentences: Iterable[Sentence], language: str) -> None:  # noqa: ARG002  the form of the base class
        self.refusals.append(" ".join(sentence_text(each, self._texts) for each in sentences))

    def tell(self, click: Click, text: str) -> None:  # noqa: ARG002  likewise
        self.refusals.append(text)


def _key(alert: str, button: ActionButton, proposal: str, person: Person) -> str:
    """The same for a repeated decision about a proposal: what a process that ended left of it is then done."""
    if not proposal:
        return secrets.token_hex(32)
    return hashlib.sha256(f"{alert}\n{button}\n{proposal}\n{person.id}".encode()).hexdigest()


class TerminalActions:
    """Alerts of a stage, and the actions of the caller. `role` is assumed in a member for a revert.

    Methods raise `HubTableError` and botocore's errors.
    """

    def __init__(self, settings: Settings, stage: str, role: str) -> None:
        self._settings, self._aws = settings, Aws()
        self._table = HubTable(self._aws.dynamodb, f"gatewatch-{stage}")
        self._name = f"gatewatch-{stage}"
        self._labels = load_labels(TEMPLATES, _LABELS)
        self._store = ActionStore(self._table)
        self._alerts = PostedAlerts(settings, self._store, ThreadStore(self._table))
        log = logging.getLogger(__name__)
        api = SlackApi(
            HttpClient(http_pool()), SecretStore(self._aws), settings.actions.token or SecretRef(), SLACK_API
        )
        self._answers = _TerminalAnswers(api, self._labels, log)
        due, outbox = DueAlerts(self._table), Outbox(self._aws.sqs, self._outbox_url())
        escalations = Escalations(self._table)
        transitions = AlertTransitions(
            settings=settings,
            store=self._store,
            due=due,
            snoozed=SnoozedAlerts(self._table, due),
            outbox=WatchedOutbox(outbox, escalations, settings, time.time),
            answers=self._answers,
            reverts=Reverts(self._reverter(role)),
            escalations=AlertEscalations(escalations, outbox, settings),
            now=time.time,
            log=log,
        )
        self._due_transitions = DueTransitions(self._alerts, transitions)
        self._handler = ActHandler(
            settings=settings,
            alerts=self._alerts,
            transitions=transitions,
            due_transitions=self._due_transitions,
            users=SlackUsers(api, settings.actions, settings.people),
            answers=self._answers,
            now=time.time,
            log=log,
            meter=NoMeter(),
        )

    def rows(self, days: int, limit: int) -> tuple[list[AlertRow], int]:
        """Return the latest alerts whose messages can be acted on, the newest first, and how many are left out."""
        ids = self._store.latest(days)
        found = (self._alerts.find(name) for name in ids[:limit])
        return [alert_row(each, self._state(each), self._labels) for each in found if each], len(ids[limit:])

    def view(self, name: str) -> AlertView:
        return self._view(self._find(name))

    def act(self, name: str, button: ActionButton, inputs: Mapping[str, str], proposal: str = "") -> AlertView:
        """Do what a button does, as the caller; return the alert afterwards.

        Raises `ActionRefusedError`, and `UnknownAlertError` for an id that no message has.
        """
        alert, person = self._find(name), self.person
        self._due_transitions.settle(alert)
        click = Click(
            key=_key(name, button, proposal, person),
            button=button,
            alert=name,
            user=_SOURCE,
            channel=_SOURCE,
            ts="",
            at=time.time(),
            proposal=proposal,
            inputs=dict(inputs),
        )
        self._handler.act(click, alert, person)
        if self._answers.refusals:
            raise ActionRefusedError(self._answers.refusals[-1])
        return self._view(alert)

    @property
    def person(self) -> Person:
        return person_of_caller(self._aws.sts.get_caller_identity()["Arn"], self._settings.people)

    def _outbox_url(self) -> str:
        return self._aws.sqs.get_queue_url(QueueName=f"{self._name}-outbox.fifo")["QueueUrl"]

    def _reverter(self, role: str) -> Reverter:
        def member(account_id: str, region: str) -> Aws:
            if not role:
                return self._aws
            arn = role_arn(self._aws.partition(region), account_id, role)
            return self._aws.assume_role(arn, region, "gatewatch-act")

        guard = ConflictGuard(self._table, self._settings.ingress.fight, time.time)
        stores = SnapshotStore(self._table), ActionLog(self._table)
        return Reverter(member, self._settings, *stores, guard, time.time, AttachedGroupStore(self._table))

    def _find(self, name: str) -> PostedAlert:
        if alert := self._alerts.find(name):
            return alert
        raise UnknownAlertError(f"no message shows an alert {name}; gatewatch act list prints the ids")

    def _view(self, alert: PostedAlert) -> AlertView:
        return alert_view(alert, self._state(alert), self._labels)

    def _state(self, alert: PostedAlert) -> AlertActions:
        return self._store.load(alert.id).actions
