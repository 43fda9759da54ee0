"""When each place was last heard of, and what people were told about that: rows of the hub's table.

A row holds all places whose account ends in the same two digits, so that all of them are read by one request and
none by scanning the ledger that lives in the same table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.dynamodb import rows_of
from gatewatch.errors import TransientDeliveryError
from gatewatch.events.canary import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.events.canary import Canary

_SHARDS = [f"{number:02}" for number in range(100)]  # BatchGetItem takes a hundred keys
_TOLD = {"pk": {"S": "heartbeat#told"}}


class Told(Struct, frozen=True):
    """What people know: the silent places with the time they were last heard, and the accounts never heard of.

    `since` is when the first heartbeat was. Times are in seconds since 1970.
    """

    since: int
    silent: dict[str, int] = {}
    unheard: tuple[str, ...] = ()


class LastSeen:
    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def record(self, canary: Canary) -> None:
        """A replay of the archive brings old canaries: the latest stays. Raises `TransientDeliveryError`."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(canary.place.account_id[-2:]),
                UpdateExpression="SET #place = :time",
                ConditionExpression="attribute_not_exists(#place) OR #place < :time",
                ExpressionAttributeNames={"#place": str(canary.place)},
                ExpressionAttributeValues={":time": {"N": str(canary.time)}},
            )
        except (ClientError, BotoCoreError) as error:
            if not _is_older(error):
                raise TransientDeliveryError(f"the canary cannot be recorded: {type(error).__name__}") from error

    def read(self) -> dict[Place, int]:
        """Every place that was ever heard of."""
        return {
            Place.parse(name): int(value["N"])
            for row in self._rows()
            for name, value in row.items()
            if name != "pk" and "N" in value
        }

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return rows_of(self._dynamodb, self._table, [_key(shard) for shard in _SHARDS], "the canaries")

    def told(self, now: int) -> Told:
        """Before the first heartbeat nothing was told."""
        row = self._dynamodb.get_item(TableName=self._table, Key=_TOLD, ConsistentRead=True).get("Item")
        return msgspec.json.decode(row["told"]["S"], type=Told) if row else Told(since=now)

    def remember(self, told: Told) -> None:
        row = {**_TOLD, "told": {"S": msgspec.json.encode(told).decode()}}
        self._dynamodb.put_item(TableName=self._table, Item=row)


def _key(shard: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"seen#{shard}"}}


def _is_older(error: ClientError | BotoCoreError) -> bool:
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ConditionalCheckFailedException"
