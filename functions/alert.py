"""AWS Lambda: events queue to outbox."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.alerts.context.call_context import NO_SOURCE
from gatewatch.alerts.failed_sign_ins_table import DynamoSignInFailures
from gatewatch.alerts.open_groups_table import DynamoOpenGroups
from gatewatch.alerts.own_actions import ActionLookup
from gatewatch.alerts.own_role_attribution import Attribution
from gatewatch.alerts.pipeline import AlertPipeline
from gatewatch.alerts.rule_history_table import DynamoRuleHistory
from gatewatch.alerts.silent_changes import SilentChanges
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter
from gatewatch.config.context import ContextSettings
from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.delivery.deferred import DeferredMessages, QuietHoursOutbox
from gatewatch.delivery.escalations import DeliveryDeadlines, Escalations
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.route_escalations import RouteEscalations
from gatewatch.digest.activity_log import NO_ACTIVITY_LOG, ActivityLog
from gatewatch.handlers.alert import AlertHandler
from gatewatch.handlers.batch import partial_response
from gatewatch.monitoring.heartbeat.store import HeartbeatStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.alerts.context.call_context import ContextSource
    from gatewatch.alerts.lookup.context import GroupContext
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

metrics = Metrics(namespace=NAMESPACE)


@cache
def compose() -> AlertHandler:
    """Composition root, called once per execution environment."""
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), environment["GATEWATCH_TABLE"]
    settings, counts = bundle.settings, EmbeddedMeter(metrics)
    names = ("GATEWATCH_REMEDIATION_ROLE", "GATEWATCH_REVERT_ROLE")
    roles = (*(environment.get(each, "") for each in names), settings.access_keys.role)
    log: Any = Logger(use_rfc3339=True)
    if bundle.configuration_error:
        log.error("invalid configuration", extra={"reason": bundle.configuration_error})
    outbox = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    escalations = Escalations(HubTable(aws.dynamodb, table))
    optional = HubTable(aws.dynamodb_short_timeout, table)
    rules = DynamoRuleHistory(optional, log)
    return AlertHandler(
        pipeline=AlertPipeline(
            settings,
            rules,
            sign_in_failures=DynamoSignInFailures(optional, log),
            open_groups=DynamoOpenGroups(optional, log),
            context=_context(settings, optional, log),
            attribute=Attribution(roles, ActionLookup(optional, log).lookup).attribute,
            lookup=_look(settings, aws, rules, log, counts),
        ),
        outbox=QuietHoursOutbox(
            outbox,
            lambda each, until: DeferredMessages(HubTable(aws.dynamodb, table)).defer(each, until),
            settings,
            time.time,
        ),
        dead_letters=DeadLetterQueue(aws.sqs, environment["GATEWATCH_EVENTS_DLQ_URL"]),
        log=log,
        save_unwritten=rules.save_unwritten,
        meter=counts,
        configuration_error=bundle.configuration_error,
        watch=DeliveryDeadlines(escalations, outbox, settings).watch,
        escalate=RouteEscalations(escalations, outbox, settings).schedule,
        explained_by=SilentChanges(HubTable(aws.dynamodb, table)).explained_by,
        on_canary=lambda canary: HeartbeatStore(HubTable(aws.dynamodb, table)).record(canary),
        # While the configuration cannot be read it is unknown whether a digest is wanted, so activity is recorded.
        activity=(
            ActivityLog(aws.dynamodb_short_timeout, environment["GATEWATCH_ACTIVITY_TABLE"], log, counts)
            if settings.digest.is_on or bundle.configuration_error
            else NO_ACTIVITY_LOG
        ),
    )


def _look(
    settings: Settings, aws: Aws, rules: DynamoRuleHistory, log: Any, counts: Meter
) -> Callable[[Alert], GroupContext] | None:
    """None without lookup roles: then not even the import is paid for."""
    if not settings.read_roles:
        return None
    from gatewatch.alerts.lookup.client import GroupLookup  # noqa: PLC0415

    return GroupLookup(aws, rules.save_current_rules, log, counts).fetch


def _context(settings: Settings, table: HubTable, log: Any) -> ContextSource:
    """Nothing without `context` in policy.yaml: then not even the imports are paid for."""
    if settings.context == ContextSettings():
        return NO_SOURCE
    from gatewatch.alerts.context.hub_context import context_of_hub  # noqa: PLC0415

    return context_of_hub(settings, table, log)


@metrics.log_metrics
def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    alerts = compose()
    answer = partial_response(event, alerts.handle, alerts.log)
    alerts.activity.flush()
    alerts.save_unwritten()
    return answer
