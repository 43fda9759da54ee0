"""Read the activity log: alerts by day, openings and closings of exposures, and which digests were sent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.digest.activity import AlertSummary, ExposureStep, RuleClosed, RuleOpened
from gatewatch.digest.activity_log import EXPOSURES, OPENED_SECONDS, day_of, step_key
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient

_DAY = timedelta(days=1)
_DIGEST = "digest"
_STARTED = "started"
_SILENT_SECONDS = 2 * 24 * 3600  # without a run for longer, digests and the activity log were switched off
_SENT_SECONDS = 40 * 24 * 3600
_EXTEND_BEFORE_SECONDS = 60 * 24 * 3600


class StoredStep(Struct, frozen=True):
    """`expires` is in seconds since 1970."""

    step: ExposureStep
    expires: int


class ActivityLogReader:
    """Raises botocore's errors: a digest of incomplete data would be wrong.

    `unread` counts rows that cannot be decoded, because another version of gatewatch wrote them.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self.unread = 0

    def summaries(self, first: datetime, last: datetime) -> Iterator[AlertSummary]:
        """Yield the alerts of every UTC day from that of `first` to that of `last`."""
        day = first.astimezone(UTC)
        while day_of(day) <= day_of(last):
            for row in self._rows(day_of(day)):
                yield from self._read(row, AlertSummary)
            day += _DAY

    def steps(self) -> Iterator[StoredStep]:
        for row in self._rows(EXPOSURES):
            expires = int(row["expires"]["N"])
            if expires > self._now():  # DynamoDB deletes expired rows with a delay
                yield from (StoredStep(each, expires) for each in self._read(row, RuleOpened | RuleClosed))

    def extend(self, steps: Iterable[StoredStep]) -> None:
        """Extend the lifetime of openings whose exposure is still open."""
        now = int(self._now())
        for each in steps:
            if each.expires - now < _EXTEND_BEFORE_SECONDS:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=_key(EXPOSURES, step_key(each.step)),
                    UpdateExpression="SET expires = :later",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":later": {"N": str(now + OPENED_SECONDS)}},
                )

    def recording_since(self) -> datetime:
        """Return since when activity is recorded without a gap. Must be called at least every two days."""
        now = int(self._now())
        row = self._get(_STARTED)
        last_run, since = (int(row[name]["N"]) for name in ("last_run", "since")) if row else (0, 0)
        if now - last_run > _SILENT_SECONDS:
            since = now
        self._put(_STARTED, {"since": {"N": str(since)}, "last_run": {"N": str(now)}})
        return datetime.fromtimestamp(since, UTC)

    def recorded_since(self) -> datetime | None:
        """Return the start of the activity log as the last run of functions/digest knew it; None without any run."""
        row = self._get(_STARTED)
        return datetime.fromtimestamp(int(row["since"]["N"]), UTC) if row else None

    def is_sent(self, name: str) -> bool:
        return self._get(f"sent#{name}") is not None

    def mark_sent(self, name: str) -> None:
        self._put(f"sent#{name}", {"expires": {"N": str(int(self._now()) + _SENT_SECONDS)}})

    def _rows(self, pk: str) -> Iterator[Mapping[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        for page in pages:
            yield from page["Items"]

    def _read(self, row: Mapping[str, Any], kind: Any) -> Iterator[Any]:
        try:
            yield decode_json(row["value"]["S"], kind)
        except (msgspec.DecodeError, KeyError):
            self.unread += 1

    def _get(self, sk: str) -> Mapping[str, Any] | None:
        response = self._dynamodb.get_item(TableName=self._table, Key=_key(_DIGEST, sk), ConsistentRead=True)
        return response.get("Item")

    def _put(self, sk: str, values: Mapping[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item={**_key(_DIGEST, sk), **values})


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
