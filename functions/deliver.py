"""AWS Lambda: the outbox -> Slack and SNS."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from functions.bundle import load_bundle
from gatewatch.aws import Aws
from gatewatch.dead_letters import DeadLetters
from gatewatch.deliver.slack import Slack, http_pool
from gatewatch.deliver.sns import Sns
from gatewatch.deliver_stage import DeliverStage
from gatewatch.ledger import Ledger
from gatewatch.meter import EmbeddedMeter
from gatewatch.outbox import Outbox
from gatewatch.pace import Clock, Pace
from gatewatch.secret_store import SecretStore
from gatewatch.settings import SnsTopic

if TYPE_CHECKING:
    from gatewatch.model import Message, Receipt
    from gatewatch.settings import Destination

_SERVICE = "gatewatch-deliver"
metrics = Metrics(namespace="gatewatch", service=_SERVICE)


@cache
def compose() -> DeliverStage:
    """The composition root: everything this function needs, made once per environment."""
    environment, aws, clock = os.environ, Aws(), Clock()
    slack = Slack(http_pool(), SecretStore(aws))

    def post(message: Message, destination: Destination) -> Receipt:
        if isinstance(destination, SnsTopic):
            return Sns(aws.sns, environment["GATEWATCH_ALERTS_TOPIC"]).post(message, destination)
        return slack.post(message, destination)

    return DeliverStage(
        settings=load_bundle(environment).settings,
        post=post,
        ledger=Ledger(aws.dynamodb, environment["GATEWATCH_TABLE"], clock.since_1970),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        dead=DeadLetters(aws.sqs, environment["GATEWATCH_OUTBOX_DEAD_URL"]),
        sqs=aws.sqs,
        outbox_url=environment["GATEWATCH_OUTBOX_URL"],
        pace=Pace(clock),
        clock=clock,
        log=_log(),
        meter=EmbeddedMeter(metrics),
    )


def _log() -> Any:
    return Logger(service=_SERVICE, use_rfc3339=True)


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return compose().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
