"""Values of the hub table that are all read at once: they are attributes of a fixed number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from gatewatch.aws.hub_rows import RowKind
from gatewatch.aws.hub_table import HubTableError
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.aws.hub_table import HubTable, Update

Value = TypeVar("Value")

_ROW_FULL = "ValidationException"  # DynamoDB limits a row to 400 KB


@dataclass(frozen=True, kw_only=True)
class ShardedRows(RowKind, Generic[Value]):
    """Rows of which each attribute is one value as JSON. `shards` is their number; one request reads a hundred."""

    value_type: type[Value]
    shards: int = 100


class ShardedValues(Generic[Value]):
    """Values by name. A name is hexadecimal and evenly distributed, such as a hash; it selects the row.

    Every method raises `HubTableError`.
    """

    def __init__(self, table: HubTable, kind: ShardedRows[Value]) -> None:
        self._table = table
        self._kind = kind

    def put(self, name: str, value: Value) -> bool:
        """Store a value in the place of the one of this name; False when the row is full. Idempotent."""
        return self._store(name, "SET #name = :value", value)

    def put_first(self, name: str, value: Value) -> bool:
        """Store a value unless there is one of this name, which stays; False when the row is full."""
        return self._store(name, "SET #name = if_not_exists(#name, :value)", value)

    def _store(self, name: str, expression: str, value: Value) -> bool:
        try:
            self._update(name, expression, {":value": msgspec.json.encode(value).decode()})
        except HubTableError as error:
            if error.code == _ROW_FULL:
                return False
            raise
        return True

    def remove(self, name: str) -> None:
        self._update(name, "REMOVE #name", {})

    def replace(self, name: str, before: Value, after: Value | None) -> bool:
        """Store a value, or remove it for None, if it is still `before`; whether it was."""
        values = {":before": msgspec.json.encode(before).decode()}
        if after is not None:
            values[":after"] = msgspec.json.encode(after).decode()
        expression = "REMOVE #name" if after is None else "SET #name = :after"
        return self._update(name, expression, values, ConditionExpression="#name = :before").is_applied

    def all(self) -> Iterator[tuple[str, Value]]:
        """Yield names and values, in no order."""
        shards = [f"{number:02}" for number in range(self._kind.shards)]
        for _, row in self._table.attributes_of_many(self._kind, shards):
            for name, value in row.items():
                yield name, decode_json(value, self._kind.value_type)

    def _update(self, name: str, expression: str, values: dict[str, str], **options: str) -> Update:
        shard = f"{int(name, 16) % self._kind.shards:02}"
        names = {"#name": name}
        return self._table.update(self._kind, shard, expression, values, ExpressionAttributeNames=names, **options)
