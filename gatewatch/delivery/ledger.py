"""What became of each message: a row written after the destination said yes, or around its giving up.

A process that dies between the yes and the row leaves one duplicate possible; nothing else of ours does.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Longer than any retry (SQS keeps 14 days) and than any archive replay that would still be news.
_KEPT_SECONDS = 90 * 24 * 3600
_LONGEST_KEY = 1024


class State(StrEnum):
    """GIVING_UP is written before the fallback is told, so that who comes after a crash buries and does not deliver."""

    DELIVERED = "delivered"
    GIVING_UP = "giving_up"
    DEAD = "dead"


class Entry(Struct, frozen=True):
    """`answer` is the destination's yes, or the reason of the giving up."""

    state: State
    answer: str


class Ledger:
    """Thread-safe: a key is worked on by one thread at a time, and a dictionary's single steps are atomic."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._owed: dict[str, Entry] = {}

    def look(self, key: str) -> Entry | None:
        """What became of a message so far. First the rows that are owed are written: without them nothing goes on."""
        self._pay()
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be read: {type(error).__name__}") from error
        return _entry(answer["Item"]) if "Item" in answer else None

    def write(self, key: str, entry: Entry) -> None:
        now = int(self._now())
        row: dict[str, AttributeValueTypeDef] = {
            "expires": {"N": str(now + _KEPT_SECONDS)},
            "at": {"N": str(now)},
            "state": {"S": entry.state},
            "answer": {"S": entry.answer},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(key), **row})
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error

    def owe(self, key: str, entry: Entry) -> None:
        """Write it, now or before the next look: after a yes, to bring the message again would tell it twice."""
        try:
            self.write(key, entry)
        except TransientDeliveryError:
            self._owed[key] = entry

    def revive(self, key: str) -> None:
        """So that a message brought back from the dead is delivered and not skipped; what was delivered stays so."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key(key),
                ConditionExpression="#state = :dead",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":dead": {"S": State.DEAD}},
            )
        except (ClientError, BotoCoreError) as error:
            if not _is_other_state(error):
                raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error

    def _pay(self) -> None:
        for key, entry in list(self._owed.items()):
            self.write(key, entry)
            self._owed.pop(key, None)


def _is_other_state(error: ClientError | BotoCoreError) -> bool:
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ConditionalCheckFailedException"


def _entry(row: dict[str, AttributeValueTypeDef]) -> Entry:
    return Entry(State(row["state"]["S"]), row["answer"]["S"])


def _key(key: str) -> dict[str, AttributeValueTypeDef]:
    """DynamoDB takes 2,048 bytes of a partition key; what an event says its id is may be longer."""
    short = key if len(key.encode()) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"delivered#{short}"}}
