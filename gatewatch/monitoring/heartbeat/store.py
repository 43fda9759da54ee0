"""The last canary of every account and Region, and the reported state: rows of the hub table.

A row holds the Regions of all accounts whose id ends in the same two digits, so that one request reads all of them
without scanning the delivery ledger in the same table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.dynamodb import batch_get_rows
from gatewatch.errors import TransientDeliveryError
from gatewatch.events.canary import AccountRegion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.events.canary import Canary

_SHARDS = [f"{number:02}" for number in range(100)]  # BatchGetItem takes a hundred keys
_REPORTED_KEY = {"pk": {"S": "heartbeat#reported"}}


class ReportedState(Struct, frozen=True):
    """What was reported: silent Regions with the time of their last canary, and accounts that never sent one.

    `since` is the time of the first heartbeat. Times are in seconds since 1970.
    """

    since: int
    silent: dict[str, int] = {}
    never_reported: tuple[str, ...] = ()


class HeartbeatStore:
    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def record(self, canary: Canary) -> None:
        """Save the time of a canary unless it is older. Raises `TransientDeliveryError`."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(canary.origin.account_id[-2:]),
                UpdateExpression="SET #origin = :time",
                ConditionExpression="attribute_not_exists(#origin) OR #origin < :time",
                ExpressionAttributeNames={"#origin": str(canary.origin)},
                ExpressionAttributeValues={":time": {"N": str(canary.time)}},
            )
        except (ClientError, BotoCoreError) as error:
            if not _is_older(error):
                raise TransientDeliveryError(f"the canary cannot be recorded: {type(error).__name__}") from error

    def last_canaries(self) -> dict[AccountRegion, int]:
        """Return the time of the last canary of every Region that ever sent one."""
        return {
            AccountRegion.parse(name): int(value["N"])
            for row in self._rows()
            for name, value in row.items()
            if name != "pk" and "N" in value
        }

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return batch_get_rows(self._dynamodb, self._table, [_key(shard) for shard in _SHARDS], "the canaries")

    def reported(self, now: int) -> ReportedState:
        """Return the reported state, which is empty before the first heartbeat."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_REPORTED_KEY, ConsistentRead=True).get("Item")
        return msgspec.json.decode(row["reported"]["S"], type=ReportedState) if row else ReportedState(since=now)

    def save_reported(self, reported: ReportedState) -> None:
        row = {**_REPORTED_KEY, "reported": {"S": msgspec.json.encode(reported).decode()}}
        self._dynamodb.put_item(TableName=self._table, Item=row)


def _key(shard: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"canaries#{shard}"}}


def _is_older(error: ClientError | BotoCoreError) -> bool:
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ConditionalCheckFailedException"
