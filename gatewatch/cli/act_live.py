"""`gatewatch act` on a deployed stage: the alerts, and what a person does about one, as the clicks in Slack do it.

The person is the caller of AWS, so nobody can act as somebody else. The same handler, state machine and guards decide.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from gatewatch.actions.answers import Answers
from gatewatch.actions.click import Click
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.escalation import AlertEscalations
from gatewatch.actions.people import person_of_caller
from gatewatch.actions.reverting import Reverts
from gatewatch.actions.slack_api import SlackApi
from gatewatch.actions.slack_users import SlackUsers
from gatewatch.actions.snoozed_alerts import SnoozedAlerts
from gatewatch.alerts.interface_groups import InterfaceGroupStore
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws, role_arn
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NoMeter
from gatewatch.config.destinations import SecretRef
from gatewatch.config.paths import TEMPLATES
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.escalations import Escalations
from gatewatch.delivery.http import HttpClient, http_pool
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import GatewatchError
from gatewatch.handlers.act import ActHandler
from gatewatch.model.alert_actions import ActionStatus
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.revert.reverter import Reverter
from gatewatch.remediation.revert.sentences import sentence_text
from gatewatch.remediation.snapshots import SnapshotStore
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import Labels, load_labels
from gatewatch.rendering.time_text import utc_minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gatewatch.config.settings import Settings
    from gatewatch.handlers.act import KnownAlert
    from gatewatch.model.alert_actions import ActionButton, AlertActions, AuditRecord, Person
    from gatewatch.model.notification import Sentence

_SOURCE = "terminal"
_LABELS = "en"


class ActionRefusedError(GatewatchError):
    """What a person asked for was refused; the message is the reason. Nothing was changed."""


class UnknownAlertError(GatewatchError):
    """No message of the destinations that show actions has this alert."""


class AlertRow(Struct, frozen=True):
    """One alert of `gatewatch act list`."""

    id: str
    time: str
    account: str
    severity: str
    status: str
    what: str


class ProposalView(Struct, frozen=True):
    """A proposed revert. `lines` say what it changes."""

    id: str
    hash: str
    lines: tuple[str, ...]
    proposed_by: str
    expires: str


class AuditView(Struct, frozen=True):
    """One transition; `identities` are those in AWS."""

    time: str
    event: str
    before: str
    after: str
    person: str
    identities: tuple[str, ...]
    source: str
    detail: str


class AlertView(Struct, frozen=True):
    """What `gatewatch act show` says of one alert; without a proposal, snooze or result these are None or empty."""

    id: str
    event_id: str
    time: str
    account: str
    region: str
    severity: str
    status: str
    what: str
    acknowledged_by: str
    snoozed_until: str
    proposal: ProposalView | None
    result: tuple[str, ...]
    undo: str
    audit: tuple[AuditView, ...]


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


class TerminalActions:
    """Alerts of a stage, and the actions of the caller. `role` is assumed in a member for a revert.

    Methods raise `HubTableError` and botocore's errors.
    """

    def __init__(self, settings: Settings, stage: str, role: str) -> None:
        self._settings, self._aws = settings, Aws()
        self._table = HubTable(self._aws.dynamodb, f"gatewatch-{stage}")
        self._name = f"gatewatch-{stage}"
        self._labels = load_labels(TEMPLATES, _LABELS)
        self._store, self._threads = ActionStore(self._table), ThreadStore(self._table)
        log = logging.getLogger(__name__)
        api = SlackApi(
            HttpClient(http_pool()), SecretStore(self._aws), settings.actions.token or SecretRef(), SLACK_API
        )
        self._answers = _TerminalAnswers(api, self._labels, log)
        due, outbox = DueAlerts(self._table), Outbox(self._aws.sqs, self._outbox_url())
        self._handler = ActHandler(
            settings=settings,
            store=self._store,
            threads=self._threads,
            due=due,
            snoozed=SnoozedAlerts(self._table, due),
            outbox=outbox,
            users=SlackUsers(api, settings.actions, settings.people),
            answers=self._answers,
            reverts=Reverts(self._reverter(role)),
            escalations=AlertEscalations(Escalations(self._table), outbox, settings),
            now=time.time,
            log=log,
            meter=NoMeter(),
        )

    def rows(self, days: int, limit: int) -> tuple[list[AlertRow], int]:
        """Return the latest alerts whose messages can be acted on, the newest first, and how many are left out."""
        ids = self._store.latest(days)
        found = (self._handler.find(name) for name in ids[:limit])
        return [self._row(each) for each in found if each], len(ids[limit:])

    def view(self, name: str) -> AlertView:
        return self._view(self._find(name))

    def act(self, name: str, button: ActionButton, inputs: Mapping[str, str], proposal: str = "") -> AlertView:
        """Do what a button does, as the caller; return the alert afterwards.

        Raises `ActionRefusedError`, and `UnknownAlertError` for an id that no message has.
        """
        alert = self._find(name)
        self._handler.settle(alert)
        click = Click(
            key=secrets.token_hex(32),
            button=button,
            alert=name,
            user=_SOURCE,
            channel=_SOURCE,
            ts="",
            at=time.time(),
            proposal=proposal,
            inputs=dict(inputs),
        )
        self._handler.act(click, alert, self.person)
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
        return Reverter(member, self._settings, *stores, guard, time.time, InterfaceGroupStore(self._table))

    def _find(self, name: str) -> KnownAlert:
        if alert := self._handler.find(name):
            return alert
        raise UnknownAlertError(f"no message shows an alert {name}; gatewatch act list prints the ids")

    def _row(self, alert: KnownAlert) -> AlertRow:
        found = alert.notification.alert
        status = self._store.load(alert.id).actions.status
        return AlertRow(
            id=alert.id,
            time=utc_minute(alert.notification.event_time or 0.0),
            account=f"{found.account.alias} {found.account.id}",
            severity=alert.subject.severity.value,
            status=status.value,
            what=alert_headline(found, self._labels),
        )

    def _view(self, alert: KnownAlert) -> AlertView:
        row, actions = self._row(alert), self._store.load(alert.id).actions
        result = actions.result
        return AlertView(
            id=row.id,
            event_id=alert.notification.event_id,
            time=row.time,
            account=row.account,
            region=alert.notification.alert.call.region,
            severity=row.severity,
            status=row.status,
            what=row.what,
            acknowledged_by=actions.acknowledged.person.id if actions.acknowledged else "",
            snoozed_until=utc_minute(actions.snoozed_until) if actions.snoozed else "",
            proposal=self._proposal(actions),
            result=tuple(sentence_text(each, self._labels) for each in result.lines) if result else (),
            undo=result.undo if result else "",
            audit=tuple(_audit_views(actions.audit)),
        )

    def _proposal(self, actions: AlertActions) -> ProposalView | None:
        proposal = actions.proposal
        if proposal is None:
            return None
        return ProposalView(
            id=proposal.id,
            hash=proposal.plan.hash,
            lines=tuple(sentence_text(each, self._labels) for each in proposal.plan.lines),
            proposed_by=proposal.proposed.person.id,
            expires=utc_minute(proposal.expires_at),
        )


def _audit_views(audit: tuple[AuditRecord, ...]) -> Iterator[AuditView]:
    for each in audit:
        yield AuditView(
            time=utc_minute(each.at),
            event=each.event.value,
            before=each.before.value,
            after=each.after.value,
            person=each.person.id,
            identities=each.person.identities,
            source=each.source,
            detail=each.detail,
        )


def has_failed(view: AlertView) -> bool:
    """Whether a revert or its undo was attempted and failed."""
    return view.status in {ActionStatus.REVERT_FAILED, ActionStatus.UNDO_FAILED}
