"""AWS Lambda: outbox to Slack and SNS."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter
from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.delivery.dead_lettering import DeadLettering
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.message_edits import Edits
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rate_limit import Clock, RateLimiter
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API, Slack, http_pool
from gatewatch.delivery.sns import Sns
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.handlers.deliver import DeliveryHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.config.destinations import Destination
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.rate_limit import Post
    from gatewatch.model.message import Message, Receipt

metrics = Metrics(namespace=NAMESPACE)


@cache
def compose() -> DeliveryHandler:
    """Composition root, called once per execution environment."""
    environment, aws, clock = os.environ, Aws(), Clock()
    log: Any = Logger(use_rfc3339=True)
    bundle = load_bundle(environment)
    if bundle.configuration_error:
        log.error("invalid configuration", extra={"reason": bundle.configuration_error})
    ledger = Ledger(aws.dynamodb, environment["GATEWATCH_TABLE"], clock.now)
    outbox = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    dead_letters = DeadLetterQueue(aws.sqs, environment["GATEWATCH_OUTBOX_DLQ_URL"])
    counts = EmbeddedMeter(metrics)
    return DeliveryHandler(
        settings=bundle.settings,
        post=_post(aws, environment, bundle.settings, log),
        ledger=ledger,
        dead_lettering=DeadLettering(bundle.settings, ledger, outbox, dead_letters, log, counts),
        sqs=aws.sqs,
        outbox_url=environment["GATEWATCH_OUTBOX_URL"],
        rate_limiter=RateLimiter(clock),
        clock=clock,
        log=log,
        meter=counts,
        configuration_error=bundle.configuration_error,
    )


def _post(aws: Aws, environment: Mapping[str, str], settings: Settings, log: Any) -> Post:
    slack = Slack(http_pool(), SecretStore(aws), environment.get("GATEWATCH_SLACK_API", SLACK_API))
    sns = Sns(aws.sns, environment["GATEWATCH_ALERTS_TOPIC"])

    def post(message: Message, destination: Destination) -> Receipt:
        if isinstance(destination, SnsTopic):
            return sns.post(message, destination)
        return slack.post(message, destination)

    book = ThreadStore(aws.dynamodb, environment["GATEWATCH_TABLE"], time.time)
    return Threads(post, Edits(slack, book, settings.colors.resolved, log), book).post


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return compose().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
