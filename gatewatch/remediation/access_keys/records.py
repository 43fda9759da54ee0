"""Rows of the hub's table: what gatewatch did to a key, and which changes have no message yet.

IAM does not record when or by whom a key was deactivated. The rows are written before the change, so that a process
that ends in between loses neither the change nor its message.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import GatewatchError
from gatewatch.remediation.access_keys.plan import KeyAction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.remediation.access_keys.plan import AccessKey

_RETENTION_SECONDS = 400 * 24 * 3600  # as long as the snapshots


class KeyRecordError(GatewatchError):
    """The table cannot be read or written; no key is changed then."""


class KeyEvent(StrEnum):
    """What gatewatch did to a key last."""

    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    RESTORED = "restored"


class KeyRecord(Struct, frozen=True):
    """The last change of a key. `action`: the decision behind it, for the message."""

    event: KeyEvent
    at: datetime
    action: KeyAction | None = None


class KeyRecords:
    """Records in the hub's table. Every method raises `KeyRecordError`."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def with_history(self, key: AccessKey) -> AccessKey:
        """Return the key with the time gatewatch deactivated or restored it."""
        record = self.load(key.account_id, key.key_id)
        if record is None or record.event is KeyEvent.DELETED:
            return key
        if record.event is KeyEvent.RESTORED:
            return msgspec.structs.replace(key, restored=record.at)
        return key if key.is_active else msgspec.structs.replace(key, deactivated=record.at)

    def load(self, account_id: str, key_id: str) -> KeyRecord | None:
        item = self._get(_record_key(account_id, key_id))
        return msgspec.json.decode(item["body"]["S"], type=KeyRecord) if item else None

    def save(self, key: AccessKey, record: KeyRecord) -> None:
        body, expires = msgspec.json.encode(record).decode(), int(record.at.timestamp()) + _RETENTION_SECONDS
        row = {"body": {"S": body}, "expires": {"N": str(expires)}}
        with _record_errors():
            self._dynamodb.put_item(TableName=self._table, Item={**_record_key(key.account_id, key.key_id), **row})

    def unreported(self, account_id: str) -> tuple[str, ...]:
        """Return the ids of the keys of an account with a change that has no message yet."""
        item = self._get(_unreported_key(account_id))
        return tuple(sorted(item["ids"]["SS"])) if item and "ids" in item else ()

    def mark_unreported(self, key: AccessKey) -> None:
        self._set_unreported(key, "ADD")

    def mark_reported(self, key: AccessKey) -> None:
        self._set_unreported(key, "DELETE")

    def _set_unreported(self, key: AccessKey, verb: str) -> None:
        with _record_errors():
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_unreported_key(key.account_id),
                UpdateExpression=f"{verb} ids :ids",
                ExpressionAttributeValues={":ids": {"SS": [key.key_id]}},
            )

    def _get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        with _record_errors():
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


@contextmanager
def _record_errors() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise KeyRecordError(f"the records of access keys cannot be read or written: {type(error).__name__}") from error


def _record_key(account_id: str, key_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"access-key#{account_id}#{key_id}"}}


def _unreported_key(account_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"access-keys-unreported#{account_id}"}}
