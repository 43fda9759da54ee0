"""The canary: a scheduled event of a member Region, forwarded through the same pipeline as an alert.

It proves that the forwarding works. Whether the account has a trail is checked by `gatewatch doctor`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

# The rule of eventbridge/member.yaml. A scheduled event names its rule as its only resource. PutEvents rejects sources
# that begin with `aws.`, so the resource is written by EventBridge itself.
_RULE = re.compile(r"^arn:[\w-]+:events:([a-z0-9-]+):(\d{12}):rule/gatewatch-canary$")
_SCHEDULED = ("aws.events", "Scheduled Event")


class AccountRegion(Struct, frozen=True, order=True):
    """One Region of one account."""

    account_id: str
    region: str

    @classmethod
    def parse(cls, text: str) -> AccountRegion:
        account_id, _, region = text.partition(" ")
        return cls(account_id, region)

    def __str__(self) -> str:
        return f"{self.account_id} {self.region}"


class Canary(Struct, frozen=True):
    """`time` is when EventBridge sent it, in seconds since 1970."""

    origin: AccountRegion
    time: int


def parse_canary(event: Any) -> Canary | None:
    """Return the canary that an EventBridge envelope carries; None for every other document."""
    if not isinstance(event, dict) or (event.get("source"), event.get("detail-type")) != _SCHEDULED:
        return None
    resources, time = event.get("resources"), _seconds(event.get("time"))
    match = _RULE.match(str(resources[0])) if isinstance(resources, list) and len(resources) == 1 else None
    if match is None or time is None or event.get("account", match[2]) != match[2]:
        return None
    return Canary(AccountRegion(match[2], match[1]), time)


def _seconds(value: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(value).astimezone(UTC).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
