"""AWS Lambda: the events queue -> the outbox."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.alerts.failed_sign_ins_table import TableFailedSignIns
from gatewatch.alerts.own_actions import TableDeeds
from gatewatch.alerts.own_role_attribution import Attribution
from gatewatch.alerts.pipeline import Hub
from gatewatch.alerts.rule_history_table import TableRules
from gatewatch.aws import metrics as meter
from gatewatch.aws.clients import Aws
from gatewatch.aws.metrics import EmbeddedMeter
from gatewatch.delivery.dead_letter_queue import DeadLetters
from gatewatch.delivery.deferred import Held, QuietOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.digest.activity_log import NO_BOOK, DayBook
from gatewatch.handlers.alert import AlertStage
from gatewatch.handlers.batch import partial_response
from gatewatch.monitoring.heartbeat.store import LastSeen
from gatewatch.rendering.slack import load_templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.alerts.lookup.context import Surroundings
    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.model.alert import Alert

metrics = Metrics(namespace=meter.NAMESPACE)


@cache
def compose() -> AlertStage:
    """The composition root: everything this function needs, made once per environment."""
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), environment["GATEWATCH_TABLE"]
    settings, counts, book = bundle.settings, EmbeddedMeter(metrics), environment["GATEWATCH_BOOK"]
    roles = (environment.get("GATEWATCH_MEMBER_ROLE", ""), settings.access_keys.role)
    log: Any = Logger(use_rfc3339=True)
    if bundle.trouble:
        log.error("configuration broken", extra={"reason": bundle.trouble})
    outbox = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    rules = TableRules(aws.brief_dynamodb, table, log)
    return AlertStage(
        hub=Hub(
            settings,
            rules,
            load_templates(bundle.templates, settings.languages),
            failures=TableFailedSignIns(aws.brief_dynamodb, table, log),
            attributed=Attribution(roles, TableDeeds(aws.brief_dynamodb, table, log).look).attributed,
            look=_look(settings, aws, rules, log, counts),
        ),
        outbox=QuietOutbox(
            outbox, lambda each, until: Held(aws.dynamodb, table).keep(each, until), settings, time.time
        ),
        dead=DeadLetters(aws.sqs, environment["GATEWATCH_EVENTS_DEAD_URL"]),
        log=log,
        meter=counts,
        banner=_banner(bundle.trouble),
        hear=lambda canary: LastSeen(aws.dynamodb, table).record(canary),
        # While the configuration is broken nobody knows whether there is to be a digest, so it is kept.
        book=DayBook(aws.brief_dynamodb, book, log, counts) if settings.digest.is_on or bundle.trouble else NO_BOOK,
    )


def _look(
    settings: Settings, aws: Aws, rules: TableRules, log: Any, counts: Meter
) -> Callable[[Alert], Surroundings] | None:
    """A hub that asks its members nothing pays for nothing of it, not even the import."""
    if not settings.read_roles:
        return None
    from gatewatch.alerts.lookup.client import Surveyor  # noqa: PLC0415

    return Surveyor(aws, rules.learn, log, counts).look


def _banner(trouble: str) -> str:
    return f"The configuration cannot be read, so everything comes here. {trouble}" if trouble else ""


@metrics.log_metrics
def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    stage = compose()
    answer = partial_response(event, stage.handle, stage.log)
    stage.book.write()
    return answer
