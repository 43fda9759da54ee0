"""The day book, read: what was noted of some days, every step of the gates, and which digests were told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.digest.activity import Closed, Entry, Opened, Step
from gatewatch.digest.activity_log import GATES, OPENED_SECONDS, day_of, step_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient

_DAY = timedelta(days=1)
_DIGEST = "digest"
_BEGAN = "began"
_SILENT_SECONDS = 2 * 24 * 3600  # a digest that has not looked for so long was switched off, and the book with it
_TOLD_SECONDS = 40 * 24 * 3600
_PROLONGED_BEFORE = 60 * 24 * 3600


class KeptStep(Struct, frozen=True):
    """`expires` is in seconds since 1970."""

    step: Step
    expires: int


class DayBookReader:
    """Errors of DynamoDB go out: a digest of half a book would be a wrong one.

    `unread` counts rows that another version of gatewatch wrote in another form.
    """

    def __init__(self, dynamodb: DynamoDBClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self.unread = 0

    def entries(self, first: datetime, last: datetime) -> Iterator[Entry]:
        """Of each day, whole, that the time between touches."""
        day = first.astimezone(UTC)
        while day_of(day) <= day_of(last):
            for row in self._rows(day_of(day)):
                yield from self._read(row, Entry)
            day += _DAY

    def steps(self) -> Iterator[KeptStep]:
        for row in self._rows(GATES):
            expires = int(row["expires"]["N"])
            if expires > self._now():  # DynamoDB takes its time to delete what has expired
                yield from (KeptStep(each, expires) for each in self._read(row, Opened | Closed))

    def prolong(self, kept: Iterable[KeptStep]) -> None:
        """A gate that is still open is kept for as long as it is."""
        now = int(self._now())
        for each in kept:
            if each.expires - now < _PROLONGED_BEFORE:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=_key(GATES, step_key(each.step)),
                    UpdateExpression="SET expires = :later",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":later": {"N": str(now + OPENED_SECONDS)}},
                )

    def began(self) -> datetime:
        """Since when the book is kept without a break, as far as its readers know. To be asked often."""
        now = int(self._now())
        row = self._get(_BEGAN)
        seen, began = (int(row[name]["N"]) for name in ("seen", "at")) if row else (0, 0)
        if now - seen > _SILENT_SECONDS:
            began = now
        self._put(_BEGAN, {"at": {"N": str(began)}, "seen": {"N": str(now)}})
        return datetime.fromtimestamp(began, UTC)

    def is_told(self, name: str) -> bool:
        return self._get(f"told#{name}") is not None

    def tell(self, name: str) -> None:
        """Remember that it was told."""
        self._put(f"told#{name}", {"expires": {"N": str(int(self._now()) + _TOLD_SECONDS)}})

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
            yield msgspec.json.decode(row["kept"]["S"], type=kind)
        except (msgspec.DecodeError, KeyError):
            self.unread += 1

    def _get(self, sk: str) -> Mapping[str, Any] | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(_DIGEST, sk), ConsistentRead=True)
        return answer.get("Item")

    def _put(self, sk: str, values: Mapping[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item={**_key(_DIGEST, sk), **values})


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
