"""Scheduled rules of the embedded AWS: moto keeps them and runs none.

Worse, it takes a rule without an event pattern for one that every event matches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3
    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef, RuleTypeDef

_NO_EVENT = json.dumps({"source": ["no event has this source"]})


def keep_schedules_apart_from_events(session: boto3.Session) -> None:
    """Give each scheduled rule a pattern that nothing matches; its targets stay."""
    events = session.client("events")
    for rule in _scheduled(events):
        if "EventPattern" not in rule:
            events.put_rule(Name=rule["Name"], ScheduleExpression=rule["ScheduleExpression"], EventPattern=_NO_EVENT)


def tick(account: str, region: str, session_of: Callable[[str, str], boto3.Session]) -> int:
    """Run every scheduled rule of an account's Region once; answers how many targets that were.

    What AWS sends then: source `aws.events`, an empty detail, and the rule as the only resource.
    """
    events = session_of(account, region).client("events")
    buses = [(rule["Arn"], target) for rule in _scheduled(events) for target in _buses(events, rule["Name"])]
    for rule_arn, bus_arn in buses:
        _, _, _, bus_region, bus_account, _ = bus_arn.split(":")
        entry: PutEventsRequestEntryTypeDef = {
            "Source": "aws.events",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "Resources": [rule_arn],
            "EventBusName": bus_arn,
        }
        session_of(bus_account, bus_region).client("events").put_events(Entries=[entry])
    return len(buses)


def _scheduled(events: EventBridgeClient) -> Iterator[RuleTypeDef]:
    return (rule for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule)


def _buses(events: EventBridgeClient, rule: str) -> Iterator[str]:
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    return (target["Arn"] for target in targets if ":event-bus/" in target["Arn"])
