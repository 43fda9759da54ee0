"""AWS Lambda, once a minute: sends alerts that were not delivered or not attended to in time to a further place."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.metrics import NAMESPACE, EmbeddedMeter
from gatewatch.delivery.escalations import Escalations
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.handlers.escalate import EscalateHandler

metrics = Metrics(namespace=NAMESPACE)


@cache
def compose() -> EscalateHandler:
    """Composition root, called once per execution environment."""
    environment, aws = os.environ, Aws()
    table = HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
    log: Any = Logger(use_rfc3339=True)
    return EscalateHandler(
        escalations=Escalations(table),
        ledger=Ledger(table),
        threads=ThreadStore(table),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        now=time.time,
        log=log,
        meter=EmbeddedMeter(metrics),
    )


@metrics.log_metrics
def handler(_event: dict[str, Any], _context: Any) -> None:
    compose().run()
