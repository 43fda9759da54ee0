"""Kinds of rows of the hub table, with their partition keys `<prefix>#<key>` and the encoding of their values.

Each kind is declared by the module that uses it; docs/architecture.md lists them all.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = TypeVar("Value")

_MAX_KEY_BYTES = 1024  # half of what DynamoDB takes; texts of events can be longer, or no valid Unicode
_MAX_BODY_BYTES = 16 * 1024 * 1024  # of a decompressed value


@dataclass(frozen=True, kw_only=True)
class RowKind:
    """Rows whose attributes are updated one by one. `name` is for errors; `lifetime` is in seconds after a write."""

    prefix: str
    name: str
    lifetime: int | None = None

    def primary_key(self, key: str) -> dict[str, dict[str, str]]:
        """Return the primary key of a row. A key that DynamoDB would not take is replaced by its hash."""
        encoded = key.encode("utf-8", "surrogatepass")
        is_plain = len(encoded) <= _MAX_KEY_BYTES and not any("\ud800" <= each <= "\udfff" for each in key)
        return {"pk": {"S": f"{self.prefix}#{key if is_plain else hashlib.sha256(encoded).hexdigest()}"}}


@dataclass(frozen=True, kw_only=True)
class JsonRows(RowKind, Generic[Value]):
    """Rows that hold one value as JSON in the attribute `body`, compressed if `is_compressed`.

    With `skips_undecodable`, a row of another version counts as missing.
    """

    value_type: type[Value]
    skips_undecodable: bool = False
    is_compressed: bool = False

    def encode(self, value: Value) -> str | bytes:
        """Return the `body` of a value."""
        encoded = msgspec.json.encode(value)
        return zlib.compress(encoded) if self.is_compressed else encoded.decode()

    def decode(self, body: Any) -> Value:
        """Return the value of a `body`. Raises `DecodeError` of msgspec, `zlib.error` or TypeError."""
        text = zlib.decompressobj().decompress(body, _MAX_BODY_BYTES) if self.is_compressed else body
        return decode_json(text, self.value_type)


def attribute_value(value: Any) -> Any:
    """Return a value as DynamoDB takes it. `bool` is an `int` in Python, so it is tested first."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    return {"SS": sorted(value)} if isinstance(value, set) else {"L": [attribute_value(each) for each in value]}


def plain_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an item of DynamoDB as values of Python, without its key."""
    return {name: _plain(value) for name, value in item.items() if name != "pk"}


def _plain(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "N":
        return msgspec.json.decode(value)
    if kind == "SS":
        return set(value)
    return [_plain(each) for each in value] if kind == "L" else value
