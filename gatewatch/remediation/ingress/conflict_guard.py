"""When to keep the hands off a rule: people keep undoing what gatewatch does, a person undid it, or it is its own.

One row per rule and way, whatever the rule's id: one that comes back has a new one.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import GatewatchError
from gatewatch.remediation.ingress.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.config.ingress import Fight

_STOPPED_SECONDS = 30 * 24 * 3600
_HOUR = 3600


class GuardError(GatewatchError):
    """What happened to a rule before cannot be read: any doubt, hands off."""


class Stop(StrEnum):
    """EXCEPTED is kept here only to tell it once: whether it still is so, the policy says each time."""

    FIGHT = "fight"
    UNDONE = "undone"
    OWN = "own"
    EXCEPTED = "excepted"


class GroupRef(Struct, frozen=True):
    account_id: str
    region: str
    group_id: str


class Dispute(Struct, frozen=True):
    """A rule of a group that people and the policy may disagree on: it stands and may not, or is missing and must."""

    group: GroupRef
    access: Access
    is_missing: bool = False

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.access, order="deterministic")).hexdigest()[:24]


class Guard:
    """`now` gives seconds since 1970."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, fight: Fight, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._fight = fight
        self._now = now

    def stopped(self, dispute: Dispute) -> Stop | None:
        """Why a rule is to be left alone; FIGHT also when it has just been undone once too often."""
        row = self._read(dispute)
        kept = Stop(row["stopped"]["S"]) if "stopped" in row else None
        if kept not in {None, Stop.EXCEPTED} and float(row["until"]["N"]) > self._now():
            return kept
        earliest = self._now() - self._fight.hours * _HOUR
        times = [each for each in row.get("times", {}).get("L", []) if float(each["N"]) > earliest]
        return Stop.FIGHT if len(times) >= self._fight.returns else None

    def settled(self, dispute: Dispute) -> None:
        """Count that gatewatch removed what may not stand, or authorised what must."""
        now = {"N": str(self._now())}
        self._update(
            dispute,
            "SET #t = list_append(if_not_exists(#t, :none), :now), expires = :expires",
            {":none": {"L": []}, ":now": {"L": [now]}, ":expires": self._expires()},
            {"#t": "times"},
        )

    def stop(self, dispute: Dispute, why: Stop) -> bool:
        """Leave a rule alone from now on; whether that is news. What gatewatch put there ages with the window."""
        now = self._now()
        until = now + (self._fight.hours * _HOUR if why is Stop.OWN else _STOPPED_SECONDS)
        values: dict[str, Any] = {
            ":why": {"S": why.value},
            ":until": {"N": str(until)},
            ":now": {"N": str(now)},
            ":expires": self._expires(),
        }
        expression = "SET stopped = :why, #u = :until, expires = :expires"
        is_news = "attribute_not_exists(stopped) OR stopped <> :why OR #u <= :now"
        return self._update(dispute, expression, values, {"#u": "until"}, is_news)

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(self._now()) + _STOPPED_SECONDS)}

    def _read(self, dispute: Dispute) -> dict[str, Any]:
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(dispute), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise GuardError(f"what happened to a rule cannot be read: {type(error).__name__}") from error
        return dict(answer.get("Item", {}))

    def _update(
        self,
        dispute: Dispute,
        expression: str,
        values: dict[str, Any],
        names: dict[str, str],
        condition: str = "",
    ) -> bool:
        more: Any = {"ConditionExpression": condition} if condition else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(dispute),
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                **more,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise GuardError(f"what happened to a rule cannot be kept: {type(error).__name__}") from error
        return True


def _key(dispute: Dispute) -> dict[str, dict[str, str]]:
    group, way = dispute.group, "#missing" if dispute.is_missing else ""
    return {"pk": {"S": f"returns#{group.account_id}#{group.region}#{group.group_id}#{dispute.digest}{way}"}}
