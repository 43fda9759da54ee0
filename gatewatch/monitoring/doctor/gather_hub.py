"""What there is of the hub itself: bus, queues, functions, topic, and when each place was last heard of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gatewatch.monitoring.doctor.gather_member import waiting
from gatewatch.monitoring.doctor.model import HubFacts, Mapped
from gatewatch.monitoring.doctor.query import ask
from gatewatch.monitoring.heartbeat.store import LastSeen

if TYPE_CHECKING:
    from gatewatch.aws.clients import Aws

QUEUES = ("events", "outbox.fifo", "events-dead", "outbox-dead.fifo")
FUNCTIONS = ("alert", "deliver", "heartbeat", "digest", "access_keys")


def gather_hub(aws: Aws, stage: str) -> HubFacts:
    name = f"gatewatch-{stage}"
    return HubFacts(
        bus_policy=ask(lambda: _policy(aws, name)),
        waiting=ask(lambda: {queue: waiting(aws, f"{name}-{queue}") for queue in QUEUES}),
        functions=ask(lambda: {each: _function(aws, f"{name}-{each}") for each in FUNCTIONS}),
        subscribers=ask(lambda: _subscribers(aws, name)),
        heard=ask(lambda: {str(place): at for place, at in LastSeen(aws.dynamodb, name).read().items()}),
    )


def bus_arn(aws: Aws, stage: str) -> str:
    """Raises botocore's `ClientError` when there is no hub of this stage here."""
    return aws.events.describe_event_bus(Name=f"gatewatch-{stage}")["Arn"]


def _policy(aws: Aws, bus: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(aws.events.describe_event_bus(Name=bus).get("Policy") or "{}")
    return policy


def _function(aws: Aws, name: str) -> Mapped:
    state = aws.functions.get_function_configuration(FunctionName=name).get("State", "Active")
    mappings = aws.functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    served = [each.get("State") in {"Enabled", "Enabling"} for each in mappings]
    return Mapped(state, all(served) if served else None)


def _subscribers(aws: Aws, hub: str) -> int:
    bus = aws.events.describe_event_bus(Name=hub)["Arn"]
    topic = bus.replace(":events:", ":sns:").rpartition(":")[0] + f":{hub}-operators"
    found = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return sum(each["SubscriptionArn"].startswith("arn:") for each in found)
