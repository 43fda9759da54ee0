"""AWS Lambda, on a schedule: who has fallen silent, what waited for the morning, what runs out -> the outbox."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.aws.organizations import active_members
from gatewatch.delivery.deferred import Held
from gatewatch.delivery.outbox import Outbox
from gatewatch.digest.labels import load_digest_labels
from gatewatch.handlers.heartbeat import HeartbeatStage
from gatewatch.handlers.scheduled import StandingStage
from gatewatch.monitoring.heartbeat.store import LastSeen
from gatewatch.monitoring.reminders import Reminded


@cache
def compose() -> HeartbeatStage:
    """The composition root: everything this function needs, made once per environment."""
    environment, aws = os.environ, Aws()
    return HeartbeatStage(
        settings=load_bundle(environment).settings,
        last_seen=LastSeen(aws.dynamodb, environment["GATEWATCH_TABLE"]),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        organization=lambda: active_members(aws.organizations),
        now=time.time,
        silent_after=60 * int(environment["GATEWATCH_SILENT_MINUTES"]),
        log=_log(),
    )


@cache
def compose_standing() -> StandingStage:
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), environment["GATEWATCH_TABLE"]
    return StandingStage(
        settings=bundle.settings,
        held=Held(aws.dynamodb, table),
        reminded=Reminded(aws.dynamodb, table),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        labels=load_digest_labels(bundle.templates, {bundle.settings.defaults.language, "en"}),
        now=time.time,
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(_event: dict[str, Any], _context: Any) -> None:
    """Both are tried, whatever becomes of the first."""
    try:
        compose().run()
    finally:
        compose_standing().run()
