"""AWS Lambda: the outbox -> Slack."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws import Aws
from gatewatch.deliver.slack import Slack, http_pool
from gatewatch.deliver_stage import DeliverStage, Queues
from gatewatch.ledger import Ledger
from gatewatch.secret_store import SecretStore


@cache
def compose() -> DeliverStage:
    """The composition root: everything this function needs, made once per environment."""
    environment, aws = os.environ, Aws()
    slack = Slack(http_pool(), SecretStore(aws))
    return DeliverStage(
        settings=load_bundle(environment).settings,
        post=slack.post,
        ledger=Ledger(aws.dynamodb, environment["GATEWATCH_TABLE"], time.time),
        queues=Queues(aws.sqs, environment["GATEWATCH_OUTBOX_URL"], environment["GATEWATCH_OUTBOX_DEAD_URL"]),
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(service="gatewatch-deliver", use_rfc3339=True)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return compose().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
