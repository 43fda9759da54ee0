"""Rows of the hub's table: exposure histories, messages that can be edited, and groups of alerts, by destination."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.delivery.exposure_history import ExposureHistory
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.delivery.wire import pack, unpack
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.slack_thread import AlertGroup, ParentMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from gatewatch.model.message import OutboxMessage

# Counted from the last message about a group: a rule that was open for longer is closed by a message of its own.
_TTL_SECONDS = 400 * 24 * 3600
_Stored = TypeVar("_Stored", bound=Struct)


class ThreadStore:
    """Thread-safe as the ledger is: one thread serves a destination at a time.

    Every method raises `TransientDeliveryError`. Rows that could not be written before are written before a read.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.now = now
        self._pending: dict[str, Struct] = {}

    def history(self, destination: str, group_key: str) -> ExposureHistory:
        return self._read(f"exposures#{destination}#{group_key}", ExposureHistory) or ExposureHistory()

    def save_history(self, destination: str, group_key: str, history: ExposureHistory) -> None:
        self._write(f"exposures#{destination}#{group_key}", history)

    def parent(self, destination: str, key: str) -> ParentMessage | None:
        return self._read(f"parent#{destination}#{key}", ParentMessage)

    def save_parent(self, destination: str, key: str, parent: ParentMessage) -> None:
        self._write(f"parent#{destination}#{key}", parent)

    def save_parent_later(self, destination: str, key: str, parent: ParentMessage) -> None:
        self._write_later(f"parent#{destination}#{key}", parent)

    def group(self, message: OutboxMessage) -> AlertGroup:
        """The group of the account and actor of a message at its destination."""
        return self._read(_group_name(message), AlertGroup) or AlertGroup()

    def save_group(self, message: OutboxMessage, group: AlertGroup) -> None:
        self._write(_group_name(message), group)

    def save_group_later(self, message: OutboxMessage, group: AlertGroup) -> None:
        self._write_later(_group_name(message), group)

    def _write_later(self, name: str, value: Struct) -> None:
        """Write a row now, or before the next read. A failure after a post must not post the message again."""
        try:
            self._write(name, value)
        except TransientDeliveryError:
            self._pending[name] = value

    def _flush_pending(self) -> None:
        for name, value in list(self._pending.items()):
            self._write(name, value)
            self._pending.pop(name, None)

    def _read(self, name: str, kind: type[_Stored]) -> _Stored | None:
        """None without a row, and for a row of another release in another form."""
        self._flush_pending()
        try:
            row = self._dynamodb.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True).get("Item")
            return unpack(bytes(row["value"]["B"]), kind) if row else None
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the threads cannot be read: {type(error).__name__}") from error
        except (msgspec.DecodeError, zlib.error, ValueError, KeyError):
            return None

    def _write(self, name: str, value: Struct) -> None:
        item = _key(name)
        item["value"] = {"B": pack(value)}
        item["expires"] = {"N": str(int(self.now()) + _TTL_SECONDS)}
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the threads cannot be written: {type(error).__name__}") from error


def _group_name(message: OutboxMessage) -> str:
    return f"group#{message.destination}#{message.notification.account_id}#{message.notification.actor}"


def _key(name: str) -> dict[str, AttributeValueTypeDef]:
    """The kind of row and a digest: a key of DynamoDB holds 2,048 bytes, a name in an event any number."""
    return {"pk": {"S": f"{name.partition('#')[0]}#{deduplication_id(name)}"}}
