"""The same assessment on Apache Spark (EMR Serverless, Glue): an adapter for the extra `spark`, tested in local mode.

Executors assess whole files. The driver puts the calls that need earlier files in order, which are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.history.batches import FileAssessor, is_log
from gatewatch.history.entries import Assessed, CallInOrder, Entry
from gatewatch.history.formats import parquet_values
from gatewatch.history.merging import merge
from gatewatch.model.typed_decoding import decode_json
from gatewatch.rendering.json_rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings
    from gatewatch.history.entries import Problem

_TYPES = {"reasons": "array<string>", "understood": "boolean"} | dict.fromkeys(
    ("from_port", "to_port", "icmp_type", "icmp_code"), "bigint"
)
SCHEMA = ", ".join(f"`{name}` {_TYPES.get(name, 'string')}" for name in Row.__struct_fields__)


def write_rows(spark: Any, logs: str, target: str, settings: Settings) -> int:
    """Write the rows of the log files that a pattern matches as Parquet, by account; return how many.

    `spark` is a SparkSession; `logs` and `target` are paths of Spark, such as `s3://trail/AWSLogs/*/*/*/*/*/*/*/*.gz`.
    """
    files = spark.sparkContext.binaryFiles(logs).filter(lambda file: is_log(file[0]))
    entries = files.mapPartitions(lambda part: _entries(part, settings)).cache()
    in_order = entries.filter(_is_in_order).sortByKey().map(lambda each: each[1]).toLocalIterator()
    ordered = spark.createDataFrame(_rows(merge(map(_unpacked, in_order), settings)), SCHEMA)
    others = entries.filter(lambda each: not _is_in_order(each)).flatMap(lambda each: _rows([_unpacked(each[1])]))
    table = ordered.union(spark.createDataFrame(others, SCHEMA))
    table.write.partitionBy("account_id").parquet(target)
    count: int = table.count()
    return count


def _entries(files: Iterable[tuple[str, bytes]], settings: Settings) -> Iterator[tuple[tuple[list[str], int], bytes]]:
    """Entries as JSON, by the name of their file and their number in it."""
    assessor = FileAssessor(settings)
    for name, content in files:
        for number, each in enumerate(assessor.entries(name, bytes(content))):
            yield (name.split("/"), number), msgspec.json.encode(each)


def _is_in_order(entry: tuple[Any, bytes]) -> bool:
    return isinstance(_unpacked(entry[1]), CallInOrder)


def _unpacked(packed: bytes) -> Entry:
    entry: Entry = decode_json(packed, Entry)  # type: ignore[arg-type]  # a union
    return entry


def _rows(entries: Iterable[Entry | Problem]) -> list[dict[str, Any]]:
    found = (each for each in entries if isinstance(each, Assessed))
    return [parquet_values(row) for each in found for row in each.rows]
