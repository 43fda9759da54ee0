"""Formats of rows in files: JSON Lines, or Parquet with the extra `parquet`."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from gatewatch.errors import ConfigurationError
from gatewatch.rendering.json_rows import Row, encode_row

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_INT64 = 2**63 - 1
_NUMBERS = frozenset({"from_port", "to_port", "icmp_type", "icmp_code"})


class RowFormat(Protocol):
    suffix: str

    def encode(self, rows: Sequence[Row]) -> bytes: ...


class JsonLinesFormat:
    """The rows of `gatewatch replay --format json`, compressed by gzip."""

    suffix = ".jsonl.gz"

    def encode(self, rows: Sequence[Row]) -> bytes:
        return gzip.compress(b"".join(map(encode_row, rows)), 6, mtime=0)


class ParquetFormat:
    """The same columns; `previous` is JSON text, `reasons` a list. The partition's columns are those of its folders."""

    suffix = ".parquet"

    def __init__(self) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415  an optional package
            import pyarrow.parquet  # noqa: PLC0415
        except ImportError as error:
            raise ConfigurationError(
                "Parquet needs the package pyarrow: install the extra gatewatch[parquet]."
            ) from error
        self._pa: Any = pa
        names = (each for each in Row.__struct_fields__ if each != "account_id")
        self._schema = pa.schema([(name, self._type(name)) for name in names])

    def _type(self, name: str) -> Any:
        if name == "reasons":
            return self._pa.list_(self._pa.string())
        if name in _NUMBERS:
            return self._pa.int64()
        return self._pa.bool_() if name == "understood" else self._pa.string()

    def encode(self, rows: Sequence[Row]) -> bytes:
        stream = io.BytesIO()
        table = self._pa.Table.from_pylist([parquet_values(each) for each in rows], schema=self._schema)
        self._pa.parquet.write_table(table, stream, compression="zstd")
        return stream.getvalue()


def parquet_values(row: Row) -> dict[str, Any]:
    """A row as values of the columns of Parquet."""
    values = msgspec.structs.asdict(row)
    numbers = {name: _int64(values[name]) for name in _NUMBERS}
    return values | numbers | {"previous": None if row.previous is None else msgspec.json.encode(row.previous).decode()}


def _int64(value: int | None) -> int | None:
    """A record can hold any number as a port."""
    return value if value is not None and abs(value) <= _MAX_INT64 else None
