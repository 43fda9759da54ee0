"""The hub table: state of all functions in one DynamoDB table.

This module owns requests, batches, conditions, lifetimes and errors; `hub_rows` has the kinds of rows.
"""

from __future__ import annotations

import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import CONDITION_FAILED, error_code
from gatewatch.aws.hub_rows import attribute_value, plain_attributes
from gatewatch.errors import TransientDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient

    from gatewatch.aws.hub_rows import JsonRows, RowKind

Value = TypeVar("Value")
Result = TypeVar("Result")

_GET_BATCH, _WRITE_BATCH = 100, 25  # BatchGetItem and BatchWriteItem (DynamoDB developer guide, quotas)
_MAX_REQUESTS = 10  # per batch: a response holds 16 MB, a hundred rows of 400 KB hold 40 MB


class HubTableError(TransientDeliveryError):
    """The table cannot be read or written. `code` is the error code of AWS or the type of the error."""

    def __init__(self, problem: str, code: str) -> None:
        super().__init__(f"{problem}: {code}")
        self.code = code


@dataclass(frozen=True)
class Update:
    """`attributes` are those after the update, or those of the unchanged row when its condition was not met."""

    is_applied: bool
    attributes: dict[str, Any]


def _no_check() -> None:
    """Batches without a time limit."""


class HubTable:
    """Reads are strongly consistent. Every method raises `HubTableError`. `now` returns seconds since 1970.

    `check_time` is called before each request of a batch and may raise.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self.now = now
        self._pending: dict[tuple[str, str], tuple[JsonRows[Any], Any]] = {}

    def get(self, kind: JsonRows[Value], key: str) -> Value | None:
        """Return the value of a row, None without one."""
        row = self.attributes(kind, key)
        return _value(kind, row) if row else None

    def get_many(
        self, kind: JsonRows[Value], keys: Iterable[str], check_time: Callable[[], None] = _no_check
    ) -> Iterator[tuple[str, Value]]:
        """Yield keys and values of those rows that exist."""
        for key, row in self.attributes_of_many(kind, keys, check_time):
            if (value := _value(kind, row)) is not None:
                yield key, value

    def attributes(self, kind: RowKind, key: str) -> dict[str, Any]:
        """Return the attributes of a row, empty without one."""
        self._write_pending()
        with _errors(kind, "read"):
            response = self._dynamodb.get_item(TableName=self._name, Key=kind.primary_key(key), ConsistentRead=True)
        return plain_attributes(response.get("Item", {}))

    def attributes_of_many(
        self, kind: RowKind, keys: Iterable[str], check_time: Callable[[], None] = _no_check
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield keys and attributes of those rows that exist."""
        by_id = {kind.primary_key(key)["pk"]["S"]: key for key in keys}
        for chunk in _chunks([{"pk": {"S": each}} for each in by_id], _GET_BATCH):
            wanted: Any = {self._name: {"Keys": chunk, "ConsistentRead": True}}
            for _ in range(_MAX_REQUESTS):
                check_time()
                with _errors(kind, "read"):
                    response: Any = self._dynamodb.batch_get_item(RequestItems=wanted)
                for row in response.get("Responses", {}).get(self._name, []):
                    yield by_id[row["pk"]["S"]], plain_attributes(row)
                if not (wanted := response.get("UnprocessedKeys")):
                    break
            else:
                raise HubTableError(f"{kind.name} cannot be read", "UnprocessedKeys")

    def put(self, kind: JsonRows[Value], key: str, value: Value) -> None:
        """Write a row. It replaces a value that `put_later` could not write yet."""
        with _errors(kind, "written"):
            self._dynamodb.put_item(TableName=self._name, Item=self._item(kind, key, value))
        self._pending.pop((kind.prefix, key), None)

    def put_later(self, kind: JsonRows[Value], key: str, value: Value) -> None:
        """Write a row now, or else before the next read: a failure after a delivery must not repeat the delivery."""
        try:
            self.put(kind, key, value)
        except HubTableError:
            self._pending[kind.prefix, key] = kind, value

    def put_many(
        self, kind: JsonRows[Value], values: Mapping[str, Value | None], check_time: Callable[[], None] = _no_check
    ) -> None:
        """Write rows; None deletes one."""
        for chunk in _chunks([self._write_request(kind, *each) for each in values.items()], _WRITE_BATCH):
            wanted: Any = {self._name: chunk}
            for _ in range(_MAX_REQUESTS):
                check_time()
                with _errors(kind, "written"):
                    wanted = self._dynamodb.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
                if not wanted:
                    break
            else:
                raise HubTableError(f"{kind.name} cannot be written", "UnprocessedItems")

    def modify(self, kind: JsonRows[Value], key: str, change: Callable[[Value | None], Value]) -> Value:
        """Write what `change` returns for the value of a row, None without one, and return it.

        `change` is called again when another process wrote the row in between. What it raises is let through.
        """
        return self._modified(kind, key, change)

    def modify_existing(self, kind: JsonRows[Value], key: str, change: Callable[[Value], Value]) -> Value | None:
        """The same for a row that exists; None without one."""
        return self._modified(kind, key, lambda before: None if before is None else change(before))

    def delete(self, kind: JsonRows[Value], key: str, expected: Value) -> None:
        """Delete a row that still has the expected value."""
        self._conditional(
            kind,
            self._dynamodb.delete_item,
            Key=kind.primary_key(key),
            ConditionExpression="#body = :expected",
            ExpressionAttributeNames={"#body": "body"},
            ExpressionAttributeValues={":expected": attribute_value(kind.encode(expected))},
        )

    def update(
        self,
        kind: RowKind,
        key: str,
        expression: str,
        values: Mapping[str, Any],
        **options: Any,
    ) -> Update:
        """Run an update expression and renew the lifetime. `options` are further parameters of UpdateItem.

        A SET clause must be the last one. `values` are str, int, float, bool, lists of these, or sets of str.
        """
        if kind.lifetime:
            expression += ", expires = :expires" if "SET " in expression else " SET expires = :expires"
            values = {**values, ":expires": self._expires(kind)}
        if values:
            options["ExpressionAttributeValues"] = {name: attribute_value(each) for name, each in values.items()}
        return self._conditional(
            kind, self._dynamodb.update_item, Key=kind.primary_key(key), UpdateExpression=expression, **options
        )

    def _modified(self, kind: JsonRows[Value], key: str, change: Callable[[Value | None], Result]) -> Result:
        for _ in range(_MAX_REQUESTS):
            row = self.attributes(kind, key)
            before = _value(kind, row) if row else None
            after = change(before)
            if after == before or self._replace(kind, key, row, after):
                return after
        raise HubTableError(f"{kind.name} cannot be written", "Conflict")

    def _replace(self, kind: JsonRows[Any], key: str, row: Mapping[str, Any], value: object) -> bool:
        """Whether a row was written; not if it has changed since it was read as `row`."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if row:
            condition = {
                "ConditionExpression": "#body = :before",
                "ExpressionAttributeNames": {"#body": "body"},
                "ExpressionAttributeValues": {":before": attribute_value(row["body"])},
            }
        item = self._item(kind, key, value)
        return self._conditional(kind, self._dynamodb.put_item, Item=item, **condition).is_applied

    def _conditional(self, kind: RowKind, operation: Callable[..., Mapping[str, Any]], **request: Any) -> Update:
        try:
            with _errors(kind, "written"):
                response = operation(TableName=self._name, **request)
        except HubTableError as error:
            if error.code != CONDITION_FAILED:
                raise
            cause: Any = error.__cause__
            return Update(is_applied=False, attributes=plain_attributes(cause.response.get("Item", {})))
        return Update(is_applied=True, attributes=plain_attributes(response.get("Attributes", {})))

    def _write_request(self, kind: JsonRows[Value], key: str, value: Value | None) -> Any:
        if value is None:
            return {"DeleteRequest": {"Key": kind.primary_key(key)}}
        return {"PutRequest": {"Item": self._item(kind, key, value)}}

    def _item(self, kind: JsonRows[Value], key: str, value: Value) -> dict[str, Any]:
        item = {**kind.primary_key(key), "body": attribute_value(kind.encode(value))}
        return {**item, "expires": attribute_value(self._expires(kind))} if kind.lifetime else item

    def _expires(self, kind: RowKind) -> int:
        return int(self.now()) + (kind.lifetime or 0)

    def _write_pending(self) -> None:
        for (_, key), (kind, value) in list(self._pending.items()):
            self.put(kind, key, value)


@contextmanager
def _errors(kind: RowKind, verb: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise HubTableError(f"{kind.name} cannot be {verb}", error_code(error)) from error


def _value(kind: JsonRows[Value], row: Mapping[str, Any]) -> Value | None:
    try:
        return kind.decode(row["body"])
    except (msgspec.DecodeError, zlib.error, TypeError, KeyError) as error:
        if kind.skips_undecodable:
            return None
        raise HubTableError(f"{kind.name} cannot be decoded", type(error).__name__) from error


def _chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))
