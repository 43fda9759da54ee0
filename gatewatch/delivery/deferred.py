"""Messages deferred to the end of quiet hours: rows of the hub's table, released by the schedule of the heartbeat.

They do not wait in the outbox: a FIFO queue has one delay for all of its messages, and an invisible message blocks its
whole group (SQS developer guide, "delay queues" and "visibility timeout").
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.dynamodb import batch_get_rows
from gatewatch.config.quiet_hours import deferred_until
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import UpdateItemInputTypeDef

    from gatewatch.config.settings import Settings
    from gatewatch.delivery.outbox import Outbox

_SHARDS = [f"{number:02}" for number in range(100)]  # BatchGetItem takes a hundred keys


class _Deferred(Struct, frozen=True):
    message: Message
    until: float


class DeferredMessages:
    """A hundred rows, chosen by a hash of the message key, so that no scan is needed to find what is due."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def defer(self, message: Message, until: float) -> bool:
        """Store a message until a time. False when the row is full. Idempotent. Raises `TransientDeliveryError`."""
        name = deduplication_id(message.key)
        waiting = msgspec.json.encode(_Deferred(message, until)).decode()
        try:
            self._update(name, "SET #name = :waiting", {":waiting": {"S": waiting}})
        except (ClientError, BotoCoreError) as error:
            if _is_full(error):
                return False
            raise TransientDeliveryError(f"a message cannot be deferred: {type(error).__name__}") from error
        return True

    def release_due(self, now: float, outbox: Outbox) -> int:
        """Send what is due to the outbox, then delete it; the ledger skips what a crash in between sends twice."""
        due = sorted(self._due(now), key=lambda each: each[1].message.event_time or 0)
        outbox.put([waiting.message for _, waiting in due])
        for name, _ in due:
            self._update(name, "REMOVE #name")
        return len(due)

    def _due(self, now: float) -> Iterator[tuple[str, _Deferred]]:
        for row in self._rows():
            for name, value in row.items():
                if name != "pk" and (waiting := msgspec.json.decode(value["S"], type=_Deferred)).until <= now:
                    yield name, waiting

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return batch_get_rows(self._dynamodb, self._table, [_key(shard) for shard in _SHARDS], "deferred messages")

    def _update(self, name: str, expression: str, values: dict[str, Any] | None = None) -> None:
        request: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": _key(f"{int(name, 16) % 100:02}"),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#name": name},
        }
        if values:
            request["ExpressionAttributeValues"] = values
        self._dynamodb.update_item(**request)


class QuietHoursOutbox:
    """The outbox, except that messages to destinations in their quiet hours are deferred. A full row defers nothing.

    `defer` is that of `DeferredMessages`, as a function so that a hub without quiet hours creates no client for it.
    """

    def __init__(
        self, outbox: Outbox, defer: Callable[[Message, float], bool], settings: Settings, now: Callable[[], float]
    ) -> None:
        self._outbox = outbox
        self._defer = defer
        self._settings = settings
        self._now = now

    def put(self, messages: Sequence[Message]) -> None:
        self._outbox.put([each for each in messages if not self._is_deferred(each)])

    def _is_deferred(self, message: Message) -> bool:
        destination = self._settings.destinations.get(message.destination)
        if destination is None or destination.quiet is None:
            return False
        now = datetime.fromtimestamp(self._now(), UTC)
        until = deferred_until(destination.quiet, message.severity, now, self._settings.defaults.timezone)
        return until is not None and self._defer(message, until.timestamp())


class DurableOutbox:
    """For actions that have been performed and cannot be reported a second time: a rule closed, a key deactivated.

    What the outbox refuses is stored in the table and released by the heartbeat. Raises when that fails as well.
    """

    def __init__(self, outbox: Outbox, defer: Callable[[Message, float], bool], now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._defer = defer
        self._now = now

    def put(self, messages: Sequence[Message]) -> None:
        try:
            self._outbox.put(messages)
        except TransientDeliveryError:
            now = self._now()
            deferred = [self._defer(each, now) for each in messages]
            if not all(deferred):
                raise


def _is_full(error: ClientError | BotoCoreError) -> bool:
    """A row holds 400 KB at most."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ValidationException"


def _key(shard: str) -> dict[str, Any]:
    return {"pk": {"S": f"deferred#{shard}"}}
