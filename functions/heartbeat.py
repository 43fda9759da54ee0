"""AWS Lambda, on a schedule: heartbeat, comparison of members, deferred messages and reminders, to the outbox."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.organizations import active_accounts
from gatewatch.delivery.deferred import DeferredMessages
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.handlers.forwarding import ForwardingHandler
from gatewatch.handlers.heartbeat import HeartbeatHandler
from gatewatch.handlers.scheduled import ScheduledHandler
from gatewatch.monitoring.doctor.member_access import doctor_session
from gatewatch.monitoring.forwarding.check import ForwardingCheck
from gatewatch.monitoring.forwarding.store import ForwardingStore
from gatewatch.monitoring.heartbeat.store import HeartbeatStore
from gatewatch.monitoring.reminders import ReminderStore

if TYPE_CHECKING:
    from gatewatch.config.settings import Settings


@cache
def compose() -> HeartbeatHandler:
    """Composition root of the heartbeat."""
    environment, aws = os.environ, Aws()
    settings, table = load_bundle(environment).settings, HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
    return HeartbeatHandler(
        settings=settings,
        last_seen=HeartbeatStore(table),
        outbox=_watched_outbox(aws, table, settings),
        organization=lambda: active_accounts(aws.organizations),
        now=time.time,
        silent_after=60 * int(environment["GATEWATCH_SILENCE_MINUTES"]),
        log=_log(),
    )


@cache
def compose_scheduled() -> ScheduledHandler:
    environment, aws = os.environ, Aws()
    bundle, table = load_bundle(environment), environment["GATEWATCH_TABLE"]
    return ScheduledHandler(
        settings=bundle.settings,
        deferred=DeferredMessages(HubTable(aws.dynamodb, table)),
        reminded=ReminderStore(HubTable(aws.dynamodb, table)),
        outbox=Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]),
        now=time.time,
        log=_log(),
    )


@cache
def compose_forwarding() -> ForwardingHandler:
    """Composition root of the comparison of what members forward."""
    environment, aws = os.environ, Aws()
    settings, table = load_bundle(environment).settings, HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])
    return ForwardingHandler(
        settings=settings,
        check=ForwardingCheck(environment["GATEWATCH_BUS"], doctor_session(aws)),
        canaries=HeartbeatStore(table),
        store=ForwardingStore(table),
        outbox=_watched_outbox(aws, table, settings),
        now=time.time,
        log=_log(),
    )


def _watched_outbox(aws: Aws, table: HubTable, settings: Settings) -> WatchedOutbox:
    outbox = Outbox(aws.sqs, os.environ["GATEWATCH_OUTBOX_URL"])
    return WatchedOutbox(outbox, Escalations(table), settings, time.time)


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(_event: dict[str, Any], _context: Any) -> None:
    """All three run, even if one fails."""
    try:
        compose().run()
    finally:
        try:
            compose_scheduled().run()
        finally:
            compose_forwarding().run()
