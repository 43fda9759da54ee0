"""Scheduled rules of the embedded AWS. moto stores them, never runs them, and lets every event match them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_events import EventBridgeClient
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef, RuleTypeDef

_PATTERN_WITHOUT_MATCHES = json.dumps({"source": ["source of no event"]})


def isolate_scheduled_rules(events: EventBridgeClient) -> None:
    """Give each scheduled rule a pattern that no event matches; its targets stay."""
    for rule in _scheduled_rules(events):
        if "EventPattern" not in rule:
            events.put_rule(
                Name=rule["Name"], ScheduleExpression=rule["ScheduleExpression"], EventPattern=_PATTERN_WITHOUT_MATCHES
            )


def run_scheduled_rules(account: str, region: str, client_of: Callable[[str, str], EventBridgeClient]) -> int:
    """Run every scheduled rule of an account's Region once; return the number of targets that got an event.

    The event is that of AWS: source `aws.events`, an empty detail, and the rule as the only resource.
    """
    events = client_of(account, region)
    buses = [
        (rule["Arn"], target) for rule in _scheduled_rules(events) for target in _target_buses(events, rule["Name"])
    ]
    for rule_arn, bus_arn in buses:
        _, _, _, bus_region, bus_account, _ = bus_arn.split(":")
        entry: PutEventsRequestEntryTypeDef = {
            "Source": "aws.events",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "Resources": [rule_arn],
            "EventBusName": bus_arn,
        }
        client_of(bus_account, bus_region).put_events(Entries=[entry])
    return len(buses)


def _scheduled_rules(events: EventBridgeClient) -> Iterator[RuleTypeDef]:
    return (rule for rule in events.list_rules()["Rules"] if "ScheduleExpression" in rule)


def _target_buses(events: EventBridgeClient, rule: str) -> Iterator[str]:
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    return (target["Arn"] for target in targets if ":event-bus/" in target["Arn"])
