"""The words of the family `hub`: hands on the road that alerts travel."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Part(StrEnum):
    """What the road is made of; a message says `rule/gatewatch-security-group`."""

    RULE = "rule"
    BUS = "event-bus"
    TRAIL = "trail"
    FUNCTION = "function"
    QUEUE = "queue"
    PARAMETER = "parameter"


class HubFacts(Struct, frozen=True):
    """`cuts`: after this call events, or alerts, may no longer come through."""

    part: Part
    name: str
    cuts: bool
