"""The sign of life: a scheduled event of a member's Region, by the road that an alert takes.

It says nothing but where it is from; that the trail is there is `gatewatch doctor`'s to see.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

# The rule of eventbridge/member.yaml. A scheduled event names its rule as its only resource, and only EventBridge
# itself can put an event whose source is aws.events: who reads the resource reads the truth.
_RULE = re.compile(r"^arn:[\w-]+:events:([a-z0-9-]+):(\d{12}):rule/gatewatch-canary$")
_SCHEDULED = ("aws.events", "Scheduled Event")


class Place(Struct, frozen=True, order=True):
    """One Region of one account."""

    account_id: str
    region: str

    @classmethod
    def parse(cls, text: str) -> Place:
        account_id, _, region = text.partition(" ")
        return cls(account_id, region)

    def __str__(self) -> str:
        return f"{self.account_id} {self.region}"


class Canary(Struct, frozen=True):
    """`time` is when EventBridge sent it, in seconds since 1970."""

    place: Place
    time: int


def canary_of(event: Any) -> Canary | None:
    """The canary that an EventBridge envelope is; None for every other document."""
    if not isinstance(event, dict) or (event.get("source"), event.get("detail-type")) != _SCHEDULED:
        return None
    resources, time = event.get("resources"), _seconds(event.get("time"))
    match = _RULE.match(str(resources[0])) if isinstance(resources, list) and len(resources) == 1 else None
    if match is None or time is None or event.get("account", match[2]) != match[2]:
        return None
    return Canary(Place(match[2], match[1]), time)


def _seconds(value: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(value).astimezone(UTC).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
