"""AWS Lambda: the outbox -> Slack and SNS."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.aws import metrics as meter
from gatewatch.aws.clients import Aws
from gatewatch.aws.metrics import EmbeddedMeter
from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.dead_letter_queue import DeadLetters
from gatewatch.delivery.dead_lettering import Burial
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.message_edits import Edits
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rate_limit import Clock, Pace
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import SLACK_API, Slack, http_pool
from gatewatch.delivery.sns import Sns
from gatewatch.delivery.thread_store import ThreadBook
from gatewatch.delivery.threads import Threads
from gatewatch.handlers.deliver import DeliverStage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gatewatch.config.destinations import Destination
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.rate_limit import Post
    from gatewatch.model.message import Message, Receipt

metrics = Metrics(namespace=meter.NAMESPACE)


@cache
def compose() -> DeliverStage:
    """The composition root: everything this function needs, made once per environment."""
    environment, aws, clock = os.environ, Aws(), Clock()
    log: Any = Logger(use_rfc3339=True)
    bundle = load_bundle(environment)
    if bundle.trouble:
        log.error("configuration broken", extra={"reason": bundle.trouble})
    ledger = Ledger(aws.dynamodb, environment["GATEWATCH_TABLE"], clock.since_1970)
    outbox = Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"])
    dead = DeadLetters(aws.sqs, environment["GATEWATCH_OUTBOX_DEAD_URL"])
    counts = EmbeddedMeter(metrics)
    return DeliverStage(
        settings=bundle.settings,
        post=_post(aws, environment, bundle.settings, log),
        ledger=ledger,
        burial=Burial(bundle.settings, ledger, outbox, dead, log, counts),
        sqs=aws.sqs,
        outbox_url=environment["GATEWATCH_OUTBOX_URL"],
        pace=Pace(clock),
        clock=clock,
        log=log,
        meter=counts,
        trouble=bundle.trouble,
    )


def _post(aws: Aws, environment: Mapping[str, str], settings: Settings, log: Any) -> Post:
    slack = Slack(http_pool(), SecretStore(aws), environment.get("GATEWATCH_SLACK_API", SLACK_API))
    sns = Sns(aws.sns, environment["GATEWATCH_ALERTS_TOPIC"])

    def post(message: Message, destination: Destination) -> Receipt:
        if isinstance(destination, SnsTopic):
            return sns.post(message, destination)
        return slack.post(message, destination)

    book = ThreadBook(aws.dynamodb, environment["GATEWATCH_TABLE"], time.time)
    return Threads(post, Edits(slack, book, settings.colors.resolved, log), book).post


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return compose().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
