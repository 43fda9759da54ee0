"""The hub table: state of all functions in one DynamoDB table, with partition keys of the form `<prefix>#<key>`.

This module owns keys, lifetimes, encoding, batches, conditions and errors. Each kind of row is declared by the module
that uses it; docs/architecture.md lists them all.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws.error_codes import CONDITION_FAILED, error_code
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from types_boto3_dynamodb import DynamoDBClient

Value = TypeVar("Value")

_MAX_KEY_BYTES = 1024  # half of what DynamoDB takes; texts of events can be longer, or no valid Unicode
_MAX_BODY_BYTES = 16 * 1024 * 1024  # of a decompressed value
_GET_BATCH, _WRITE_BATCH = 100, 25  # BatchGetItem and BatchWriteItem (DynamoDB developer guide, quotas)
_MAX_REQUESTS = 10  # per batch: a response holds 16 MB, a hundred rows of 400 KB hold 40 MB


class HubTableError(TransientDeliveryError):
    """The table cannot be read or written. `code` is the error code of AWS or the type of the error."""

    def __init__(self, problem: str, code: str) -> None:
        super().__init__(f"{problem}: {code}")
        self.code = code


@dataclass(frozen=True, kw_only=True)
class RowKind:
    """Rows whose attributes are updated one by one. `name` is for errors; `lifetime` is in seconds after a write."""

    prefix: str
    name: str
    lifetime: int | None = None


@dataclass(frozen=True, kw_only=True)
class JsonRows(RowKind, Generic[Value]):
    """Rows that hold one value as JSON, compressed if `is_compressed`.

    With `skips_undecodable`, a row of another version counts as missing.
    """

    value_type: type[Value]
    skips_undecodable: bool = False
    is_compressed: bool = False


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
            response = self._dynamodb.get_item(TableName=self._name, Key=_key(kind, key), ConsistentRead=True)
        return _decoded(response.get("Item", {}))

    def attributes_of_many(
        self, kind: RowKind, keys: Iterable[str], check_time: Callable[[], None] = _no_check
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield keys and attributes of those rows that exist."""
        by_id = {_key(kind, key)["pk"]["S"]: key for key in keys}
        for chunk in _chunks([{"pk": {"S": each}} for each in by_id], _GET_BATCH):
            wanted: Any = {self._name: {"Keys": chunk, "ConsistentRead": True}}
            for _ in range(_MAX_REQUESTS):
                check_time()
                with _errors(kind, "read"):
                    response: Any = self._dynamodb.batch_get_item(RequestItems=wanted)
                for row in response.get("Responses", {}).get(self._name, []):
                    yield by_id[row["pk"]["S"]], _decoded(row)
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
        for _ in range(_MAX_REQUESTS):
            row = self.attributes(kind, key)
            before = _value(kind, row) if row else None
            after = change(before)
            if after == before or self._replace(kind, key, row, after):
                return after
        raise HubTableError(f"{kind.name} cannot be written", "Conflict")

    def modify_existing(self, kind: JsonRows[Value], key: str, change: Callable[[Value], Value]) -> Value | None:
        """The same for a row that exists; None without one."""
        for _ in range(_MAX_REQUESTS):
            row = self.attributes(kind, key)
            if (before := _value(kind, row) if row else None) is None:
                return None
            after = change(before)
            if after == before or self._replace(kind, key, row, after):
                return after
        raise HubTableError(f"{kind.name} cannot be written", "Conflict")

    def delete(self, kind: JsonRows[Value], key: str, expected: Value) -> None:
        """Delete a row that still has the expected value."""
        self._conditional(
            kind,
            self._dynamodb.delete_item,
            Key=_key(kind, key),
            ConditionExpression="#body = :expected",
            ExpressionAttributeNames={"#body": "body"},
            ExpressionAttributeValues={":expected": _body(kind, expected)},
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
            options["ExpressionAttributeValues"] = {name: _encoded(each) for name, each in values.items()}
        return self._conditional(
            kind, self._dynamodb.update_item, Key=_key(kind, key), UpdateExpression=expression, **options
        )

    def _replace(self, kind: JsonRows[Value], key: str, row: Mapping[str, Any], value: Value) -> bool:
        """Whether a row was written; not if it has changed since it was read as `row`."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if row:
            condition = {
                "ConditionExpression": "#body = :before",
                "ExpressionAttributeNames": {"#body": "body"},
                "ExpressionAttributeValues": {":before": {"B" if kind.is_compressed else "S": row["body"]}},
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
            return Update(is_applied=False, attributes=_decoded(cause.response.get("Item", {})))
        return Update(is_applied=True, attributes=_decoded(response.get("Attributes", {})))

    def _write_request(self, kind: JsonRows[Value], key: str, value: Value | None) -> Any:
        if value is None:
            return {"DeleteRequest": {"Key": _key(kind, key)}}
        return {"PutRequest": {"Item": self._item(kind, key, value)}}

    def _item(self, kind: JsonRows[Value], key: str, value: Value) -> dict[str, Any]:
        item = {**_key(kind, key), "body": _body(kind, value)}
        return {**item, "expires": _encoded(self._expires(kind))} if kind.lifetime else item

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


def _key(kind: RowKind, key: str) -> dict[str, dict[str, str]]:
    encoded = key.encode("utf-8", "surrogatepass")
    is_plain = len(encoded) <= _MAX_KEY_BYTES and not any("\ud800" <= each <= "\udfff" for each in key)
    return {"pk": {"S": f"{kind.prefix}#{key if is_plain else hashlib.sha256(encoded).hexdigest()}"}}


def _body(kind: JsonRows[Value], value: Value) -> dict[str, Any]:
    encoded = msgspec.json.encode(value)
    return {"B": zlib.compress(encoded)} if kind.is_compressed else {"S": encoded.decode()}


def _value(kind: JsonRows[Value], row: Mapping[str, Any]) -> Value | None:
    try:
        body = row["body"]
        text = zlib.decompressobj().decompress(body, _MAX_BODY_BYTES) if kind.is_compressed else body
        return decode_json(text, kind.value_type)
    except (msgspec.DecodeError, zlib.error, TypeError, KeyError) as error:
        if kind.skips_undecodable:
            return None
        raise HubTableError(f"{kind.name} cannot be decoded", type(error).__name__) from error


def _encoded(value: Any) -> Any:
    """Return the attribute value of DynamoDB. `bool` is an `int` in Python, so it is tested first."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    return {"SS": sorted(value)} if isinstance(value, set) else {"L": [_encoded(each) for each in value]}


def _decoded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if name != "pk"}


def _plain(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "N":
        return msgspec.json.decode(value)
    if kind == "SS":
        return set(value)
    return [_plain(each) for each in value] if kind == "L" else value


def _chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    return (list(values[start : start + size]) for start in range(0, len(values), size))
