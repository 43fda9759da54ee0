"""AWS Lambda: reads what stands open in every member account, on a schedule and from the sweep queue."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from functions.bundle import load_bundle
from gatewatch.alerts.attached_groups import AttachedGroupStore
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.aws.roles import role_arn
from gatewatch.delivery.escalations import Escalations, WatchedOutbox
from gatewatch.delivery.outbox import Outbox
from gatewatch.handlers.batch import partial_response
from gatewatch.handlers.sweep import SweepHandler
from gatewatch.inventory.recording import InventoryRecorder
from gatewatch.inventory.store import InventoryStore
from gatewatch.inventory.tasks import TaskQueue
from gatewatch.monitoring.heartbeat.store import HeartbeatStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.events.canary import AccountRegion

_SESSION_NAME = "gatewatch-sweep"


@cache
def compose() -> SweepHandler:
    """Called once per execution environment."""
    return compose_with(time.time)


def compose_with(now: Callable[[], float], queue: TaskQueue | None = None) -> SweepHandler:
    """Composition root. `queue`: in place of the one of the environment."""
    environment, aws = os.environ, Aws()
    settings, table = load_bundle(environment).settings, HubTable(aws.dynamodb, environment["GATEWATCH_TABLE"])

    def session_for(origin: AccountRegion, role: str) -> Aws:
        arn = role_arn(aws.partition(origin.region), origin.account_id, role)
        return aws.assume_role(arn, origin.region, _SESSION_NAME)

    store = InventoryStore(table)
    outbox = WatchedOutbox(Outbox(aws.sqs, environment["GATEWATCH_OUTBOX_URL"]), Escalations(table), settings, now)
    return SweepHandler(
        settings=settings,
        store=store,
        recorder=InventoryRecorder(settings, store, table, outbox),
        attached_groups=AttachedGroupStore(table),
        queue=queue or TaskQueue(aws.sqs, environment["GATEWATCH_SWEEP_URL"]),
        outbox=outbox,
        session_for=session_for,
        canaries=lambda: HeartbeatStore(table).last_canaries().keys(),
        home_region=environment["AWS_REGION"],
        now=now,
        log=_log(),
    )


@cache
def _log() -> Any:
    return Logger(use_rfc3339=True)


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]] | None:
    """An event of the schedule has no records."""
    sweep = compose()
    if "Records" in event:
        return partial_response(event, sweep.handle, sweep.log)
    sweep.start()
    return None
