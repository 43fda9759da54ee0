"""Failed sign-ins counted in the hub table, over all execution environments of functions/alert.

A row holds the attempts for one key in one window, in the order of arrival. An event that SQS delivers again gets the
same number, and exactly one event is the fifth. When the table does not answer in time, the count of this process is
used.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from gatewatch.alerts.failed_sign_ins import InMemorySignInFailures, with_failure_counts
from gatewatch.aws.time_budget import TimeBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.alerts.failed_sign_ins import SignInAttempt
    from gatewatch.config.iam import SignInSeverity
    from gatewatch.model.api_call import ApiCall
    from gatewatch.model.change import Change

_LIFETIME_SECONDS = 24 * 3600
_IS_NEW = "attribute_not_exists(attempts) OR (NOT contains(attempts, :entry) AND size(attempts) < :max)"
_MAX_ATTEMPTS = 200  # listed in one row; further attempts are only counted


class DynamoSignInFailures:
    """`dynamodb` should time out within a second. `monotonic` returns seconds."""

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
        self._budget = TimeBudget(log, monotonic)
        self._memory = InMemorySignInFailures()

    def with_failure_counts(
        self, changes: Sequence[Change], call: ApiCall, policy: SignInSeverity
    ) -> tuple[Change, ...]:
        return with_failure_counts(changes, call, policy, self._count)

    def _count(self, attempt: SignInAttempt) -> int:
        in_process = self._memory.count(attempt)
        in_table = self._budget.run("failed sign-ins not counted", partial(self._count_in_table, attempt))
        return in_process if in_table is None else in_table

    def _count_in_table(self, attempt: SignInAttempt, check_time: Callable[[], None]) -> int:
        return max(self._count_key(key, attempt, check_time) for key in attempt.keys)

    def _count_key(self, key: tuple[str, ...], attempt: SignInAttempt, check_time: Callable[[], None]) -> int:
        """Return the number of attempts within the window up to this one: those of its row and the row before."""
        seconds = max(1, int(attempt.window.total_seconds()))
        window = attempt.at // seconds
        check_time()
        current = self._add(_key(key, window), attempt)
        check_time()
        row = self._dynamodb.get_item(TableName=self._table, Key=_key(key, window - 1), ConsistentRead=True)
        earlier = _attempt_times(row.get("Item", {}))
        if isinstance(current, int):
            return current + sum(attempt.at - at <= seconds for at in earlier)
        return sum(abs(attempt.at - at) <= seconds for at in (*current, *earlier))

    def _add(self, key: dict[str, Any], attempt: SignInAttempt) -> list[int] | int:
        """Return the times of all attempts up to this one, or only their number when the row is full."""
        entry = {"S": f"{attempt.at} {hashlib.sha256(attempt.event_id.encode('utf-8', 'replace')).hexdigest()[:24]}"}
        try:
            row: Any = self._dynamodb.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET attempts = list_append(if_not_exists(attempts, :none), :own), expires = :expires",
                ConditionExpression=_IS_NEW,
                ExpressionAttributeValues={
                    ":none": {"L": []},
                    ":own": {"L": [entry]},
                    ":entry": entry,
                    ":max": {"N": str(_MAX_ATTEMPTS)},
                    ":expires": self._expires(),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            row = error.response.get("Item", {})
        attempts = row.get("attempts", {}).get("L", [])
        return _attempt_times(row)[: attempts.index(entry) + 1] if entry in attempts else self._add_overflow(key)

    def _add_overflow(self, key: dict[str, Any]) -> int:
        response = self._dynamodb.update_item(
            TableName=self._table,
            Key=key,
            UpdateExpression="ADD overflow :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        return _MAX_ATTEMPTS + int(response["Attributes"]["overflow"]["N"])

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(self._now()) + _LIFETIME_SECONDS)}


def _attempt_times(row: Any) -> list[int]:
    return [int(each["S"].partition(" ")[0]) for each in row.get("attempts", {}).get("L", [])]


def _key(key: tuple[str, ...], window: int) -> dict[str, Any]:
    """Hash the key: DynamoDB limits a partition key to 2,048 bytes, and a name in an event may have any length."""
    digest = hashlib.sha256("\n".join(key).encode("utf-8", "replace")).hexdigest()
    return {"pk": {"S": f"failed-sign-ins#{digest}#{window}"}}
