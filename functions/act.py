"""AWS Lambda: works off clicks from the queue, and once a minute what has become due."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.actions.alert_transitions import AlertTransitions
from gatewatch.actions.answers import Answers
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.due_transitions import DueTransitions
from gatewatch.actions.escalation import AlertEscalations
from gatewatch.actions.identity_center import IdentityCenter
from gatewatch.actions.posted_alerts import PostedAlerts
from gatewatch.actions.reverting import Reverts
from gatewatch.actions.slack_api import SlackApi
from gatewatch.actions.slack_users import SlackUsers
from gatewatch.actions.snoozed_alerts import SnoozedAlerts
from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter
from gatewatch.aws.roles import role_arn
from gatewatch.config.destinations import SecretRef
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.http import HttpClient, http_pool
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.handlers.act import ActHandler
from gatewatch.handlers.batch import partial_response
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.revert.reverter import Reverter
from gatewatch.remediation.snapshots import SnapshotStore
from gatewatch.rendering.text.labels import load_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.config.identity_store import IdentityStore
    from gatewatch.config.settings import Settings

metrics = Metrics(namespace=NAMESPACE)


@cache
def compose() -> ActHandler:
    """Composition root, called once per execution environment."""
    environment, aws = os.environ, Aws()
    bundle, log = load_bundle(environment), _log()
    settings = bundle.settings
    table = HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
    outbox, escalations = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]), Escalations(table)
    api = SlackApi(
        HttpClient(http_pool()),
        SecretStore(aws),
        settings.actions.token or SecretRef(),
        environment.get("GATEWATCH_SLACK_API", SLACK_API),
    )
    store, due = ActionStore(table), DueAlerts(table)
    answers = Answers(api, cache(lambda language: load_labels(bundle.templates, language)), log)
    alerts = PostedAlerts(settings, store, ThreadStore(table))
    transitions = AlertTransitions(
        settings=settings,
        store=store,
        due=due,
        snoozed=SnoozedAlerts(table, due),
        outbox=WatchedOutbox(outbox, escalations, settings, time.time),
        answers=answers,
        reverts=Reverts(_reverter(aws, table, settings, environment)),
        escalations=AlertEscalations(escalations, outbox, settings),
        now=time.time,
        log=log,
    )
    return ActHandler(
        settings=settings,
        alerts=alerts,
        transitions=transitions,
        due_transitions=DueTransitions(alerts, transitions),
        users=SlackUsers(api, settings.actions, settings.people, _identity_center(aws, settings.identity_store, log)),
        answers=answers,
        now=time.time,
        log=log,
        meter=EmbeddedMeter(metrics),
    )


def _identity_center(aws: Aws, store: IdentityStore, log: Any) -> IdentityCenter | None:
    """None unless accounts.yaml allows the lookup."""
    if not store.is_on:
        return None
    return IdentityCenter(
        lambda: aws.assume_role(store.role, store.region, "gatewatch-act").identitystore, store.id, time.time, log
    )


def _reverter(aws: Aws, table: HubTable, settings: Settings, environment: Mapping[str, str]) -> Reverter:
    return Reverter(
        _member(aws, environment["AWS_REGION"], environment["GATEWATCH_REVERT_ROLE"]),
        settings,
        SnapshotStore(table),
        ActionLog(table),
        ConflictGuard(table, settings.ingress.fight, time.time),
        time.time,
        AttachedGroupStore(table),
    )


def _member(aws: Aws, hub_region: str, role: str) -> Callable[[str, str], Aws]:
    partition = aws.partition(hub_region)
    return lambda account, region: aws.assume_role(role_arn(partition, account, role), region, "gatewatch-act")


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


@metrics.log_metrics
def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]] | None:
    """An event of the schedule has no records."""
    if "Records" in event:
        return partial_response(event, compose().handle, _log())
    compose().due_transitions.settle_due()
    return None
