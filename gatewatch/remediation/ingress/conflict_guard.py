"""Remediation conflicts: when a rule is left as it is because its remediation keeps being reverted.

One row for each rule and direction of the conflict, independent of the rule's id: a re-created rule has a new id.
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

    from gatewatch.config.ingress import ConflictLimit

_STOP_SECONDS = 30 * 24 * 3600
_HOUR = 3600


class ConflictGuardError(GatewatchError):
    """The conflict rows cannot be read or written; the rule must not be changed then."""


class StopReason(StrEnum):
    """Why a rule is not remediated.

    CONFLICT: the remediation was reverted too often. UNDONE: `gatewatch undo` reverted it. OWN: gatewatch created the
    rule. EXCEPTION: an exception of the policy may cover it; stored only so that it is reported once.
    """

    CONFLICT = "conflict"
    UNDONE = "undone"
    OWN = "own"
    EXCEPTION = "exception"


class GroupRef(Struct, frozen=True):
    account_id: str
    region: str
    group_id: str


class RuleConflict(Struct, frozen=True):
    """A rule that exists and is not allowed, or (`is_missing`) is required and does not exist."""

    group: GroupRef
    access: Access
    is_missing: bool = False

    @property
    def access_hash(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.access, order="deterministic")).hexdigest()[:24]


class ConflictGuard:
    """Counts remediations of a rule in the hub's table. `now` returns seconds since 1970."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, limit: ConflictLimit, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._limit = limit
        self._now = now

    def stop_reason(self, conflict: RuleConflict) -> StopReason | None:
        """Return why a rule must not be remediated now; None when it may be."""
        row = self._read(conflict)
        stored = StopReason(row["stopped"]["S"]) if "stopped" in row else None
        if stored not in {None, StopReason.EXCEPTION} and float(row["until"]["N"]) > self._now():
            return stored
        earliest = self._now() - self._limit.hours * _HOUR
        times = [each for each in row.get("times", {}).get("L", []) if float(each["N"]) > earliest]
        return StopReason.CONFLICT if len(times) >= self._limit.returns else None

    def count_change(self, conflict: RuleConflict) -> None:
        """Count one remediation: a rule that is not allowed was removed, or a required one authorised."""
        now = {"N": str(self._now())}
        self._update(
            conflict,
            "SET #t = list_append(if_not_exists(#t, :none), :now), expires = :expires",
            {":none": {"L": []}, ":now": {"L": [now]}, ":expires": self._expires()},
            {"#t": "times"},
        )

    def stop_enforcement(self, conflict: RuleConflict, reason: StopReason) -> bool:
        """Stop remediating a rule for 30 days, or for the conflict window when gatewatch created it.

        Returns whether this reason is new, so that it is reported once.
        """
        now = self._now()
        until = now + (self._limit.hours * _HOUR if reason is StopReason.OWN else _STOP_SECONDS)
        values: dict[str, Any] = {
            ":reason": {"S": reason.value},
            ":until": {"N": str(until)},
            ":now": {"N": str(now)},
            ":expires": self._expires(),
        }
        expression = "SET stopped = :reason, #u = :until, expires = :expires"
        is_new = "attribute_not_exists(stopped) OR stopped <> :reason OR #u <= :now"
        return self._update(conflict, expression, values, {"#u": "until"}, is_new)

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(self._now()) + _STOP_SECONDS)}

    def _read(self, conflict: RuleConflict) -> dict[str, Any]:
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(conflict), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise ConflictGuardError(f"the conflicts of a rule cannot be read: {type(error).__name__}") from error
        return dict(answer.get("Item", {}))

    def _update(
        self,
        conflict: RuleConflict,
        expression: str,
        values: dict[str, Any],
        names: dict[str, str],
        condition: str = "",
    ) -> bool:
        more: Any = {"ConditionExpression": condition} if condition else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(conflict),
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                **more,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise ConflictGuardError(f"the conflicts of a rule cannot be written: {type(error).__name__}") from error
        return True


def _key(conflict: RuleConflict) -> dict[str, dict[str, str]]:
    group, suffix = conflict.group, "#missing" if conflict.is_missing else ""
    return {"pk": {"S": f"conflict#{group.account_id}#{group.region}#{group.group_id}#{conflict.access_hash}{suffix}"}}
