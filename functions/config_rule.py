"""AWS Lambda: what AWS Config asks of its custom rules -> evaluations, and gates that close themselves."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alerts.own_actions import DeedBook
from gatewatch.aws.clients import Aws, CoreSession
from gatewatch.delivery.deferred import Held, SureOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import ConfigurationError
from gatewatch.handlers.config_rule import ConfigRuleStage
from gatewatch.remediation.config_rule import rds_certificates as rds_ca
from gatewatch.remediation.config_rule.ingress_rule import IngressRule
from gatewatch.remediation.config_rule.member_role import members, role_arn
from gatewatch.remediation.ingress.conflict_guard import Guard
from gatewatch.remediation.ingress.enforcer import Enforcer
from gatewatch.remediation.ingress.suppression import Excepting
from gatewatch.remediation.preimages import PreImages
from gatewatch.rendering.slack import load_templates

if TYPE_CHECKING:
    from gatewatch.remediation.config_rule.invocation import Invocation

_SERVICE = "gatewatch-config-rule"


@cache
def compose() -> ConfigRuleStage:
    """The composition root. Config calls a function of its own Region; table and outbox are in the hub's.

    A broken configuration stops it: where the policy cannot be read, hands off.
    """
    environment, aws = os.environ, Aws()
    hub = Aws(CoreSession(environment.get("GATEWATCH_HUB_REGION")))
    bundle = load_bundle(environment)
    if bundle.trouble:
        raise ConfigurationError(bundle.trouble)
    settings, table, role = (
        bundle.settings,
        environment["GATEWATCH_TABLE"],
        environment.get("GATEWATCH_MEMBER_ROLE", ""),
    )

    def enforcer(invocation: Invocation) -> Enforcer:
        guard = Guard(hub.dynamodb, table, settings.ingress.fight, time.time)
        own = role_arn(invocation.partition, invocation.account_id, role) if role else ""
        excepting = Excepting(settings.exceptions, settings.account)
        return Enforcer(PreImages(hub.dynamodb, table), guard, DeedBook(hub.dynamodb, table), excepting, own)

    ingress = IngressRule(
        settings=settings,
        templates=load_templates(bundle.templates, settings.languages),
        outbox=SureOutbox(
            Outbox(hub.sqs, environment["GATEWATCH_OUTBOX_URL"]), Held(hub.dynamodb, table).keep, time.time
        ),
        enforcer=enforcer,
        now=time.time,
    )
    log: Any = Logger(service=_SERVICE, use_rfc3339=True)
    return ConfigRuleStage({"ingress": ingress.evaluations, "rds-ca": rds_ca.evaluations}, members(aws, role), log)


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    return compose().handle(event)
