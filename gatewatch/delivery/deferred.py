"""Messages that wait for the end of quiet hours: rows of the hub's table, let go by the heartbeat's schedule.

A FIFO queue delays all of its messages alike, and a message made invisible holds up its whole group (SQS developer
guide, "delay queues" and "visibility timeout"): so what waits does not wait in the outbox.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.aws.dynamodb import rows_of
from gatewatch.config.quiet_hours import held_until
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


class _Waiting(Struct, frozen=True):
    message: Message
    until: float


class Held:
    """A row holds all that waits and whose key ends in the same two digits, so that none is found by scanning."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def keep(self, message: Message, until: float) -> bool:
        """False when the row is full. The same message twice is one. Raises `TransientDeliveryError`."""
        name = deduplication_id(message.key)
        waiting = msgspec.json.encode(_Waiting(message, until)).decode()
        try:
            self._update(name, "SET #name = :waiting", {":waiting": {"S": waiting}})
        except (ClientError, BotoCoreError) as error:
            if _is_full(error):
                return False
            raise TransientDeliveryError(f"a message cannot be held: {type(error).__name__}") from error
        return True

    def release(self, now: float, outbox: Outbox) -> int:
        """Put into the outbox, then forgotten: a crash in between puts it there again, and the ledger skips that."""
        due = sorted(self._due(now), key=lambda each: each[1].message.event_time or 0)
        outbox.put([waiting.message for _, waiting in due])
        for name, _ in due:
            self._update(name, "REMOVE #name")
        return len(due)

    def _due(self, now: float) -> Iterator[tuple[str, _Waiting]]:
        for row in self._rows():
            for name, value in row.items():
                if name != "pk" and (waiting := msgspec.json.decode(value["S"], type=_Waiting)).until <= now:
                    yield name, waiting

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        return rows_of(self._dynamodb, self._table, [_key(shard) for shard in _SHARDS], "what is held")

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


class QuietOutbox:
    """The outbox, except for what its destination wants to hear in the morning. What cannot be held goes at once.

    `keep` is that of `Held`, given as a function so that a hub without quiet hours needs no client for it.
    """

    def __init__(
        self, outbox: Outbox, keep: Callable[[Message, float], bool], settings: Settings, now: Callable[[], float]
    ) -> None:
        self._outbox = outbox
        self._keep = keep
        self._settings = settings
        self._now = now

    def put(self, messages: Sequence[Message]) -> None:
        self._outbox.put([each for each in messages if not self._waits(each)])

    def _waits(self, message: Message) -> bool:
        destination = self._settings.destinations.get(message.destination)
        if destination is None or destination.quiet is None:
            return False
        now = datetime.fromtimestamp(self._now(), UTC)
        until = held_until(destination.quiet, message.severity, now, self._settings.defaults.timezone)
        return until is not None and self._keep(message, until.timestamp())


class SureOutbox:
    """For what has happened already and cannot be told a second time: a gate that was closed, a key switched off.

    What the outbox refuses waits in the table, and the heartbeat hands it on. Raises when that refuses as well.
    """

    def __init__(self, outbox: Outbox, keep: Callable[[Message, float], bool], now: Callable[[], float]) -> None:
        self._outbox = outbox
        self._keep = keep
        self._now = now

    def put(self, messages: Sequence[Message]) -> None:
        try:
            self._outbox.put(messages)
        except TransientDeliveryError:
            now = self._now()
            kept = [self._keep(each, now) for each in messages]
            if not all(kept):
                raise


def _is_full(error: ClientError | BotoCoreError) -> bool:
    """400 KB is the most that a row holds."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code == "ValidationException"


def _key(shard: str) -> dict[str, Any]:
    return {"pk": {"S": f"held#{shard}"}}
