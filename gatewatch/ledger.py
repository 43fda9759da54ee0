"""What became of each message: a row written after the destination said yes, or after it was given up.

A process that dies between the yes and the row leaves one duplicate possible; nothing else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient

# Longer than any retry (SQS keeps 14 days) and than any archive replay that would still be news.
_KEPT_SECONDS = 90 * 24 * 3600


class Ledger:
    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now

    def has(self, key: str) -> bool:
        """Whether a message is settled: delivered, or dead and told by its fallback."""
        try:
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=_key(key), ConsistentRead=True, ProjectionExpression="pk"
            )
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be read: {type(error).__name__}") from error
        return "Item" in answer

    def record(self, key: str, answer: str) -> None:
        now = int(self._now())
        row = {"expires": {"N": str(now + _KEPT_SECONDS)}, "at": {"N": str(now)}, "answer": {"S": answer}}
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(key), **row})
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error

    def forget(self, key: str) -> None:
        """So that a message brought back from the dead is delivered and not skipped."""
        try:
            self._dynamodb.delete_item(TableName=self._table, Key=_key(key))
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error


def _key(key: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"delivered#{key}"}}
