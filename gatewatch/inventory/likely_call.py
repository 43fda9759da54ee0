"""The call in the Event history of an account that most likely changed a security group."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import DecodeError, Struct, json

if TYPE_CHECKING:
    from types_boto3_cloudtrail import CloudTrailClient
    from types_boto3_cloudtrail.type_defs import EventTypeDef

_NAMES = frozenset({"AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"})
_MAX_RESULTS = 50
_BEFORE_SECONDS = 2 * 24 * 3600  # two sweeps: the change is older than the first reading that found it


class LikelyCall(Struct, frozen=True):
    name: str
    actor: str
    event_id: str
    at: datetime


def find_likely_call(cloudtrail: CloudTrailClient, group_id: str, first_seen: float) -> LikelyCall | None:
    """Return the latest call on the group before its rule was first seen, in seconds since 1970; None without one.

    A call that failed changed nothing, so it is not named. Event history keeps management events for 90 days
    (CloudTrail user guide). Never raises: it is a hint.
    """
    try:
        found = cloudtrail.lookup_events(
            LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": group_id}],
            StartTime=datetime.fromtimestamp(first_seen - _BEFORE_SECONDS, UTC),
            EndTime=datetime.fromtimestamp(first_seen, UTC),
            MaxResults=_MAX_RESULTS,
        )["Events"]
    except (ClientError, BotoCoreError):
        return None
    calls = [_call(each) for each in found if each.get("EventName") in _NAMES and not _has_failed(each)]
    return max(calls, key=lambda each: each.at, default=None)


def _has_failed(event: EventTypeDef) -> bool:
    """Return whether the record has an error, or cannot be read."""
    try:
        record = json.decode(event.get("CloudTrailEvent", "{}"))
    except DecodeError:
        return True
    return not isinstance(record, dict) or bool(record.get("errorCode"))


def _call(event: EventTypeDef) -> LikelyCall:
    at = event.get("EventTime") or datetime.fromtimestamp(0, UTC)
    return LikelyCall(event.get("EventName", ""), event.get("Username", ""), event.get("EventId", ""), at)
