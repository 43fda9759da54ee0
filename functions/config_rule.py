"""AWS Lambda: custom rules of AWS Config. Evaluates resources and, where enabled, remediates security groups."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.roles import role_arn
from gatewatch.aws.sessions import CoreSession
from gatewatch.delivery.deferred import DeferredMessages, DurableOutbox
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import ConfigurationError
from gatewatch.handlers.config_rule import ConfigRuleHandler
from gatewatch.remediation.config_rule import rds_certificates
from gatewatch.remediation.config_rule.ingress_rule import IngressRule
from gatewatch.remediation.config_rule.member_role import member_clients
from gatewatch.remediation.ingress.conflict_guard import ConflictGuard
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.suppression import RuleSuppression
from gatewatch.remediation.ingress.unfinished import UnfinishedChanges
from gatewatch.remediation.snapshots import SnapshotStore

if TYPE_CHECKING:
    from gatewatch.remediation.config_rule.invocation import Invocation

_SERVICE = "gatewatch-config-rule"


@cache
def compose() -> ConfigRuleHandler:
    """Composition root. Config calls a function of its own Region; table and outbox are in the Region of the hub.

    Raises `ConfigurationError`: without a valid policy nothing is evaluated or changed.
    """
    environment, aws = os.environ, Aws()
    hub = Aws(CoreSession(environment.get("GATEWATCH_HUB_REGION")))
    bundle = load_bundle(environment)
    if bundle.configuration_error:
        raise ConfigurationError(bundle.configuration_error)
    settings, role = bundle.settings, environment.get("GATEWATCH_REMEDIATION_ROLE", "")
    table = HubTable(hub.dynamodb, environment["GATEWATCH_TABLE"])
    outbox = WatchedOutbox(
        Outbox(hub.sqs, environment["GATEWATCH_OUTBOX_URL"]), Escalations(table), settings, time.time
    )

    def enforcer(invocation: Invocation) -> Enforcer:
        guard = ConflictGuard(table, settings.ingress.fight, time.time)
        own = role_arn(invocation.partition, invocation.account_id, role) if role else ""
        suppression = RuleSuppression(settings.exceptions, settings.account)
        return Enforcer(SnapshotStore(table), UnfinishedChanges(table), guard, ActionLog(table), suppression, own)

    ingress = IngressRule(
        settings=settings,
        outbox=DurableOutbox(outbox, DeferredMessages(table).defer, time.time),
        enforcer=enforcer,
        now=time.time,
    )
    log: Any = Logger(service=_SERVICE, use_rfc3339=True)
    return ConfigRuleHandler(
        {"ingress": ingress.evaluations, "rds-ca": rds_certificates.evaluations},
        member_clients(aws, role, settings.accounts),
        log,
        {"ingress": ingress.publish},
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    return compose().handle(event)
