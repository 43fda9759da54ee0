"""Values of the family `hub`: tampering with gatewatch."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class MonitoringComponent(StrEnum):
    """Kind of resource that the alert pipeline consists of; `resource_id` is `rule/gatewatch-security-group`."""

    RULE = "rule"
    BUS = "event-bus"
    TRAIL = "trail"
    FUNCTION = "function"
    QUEUE = "queue"
    PARAMETER = "parameter"


class MonitoringFacts(Struct, frozen=True):
    """`disables_monitoring`: after this call events or alerts may be lost."""

    component: MonitoringComponent
    name: str
    disables_monitoring: bool
