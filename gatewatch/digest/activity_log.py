"""The day book: what a digest needs of each alert, in a table of its own.

It is written at the end of an invocation, when every message is on its way: it delays none, and a failure loses
none. What could not be written is counted, and the digest says so. An event that comes again overwrites its rows.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws import metrics as meter
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.digest.activity import Opened, noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.aws.metrics import Meter
    from gatewatch.digest.activity import Noted, Step
    from gatewatch.model.alert import Alert

_DAY = 24 * 3600
_ENTRY_SECONDS = 40 * _DAY  # the longest digest is of a week
OPENED_SECONDS = 400 * _DAY  # of a gate; functions/digest prolongs it while the gate stands open
# A closing is kept until no opening before it can be there any more, though a replay of the archive wrote it late.
_CLOSED_SECONDS = OPENED_SECONDS + 60 * _DAY
GATES = "gates"
_SECONDS = 2.0  # for all the requests of one invocation
_REST_SECONDS = 30.0
_WRITTEN = 25  # BatchWriteItem (DynamoDB developer guide, quotas)
_TRIES = 3
_ROW_BYTES = 390_000  # a row of DynamoDB has 400 KB


class Book(Protocol):
    def note(self, alert: Alert, told: Alert) -> None: ...

    def write(self) -> None: ...


class NoBook:
    """While nobody gets a digest."""

    def note(self, alert: Alert, told: Alert) -> None: ...

    def write(self) -> None: ...


NO_BOOK = NoBook()


class DayBook:
    """`dynamodb` should answer or give up within a second; `monotonic` measures that it did."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        log: Logger,
        count: Meter,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._log = log
        self._meter = count
        self._now = now
        self._monotonic = monotonic
        self._rest_until = float("-inf")
        self._rows: dict[tuple[str, str], tuple[str, Any]] = {}

    def note(self, alert: Alert, told: Alert) -> None:
        """To be written later. `told` is the alert after the exceptions."""
        try:
            if found := noted(alert, told):
                self._rows.update(self._requests(found))
        except Exception:  # noqa: BLE001  the alert is out already, and is not to be told again for this
            self._log.exception("not noted", extra={"event_id": alert.call.event_id})
            self._meter.count(meter.UNBOOKED)

    def write(self) -> None:
        """All that was noted since the last time. After a failure the table is left alone for a while."""
        rows, self._rows = list(self._rows.values()), {}
        if not rows:
            return
        start = self._monotonic()
        if start < self._rest_until:
            self._miss(rows, "the table is left alone")
            return
        try:
            self._write(rows, start + _SECONDS)
        except (ClientError, BotoCoreError, TimeoutError) as error:
            self._rest_until = self._monotonic() + _REST_SECONDS
            self._miss(rows, type(error).__name__)

    def _miss(self, rows: Sequence[tuple[str, Any]], reason: str) -> None:
        missing = {key for key, _ in rows}
        self._log.warning("not booked", extra={"reason": reason, "events": len(missing)})
        self._meter.count(meter.UNBOOKED, len(missing))

    def _write(self, rows: Sequence[tuple[str, Any]], until: float) -> None:
        for start in range(0, len(rows), _WRITTEN):
            wanted: Any = {self._table: [request for _, request in rows[start : start + _WRITTEN]]}
            for left in reversed(range(_TRIES)):
                if self._monotonic() > until:
                    raise TimeoutError
                wanted = self._unprocessed(wanted, is_last=not left)
                if not wanted:
                    break
            else:
                raise TimeoutError

    def _unprocessed(self, wanted: Any, *, is_last: bool) -> Any:
        try:
            return self._dynamodb.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
        except (ClientError, BotoCoreError):
            if is_last:
                raise
            return wanted

    def _requests(self, found: Noted) -> Iterator[tuple[tuple[str, str], tuple[str, Any]]]:
        """Row keys -> the event that each is of, and what to write."""
        entry, key = found.entry, found.entry.key
        yield self._request(key, (day_of(entry.at), deduplication_id(key)), entry, _ENTRY_SECONDS)
        for step in found.steps:
            seconds = OPENED_SECONDS if isinstance(step, Opened) else _CLOSED_SECONDS
            yield self._request(key, (GATES, step_key(step)), step, seconds)

    def _request(
        self, key: str, row: tuple[str, str], kept: msgspec.Struct, seconds: int
    ) -> tuple[tuple[str, str], tuple[str, Any]]:
        text = msgspec.json.encode(kept).decode()
        if len(text) > _ROW_BYTES:
            raise ValueError("too much for a row")
        expires = {"N": str(int(self._now()) + seconds)}
        item = {"pk": {"S": row[0]}, "sk": {"S": row[1]}, "kept": {"S": text}, "expires": expires}
        return row, (key, {"PutRequest": {"Item": item}})


def day_of(at: datetime) -> str:
    return f"day#{at.astimezone(UTC).date().isoformat()}"


def step_key(step: Step) -> str:
    """`.` and the number within the call behind the event."""
    return f"{deduplication_id(step.key)}.{step.number}"
