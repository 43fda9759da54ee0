"""AWS Lambda: access key rotation, daily and when AWS Config finds a key too old."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alerts.own_actions import ActionLog
from gatewatch.aws.clients import Aws, member_iam_clients
from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.errors import ConfigurationError
from gatewatch.remediation.access_keys.executor import KeyStores
from gatewatch.remediation.access_keys.records import KeyRecords
from gatewatch.remediation.access_keys.runner import AccessKeyRunner
from gatewatch.remediation.snapshots import SnapshotStore


@cache
def compose() -> AccessKeyRunner:
    """Composition root. Raises `ConfigurationError`: without a valid policy no key is changed."""
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
    if bundle.configuration_error:
        raise ConfigurationError(bundle.configuration_error)
    settings = bundle.settings
    return AccessKeyRunner(
        settings=settings,
        iam_of=member_iam_clients(aws, environment["AWS_REGION"], settings.access_keys.role),
        stores=KeyStores(SnapshotStore(table), KeyRecords(table), ActionLog(table)),
        outbox=WatchedOutbox(
            Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]), Escalations(table), settings, time.time
        ),
        now=lambda: datetime.now(UTC),
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(event: dict[str, Any], _context: Any) -> dict[str, int]:
    return compose().handle(event)
