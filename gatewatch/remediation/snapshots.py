"""Snapshots of resources before gatewatch changes them: written before the change, read by `gatewatch undo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RETENTION_SECONDS = 400 * 24 * 3600  # one year of audit plus one month


class SnapshotError(GatewatchError):
    """A snapshot cannot be written or found; nothing is changed without one."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """State of one resource before a change.

    `body`: JSON in the form of `kind`. `at`: seconds since 1970. `actor`: who had made the resource what it was.
    """

    change_id: str
    kind: str
    account_id: str
    region: str
    resource_id: str
    at: float
    body: str
    actor: str = ""
    event_id: str = ""


class SnapshotStore:
    """Snapshots in the hub's table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def save(self, snapshot: Snapshot) -> None:
        """Write a snapshot. Raises `SnapshotError`; the caller must then change nothing."""
        expires = int(snapshot.at) + RETENTION_SECONDS
        row = {"body": {"S": msgspec.json.encode(snapshot).decode()}, "expires": {"N": str(expires)}}
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(snapshot.change_id), **row})
        except (ClientError, BotoCoreError) as error:
            raise SnapshotError(f"the snapshot cannot be written: {type(error).__name__}") from error

    def load(self, change_id: str) -> Snapshot:
        """Return the snapshot of a change. Raises `SnapshotError` when there is none."""
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(change_id), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise SnapshotError(f"the snapshots cannot be read: {error}") from error
        if "Item" not in answer:
            raise SnapshotError(f"there is no change {change_id}; the message about a change and the log name its id.")
        return msgspec.json.decode(answer["Item"]["body"]["S"], type=Snapshot)


def _key(change_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"snapshot#{change_id}"}}
