"""Gather the state of the hub: bus, queues, functions, operators topic, last canaries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gatewatch.aws.hub_table import HubTable
from gatewatch.inventory.coverage import find_gaps, read_coverage
from gatewatch.inventory.store import InventoryStore
from gatewatch.monitoring.doctor.member_queries import queue_depth
from gatewatch.monitoring.doctor.model import FunctionState, HubState
from gatewatch.monitoring.doctor.query import run_query
from gatewatch.monitoring.heartbeat.store import HeartbeatStore

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws
    from gatewatch.config.settings import Settings
    from gatewatch.inventory.coverage import Gap

QUEUES = (
    "events",
    "outbox.fifo",
    "clicks.fifo",
    "sweep",
    "events-dlq",
    "outbox-dlq.fifo",
    "access-keys-dlq",
    "clicks-dlq.fifo",
    "sweep-dlq",
)
FUNCTIONS = ("alert", "deliver", "heartbeat", "escalate", "sweep", "digest", "access_keys")


def gather_hub(aws: Aws, stage: str, settings: Settings, now: float) -> HubState:
    """`now` is in seconds since 1970."""
    name = f"gatewatch-{stage}"
    table = HubTable(aws.dynamodb, name)
    return HubState(
        bus_policy=run_query(lambda: _policy(aws, name)),
        queue_depths=run_query(lambda: {queue: queue_depth(aws, f"{name}-{queue}") for queue in QUEUES}),
        functions=run_query(lambda: {each: _function(aws, f"{name}-{each}") for each in FUNCTIONS}),
        subscribers=run_query(lambda: _subscribers(aws, name)),
        last_canaries=run_query(
            lambda: {str(origin): at for origin, at in HeartbeatStore(table).last_canaries().items()}
        ),
        gaps=run_query(lambda: _gaps(table, settings, now)),
    )


def _gaps(table: HubTable, settings: Settings, now: float) -> list[Gap] | None:
    store = InventoryStore(table)
    state = store.state()
    if state is None or state.known is None:
        return None
    return find_gaps(read_coverage(store, HeartbeatStore(table).last_canaries().keys(), settings, now), settings)


def bus_arn(aws: Aws, stage: str) -> str:
    """Return the ARN of the hub's bus. Raises botocore's `ClientError` when there is none for this stage here."""
    return aws.events.describe_event_bus(Name=f"gatewatch-{stage}")["Arn"]


def _policy(aws: Aws, bus: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(aws.events.describe_event_bus(Name=bus).get("Policy") or "{}")
    return policy


def _function(aws: Aws, name: str) -> FunctionState:
    state = aws.lambda_.get_function_configuration(FunctionName=name).get("State", "Active")
    mappings = aws.lambda_.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    served = [each.get("State") in {"Enabled", "Enabling"} for each in mappings]
    return FunctionState(state, all(served) if served else None)


def _subscribers(aws: Aws, hub: str) -> int:
    bus = aws.events.describe_event_bus(Name=hub)["Arn"]
    topic = bus.replace(":events:", ":sns:").rpartition(":")[0] + f":{hub}-operators"
    found = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return sum(each["SubscriptionArn"].startswith("arn:") for each in found)
