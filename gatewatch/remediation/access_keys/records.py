"""What gatewatch did to a key, and what of it nobody was told yet: rows of the hub's table.

IAM does not say when a key was switched off, nor by whom. A row is written before the deed and before the message,
so that neither is lost when a process dies between them.
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

_KEPT_SECONDS = 400 * 24 * 3600  # as long as the pre-images


class KeyRecordError(GatewatchError):
    """The table cannot be read or written; then no key is touched."""


class Deed(StrEnum):
    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    RESTORED = "restored"


class KeyRecord(Struct, frozen=True):
    """The last deed to a key. `action` is what decided it, for the message."""

    deed: Deed
    at: datetime
    action: KeyAction | None = None


class KeyRecords:
    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def known(self, key: AccessKey) -> AccessKey:
        """The key with what gatewatch did to it."""
        record = self.load(key.account_id, key.key_id)
        if record is None or record.deed is Deed.DELETED:
            return key
        if record.deed is Deed.RESTORED:
            return msgspec.structs.replace(key, restored=record.at)
        return key if key.is_active else msgspec.structs.replace(key, deactivated=record.at)

    def load(self, account_id: str, key_id: str) -> KeyRecord | None:
        item = self._get(_record_key(account_id, key_id))
        return msgspec.json.decode(item["body"]["S"], type=KeyRecord) if item else None

    def save(self, key: AccessKey, record: KeyRecord) -> None:
        body, expires = msgspec.json.encode(record).decode(), int(record.at.timestamp()) + _KEPT_SECONDS
        row = {"body": {"S": body}, "expires": {"N": str(expires)}}
        with _refusals():
            self._dynamodb.put_item(TableName=self._table, Item={**_record_key(key.account_id, key.key_id), **row})

    def untold(self, account_id: str) -> tuple[str, ...]:
        """The ids of the keys of an account of which something was begun and not told."""
        item = self._get(_untold_key(account_id))
        return tuple(sorted(item["ids"]["SS"])) if item and "ids" in item else ()

    def begin(self, key: AccessKey) -> None:
        self._untold(key, "ADD")

    def told(self, key: AccessKey) -> None:
        self._untold(key, "DELETE")

    def _untold(self, key: AccessKey, verb: str) -> None:
        with _refusals():
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_untold_key(key.account_id),
                UpdateExpression=f"{verb} ids :ids",
                ExpressionAttributeValues={":ids": {"SS": [key.key_id]}},
            )

    def _get(self, key: dict[str, Any]) -> dict[str, Any] | None:
        with _refusals():
            answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise KeyRecordError(f"the records of access keys cannot be kept: {type(error).__name__}") from error


def _record_key(account_id: str, key_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"access-key#{account_id}#{key_id}"}}


def _untold_key(account_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"access-keys-untold#{account_id}"}}
