"""AWS Lambda: outbox to destinations."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.actions.due import DueAlerts
from gatewatch.actions.snoozed_alerts import SnoozedAlerts
from gatewatch.actions.view import ActionView
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter
from gatewatch.delivery.action_store import ActionStore
from gatewatch.delivery.attempts import Attempts
from gatewatch.delivery.channels import Channels
from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.delivery.dead_lettering import DeadLettering
from gatewatch.delivery.http import HttpClient, http_pool, webhook_client
from gatewatch.delivery.kinds import other_channels
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.message_visibility import MessageVisibility
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rate_limit import Clock, RateLimiter
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API, Slack
from gatewatch.delivery.sns import Sns
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.handlers.deliver import DeliveryHandler
from gatewatch.remediation.revert.openings import can_be_reverted
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.delivery.action_store import PostedMessage
    from gatewatch.model.message import Content

metrics = Metrics(namespace=NAMESPACE)


@cache
def compose() -> DeliveryHandler:
    """Composition root, called once per execution environment."""
    environment, aws, clock = os.environ, Aws(), Clock()
    log: Any = Logger(use_rfc3339=True)
    bundle = load_bundle(environment)
    if bundle.configuration_error:
        log.error("invalid configuration", extra={"reason": bundle.configuration_error})
    settings, templates = bundle.settings, load_templates(bundle.templates)
    table = HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"], clock.now)
    ledger = Ledger(table)
    outbox = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    dead_letters = DeadLetterQueue(aws.sqs, environment["GATEWATCH_OUTBOX_DLQ_URL"])
    counts = EmbeddedMeter(metrics)
    http, webhooks, secrets = HttpClient(http_pool()), webhook_client(), SecretStore(aws)
    channels = Channels(
        Slack(http, secrets, environment.get("GATEWATCH_SLACK_API", SLACK_API), webhooks),
        SlackRenderer(templates, settings.colors),
        Sns(aws.sns, environment["GATEWATCH_ALERTS_TOPIC"]),
        SnsRenderer(templates, settings.colors),
        other_channels(
            webhooks,
            secrets,
            aws.events_one_attempt,
            templates,
            clock.now,
            environment.get("GATEWATCH_PAGERDUTY_API", ""),
        ),
    )
    store, actions = ThreadStore(table), ActionStore(table)
    return DeliveryHandler(
        settings=settings,
        channels=channels,
        threads=Threads(
            channels,
            MessageUpdates(channels, store, log, shown=ActionView(actions, settings.actions, can_be_reverted).shown),
            store,
            _record(actions, SnoozedAlerts(table, DueAlerts(table))),
        ),
        ledger=ledger,
        attempts=Attempts(ledger, clock.now),
        dead_lettering=DeadLettering(settings, ledger, outbox, dead_letters, log, counts),
        visibility=MessageVisibility(aws.sqs, environment["GATEWATCH_OUTBOX_URL"], log),
        rate_limiter=RateLimiter(clock, table),
        clock=clock,
        log=log,
        meter=counts,
        configuration_error=bundle.configuration_error,
    )


def _record(actions: ActionStore, snoozed: SnoozedAlerts) -> Callable[[Content, str, PostedMessage], None]:
    """What is stored after a message with buttons was posted."""

    def record(content: Content, alert: str, message: PostedMessage) -> None:
        actions.record_message_later(alert, message)
        snoozed.wake(content)

    return record


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return compose().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
