"""The activity log: what digests need of each alert, in a DynamoDB table of its own.

It is written at the end of an invocation, when all messages are sent: it delays and loses none. Events that could not
be written are counted, and the digest shows their number. An event that is delivered again overwrites its rows.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws import metrics
from gatewatch.aws.circuit_breaker import CircuitBreaker
from gatewatch.aws.error_codes import error_code
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.digest.activity import RuleOpened, activity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from logging import Logger

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.aws.metrics import Meter
    from gatewatch.digest.activity import AlertActivity, ExposureStep
    from gatewatch.model.alert import Alert

_DAY = 24 * 3600
_SUMMARY_SECONDS = 40 * _DAY  # the longest digest covers a week
OPENED_SECONDS = 400 * _DAY  # functions/digest extends it while the exposure is open
# Longer than any opening before it can exist, also when a replay of the archive wrote the closing late.
_CLOSED_SECONDS = OPENED_SECONDS + 60 * _DAY
EXPOSURES = "exposures"
_SECONDS = 2.0  # for all requests of one invocation
_PAUSE_SECONDS = 30.0
_TABLE = "table"
_WRITE_BATCH = 25  # BatchWriteItem (DynamoDB developer guide, quotas)
_MAX_ATTEMPTS = 3
_ROW_BYTES = 390_000  # DynamoDB limits an item to 400 KB


class ActivitySink(Protocol):
    def record(self, alert: Alert, suppressed: Alert) -> None: ...

    def flush(self) -> None: ...


class NullActivitySink:
    """Used when no digest is configured."""

    def record(self, alert: Alert, suppressed: Alert) -> None: ...

    def flush(self) -> None: ...


NO_ACTIVITY_LOG = NullActivitySink()


class ActivityLog:
    """`dynamodb` should time out within a second. `monotonic` returns seconds."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        log: Logger,
        meter: Meter,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._log = log
        self._meter = meter
        self._now = now
        self._monotonic = monotonic
        self._breaker = CircuitBreaker(monotonic)
        self._rows: dict[tuple[str, str], tuple[str, Any]] = {}

    def record(self, alert: Alert, suppressed: Alert) -> None:
        """Buffer the activity of an alert; `suppressed` is the alert after exceptions."""
        try:
            if activity := activity_of(alert, suppressed):
                self._rows.update(self._requests(activity))
        except Exception:  # noqa: BLE001  the alert is sent already: a retry would send it again
            self._log.exception("activity not recorded", extra={"event_id": alert.call.event_id})
            self._meter.count(metrics.ACTIVITY_NOT_RECORDED)

    def flush(self) -> None:
        """Write the buffered rows. After a failure no request is made for a while; the rows are then lost."""
        rows, self._rows = list(self._rows.values()), {}
        if not rows:
            return
        if self._breaker.is_open(_TABLE):
            self._count_missing(rows, "paused after a failure")
            return
        try:
            self._write(rows, self._monotonic() + _SECONDS)
        except (ClientError, BotoCoreError, TimeoutError) as error:
            self._breaker.open(_TABLE, _PAUSE_SECONDS)
            self._count_missing(rows, error_code(error))

    def _count_missing(self, rows: Sequence[tuple[str, Any]], reason: str) -> None:
        missing = {key for key, _ in rows}
        self._log.warning("activity not written", extra={"reason": reason, "events": len(missing)})
        self._meter.count(metrics.ACTIVITY_NOT_RECORDED, len(missing))

    def _write(self, rows: Sequence[tuple[str, Any]], until: float) -> None:
        for start in range(0, len(rows), _WRITE_BATCH):
            wanted: Any = {self._table: [request for _, request in rows[start : start + _WRITE_BATCH]]}
            for left in reversed(range(_MAX_ATTEMPTS)):
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

    def _requests(self, activity: AlertActivity) -> Iterator[tuple[tuple[str, str], tuple[str, Any]]]:
        """Yield row keys with the delivery key of the event and the write request."""
        summary, key = activity.summary, activity.summary.key
        yield self._request(key, (day_of(summary.at), deduplication_id(key)), summary, _SUMMARY_SECONDS)
        for step in activity.steps:
            seconds = OPENED_SECONDS if isinstance(step, RuleOpened) else _CLOSED_SECONDS
            yield self._request(key, (EXPOSURES, step_key(step)), step, seconds)

    def _request(
        self, key: str, row: tuple[str, str], value: msgspec.Struct, seconds: int
    ) -> tuple[tuple[str, str], tuple[str, Any]]:
        text = msgspec.json.encode(value).decode()
        if len(text) > _ROW_BYTES:
            raise ValueError("too large for an item")
        expires = {"N": str(int(self._now()) + seconds)}
        item = {"pk": {"S": row[0]}, "sk": {"S": row[1]}, "value": {"S": text}, "expires": expires}
        return row, (key, {"PutRequest": {"Item": item}})


def day_of(at: datetime) -> str:
    return f"day#{at.astimezone(UTC).date().isoformat()}"


def step_key(step: ExposureStep) -> str:
    """Return the sort key: the hashed delivery key and the index of the change."""
    return f"{deduplication_id(step.key)}.{step.number}"
