"""Rows of the hub's table: the story of each group as a destination was told it, the messages it can still edit, and
the roll-ups that go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.delivery.exposure_history import ExposureHistory
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.slack_thread import Root, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from gatewatch.model.message import Message

# Counted from the last message about a group: a gate that stood open for longer is closed by a message of its own.
_KEPT_SECONDS = 400 * 24 * 3600
_Kept = TypeVar("_Kept", bound=Struct)


class ThreadStore:
    """Thread-safe as the ledger is: a destination is served by one thread at a time.

    Everything raises `TransientDeliveryError`; before a row is read, those that are owed are written.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float]) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self.now = now
        self._owed: dict[str, Struct] = {}

    def story(self, destination: str, place: str) -> ExposureHistory:
        return self._read(f"thread#{destination}#{place}", ExposureHistory) or ExposureHistory()

    def keep_story(self, destination: str, place: str, story: ExposureHistory) -> None:
        self._write(f"thread#{destination}#{place}", story)

    def root(self, destination: str, key: str) -> Root | None:
        return self._read(f"root#{destination}#{key}", Root)

    def keep_root(self, destination: str, key: str, root: Root) -> None:
        self._write(f"root#{destination}#{key}", root)

    def owe_root(self, destination: str, key: str, root: Root) -> None:
        self._owe(f"root#{destination}#{key}", root)

    def run(self, message: Message) -> Run | None:
        """The last roll-up of the same account and actor at the same destination."""
        return self._read(_run_of(message), Run)

    def keep_run(self, message: Message, run: Run) -> None:
        self._write(_run_of(message), run)

    def owe_run(self, message: Message, run: Run) -> None:
        self._owe(_run_of(message), run)

    def _owe(self, name: str, kept: Struct) -> None:
        """Write it, now or before the next row is read: after a yes, a failure would tell the message twice."""
        try:
            self._write(name, kept)
        except TransientDeliveryError:
            self._owed[name] = kept

    def _pay(self) -> None:
        for name, kept in list(self._owed.items()):
            self._write(name, kept)
            self._owed.pop(name, None)

    def _read(self, name: str, kind: type[_Kept]) -> _Kept | None:
        """None for what is not there, and for what another version of gatewatch wrote in another form."""
        self._pay()
        try:
            row = self._dynamodb.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True).get("Item")
            return msgspec.json.decode(row["kept"]["S"], type=kind) if row else None
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the threads cannot be read: {type(error).__name__}") from error
        except (msgspec.DecodeError, KeyError):
            return None

    def _write(self, name: str, kept: Struct) -> None:
        expires = {"N": str(int(self.now()) + _KEPT_SECONDS)}
        text = {"S": msgspec.json.encode(kept).decode()}
        try:
            self._dynamodb.put_item(TableName=self._table, Item={**_key(name), "kept": text, "expires": expires})
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the threads cannot be written: {type(error).__name__}") from error


def _run_of(message: Message) -> str:
    return f"run#{message.destination}#{message.account_id}#{message.actor}"


def _key(name: str) -> dict[str, AttributeValueTypeDef]:
    """`root`, `run` or `thread`, and a digest: DynamoDB takes 2,048 bytes, a name in an event may be anything."""
    return {"pk": {"S": f"{name.partition('#')[0]}#{deduplication_id(name)}"}}
