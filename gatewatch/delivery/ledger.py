"""Delivery ledger: one row per message part, written after the destination accepted it or around giving it up.

A process that ends between the acceptance and the row can deliver the part a second time.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import TransientDeliveryError
from gatewatch.rendering.presentation import MAX_PARTS, Cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

# Longer than any retry (SQS keeps a message for 14 days) and than a useful replay of an archive.
_TTL_SECONDS = 90 * 24 * 3600
_LONGEST_KEY = 1024


class DeliveryState(StrEnum):
    """STARTED fixes the cut before part 1 of several is posted, so that a retry or a newer release continues it.

    GIVING_UP is written before the fallback message is sent: a retry after a crash then finishes giving up.
    """

    STARTED = "started"
    DELIVERED = "delivered"
    GIVING_UP = "giving_up"
    DEAD_LETTERED = "dead_lettered"


class LedgerEntry(Struct, frozen=True):
    """`detail` is the response of the destination, or the reason why the message was given up.

    `cut` is that of the message, in the row of part 1.
    """

    state: DeliveryState
    detail: str = ""
    cut: Cut = ()


def part_key(key: str, part: int) -> str:
    return f"{key}#{part}"


class Ledger:
    """Thread-safe: one thread works on a key at a time, and single operations of a dictionary are atomic."""

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._pending: dict[str, LedgerEntry] = {}

    def get(self, key: str) -> LedgerEntry | None:
        """Return the row of a part, None without one. Rows that could not be written before are written first."""
        self._flush_pending()
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be read: {type(error).__name__}") from error
        return _entry(answer["Item"]) if "Item" in answer else None

    def write(self, key: str, entry: LedgerEntry) -> None:
        now = int(self._now())
        row: dict[str, AttributeValueTypeDef] = {
            "expires": {"N": str(now + _TTL_SECONDS)},
            "at": {"N": str(now)},
            "state": {"S": entry.state},
            "detail": {"S": entry.detail},
            "cut": {"L": [{"N": str(each)} for each in entry.cut]},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(key), **row})
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error

    def write_later(self, key: str, entry: LedgerEntry) -> None:
        """Write a row now, or before the next read. A failure after a delivery must not deliver the message again."""
        try:
            self.write(key, entry)
        except TransientDeliveryError:
            self._pending[key] = entry

    def reset_dead_lettered(self, key: str) -> None:
        """Delete the rows of the dead-lettered parts of a message, so that a redriven one is delivered."""
        for part in range(1, MAX_PARTS + 1):
            self._reset_part(part_key(key, part))

    def _reset_part(self, key: str) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key(key),
                ConditionExpression="#state = :dead_lettered",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":dead_lettered": {"S": DeliveryState.DEAD_LETTERED}},
            )
        except (ClientError, BotoCoreError) as error:
            if not _is_other_state(error):
                raise TransientDeliveryError(f"the ledger cannot be written: {type(error).__name__}") from error

    def _flush_pending(self) -> None:
        for key, entry in list(self._pending.items()):
            self.write(key, entry)
            self._pending.pop(key, None)


def _is_other_state(error: ClientError | BotoCoreError) -> bool:
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ConditionalCheckFailedException"


def _entry(row: dict[str, AttributeValueTypeDef]) -> LedgerEntry:
    cut = tuple(int(each["N"]) for each in row["cut"]["L"])
    return LedgerEntry(DeliveryState(row["state"]["S"]), row["detail"]["S"], cut)


def _key(key: str) -> dict[str, AttributeValueTypeDef]:
    """A partition key of DynamoDB holds 2,048 bytes; an event id in an event may be longer."""
    short = key if len(key.encode()) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    return {"pk": {"S": f"delivered#{short}"}}
