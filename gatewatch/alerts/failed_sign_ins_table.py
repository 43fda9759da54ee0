"""Failed log-ins counted in the hub's table, by every run of functions/alert together.

A row holds the attempts at one door in one stretch of time, in the order in which they came. So the same event asked
again, as SQS may, gets the same number, and every fifth attempt is the fifth for exactly one event. What the table
does not say in time, the memory of this process does.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatewatch.alerts.failed_sign_ins import FailedSignIns, counted
from gatewatch.aws.time_budget import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.alerts.failed_sign_ins import Attempt
    from gatewatch.config.iam import SignInSeverity
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

_KEPT_SECONDS = 24 * 3600
_IS_NEW = "attribute_not_exists(tries) OR (NOT contains(tries, :entry) AND size(tries) < :most)"
_MOST = 200  # attempts of one row; more than that are only counted


class TableFailedSignIns:
    """`dynamodb` should answer or give up within a second; `monotonic` measures that it did."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        log: Logger,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._patience = Patience(log, monotonic)
        self._memory = FailedSignIns()

    def counted(self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity) -> tuple[Change, ...]:
        return counted(changes, call, policy, self._count)

    def _count(self, attempt: Attempt) -> int:
        known = self._memory.count(attempt)
        found = self._patience.attempt("failures not counted", partial(self._count_together, attempt))
        return known if found is None else found

    def _count_together(self, attempt: Attempt, in_time: Callable[[], None]) -> int:
        return max(self._count_at(door, attempt, in_time) for door in attempt.doors)

    def _count_at(self, door: tuple[str, ...], attempt: Attempt, in_time: Callable[[], None]) -> int:
        """How many attempts the window holds up to this one, in its own stretch and the one before."""
        seconds = max(1, int(attempt.window.total_seconds()))
        stretch = attempt.at // seconds
        in_time()
        mine = self._add(_key(door, stretch), attempt)
        in_time()
        before = self._dynamodb.get_item(TableName=self._table, Key=_key(door, stretch - 1), ConsistentRead=True)
        earlier = _entries(before.get("Item", {}))
        if isinstance(mine, int):
            return mine + sum(attempt.at - at <= seconds for at in earlier)
        return sum(abs(attempt.at - at) <= seconds for at in (*mine, *earlier))

    def _add(self, key: dict[str, Any], attempt: Attempt) -> list[int] | int:
        """The times of all attempts up to this one, or their number where there are very many."""
        entry = {"S": f"{attempt.at} {hashlib.sha256(attempt.event_id.encode('utf-8', 'replace')).hexdigest()[:24]}"}
        try:
            row: Any = self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET tries = list_append(if_not_exists(tries, :none), :own), expires = :expires",
                ConditionExpression=_IS_NEW,
                ExpressionAttributeValues={
                    ":none": {"L": []},
                    ":own": {"L": [entry]},
                    ":entry": entry,
                    ":most": {"N": str(_MOST)},
                    ":expires": self._expires(),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            row = error.response.get("Item", {})
        tries = row.get("tries", {}).get("L", [])
        return _entries(row)[: tries.index(entry) + 1] if entry in tries else self._add_to_number(key)

    def _add_to_number(self, key: dict[str, Any]) -> int:
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=key,
            UpdateExpression="ADD beyond :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        return _MOST + int(answer["Attributes"]["beyond"]["N"])

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(self._now()) + _KEPT_SECONDS)}


def _entries(row: Any) -> list[int]:
    return [int(each["S"].partition(" ")[0]) for each in row.get("tries", {}).get("L", [])]


def _key(door: tuple[str, ...], stretch: int) -> dict[str, Any]:
    """A digest: DynamoDB takes 2,048 bytes, a name in an event may be anything."""
    digest = hashlib.sha256("\n".join(door).encode("utf-8", "replace")).hexdigest()
    return {"pk": {"S": f"failures#{digest}#{stretch}"}}
