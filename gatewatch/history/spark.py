"""The same assessment on Apache Spark (EMR Serverless, Glue): an adapter for the extra `spark`, tested in local mode.

Executors assess whole files. The driver puts the calls that need earlier files in order, which are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from gatewatch.history.batches import FileAssessor, is_log
from gatewatch.history.entries import Assessed, CallInOrder, Entry, Problem
from gatewatch.history.formats import parquet_values
from gatewatch.history.merging import merge
from gatewatch.model.typed_decoding import decode_json
from gatewatch.rendering.json_rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gatewatch.config.settings import Settings

_TYPES = {"reasons": "array<string>", "understood": "boolean"} | dict.fromkeys(
    ("from_port", "to_port", "icmp_type", "icmp_code"), "bigint"
)
SCHEMA = ", ".join(f"`{name}` {_TYPES.get(name, 'string')}" for name in Row.__struct_fields__)


class Written(Struct, frozen=True):
    """How many rows were written, and what could not be decoded, in the order of the files."""

    rows: int
    problems: tuple[Problem, ...]


def write_rows(spark: Any, logs: str, target: str, settings: Settings) -> Written:
    """Write the rows of the log files that a pattern matches as Parquet, by account.

    `spark` is a SparkSession; `logs` and `target` are paths of Spark, such as `s3://trail/AWSLogs/*/*/*/*/*/*/*/*.gz`.
    An event without an account has a null there, as Spark reads the folder of an empty text.
    """
    files = spark.sparkContext.binaryFiles(logs).filter(lambda file: is_log(file[0]))
    entries = files.mapPartitions(lambda part: _entries(part, settings)).cache()
    in_order, problems = (
        entries.filter(lambda each, kind=kind: _is(kind, each)).sortByKey().map(lambda each: _unpacked(each[1]))
        for kind in (CallInOrder, Problem)
    )
    ordered = spark.createDataFrame(_rows(merge(in_order.toLocalIterator(), settings)), SCHEMA)
    others = entries.filter(lambda each: _is(Assessed, each)).flatMap(lambda each: _rows([_unpacked(each[1])]))
    table = ordered.union(spark.createDataFrame(others, SCHEMA)).cache()
    table.write.partitionBy("account_id").parquet(target)
    return Written(table.count(), tuple(problems.collect()))


def _entries(files: Iterable[tuple[str, bytes]], settings: Settings) -> Iterator[tuple[tuple[list[str], int], bytes]]:
    """Entries as JSON, by the name of their file and their number in it."""
    assessor = FileAssessor(settings)
    for name, content in files:
        for number, each in enumerate(assessor.entries(name, bytes(content))):
            yield (name.split("/"), number), msgspec.json.encode(each)


def _is(kind: type, entry: tuple[Any, bytes]) -> bool:
    return isinstance(_unpacked(entry[1]), kind)


def _unpacked(packed: bytes) -> Entry:
    entry: Entry = decode_json(packed, Entry)  # type: ignore[arg-type]  # a union
    return entry


def _rows(entries: Iterable[Entry | Problem]) -> list[dict[str, Any]]:
    found = (each for each in entries if isinstance(each, Assessed))
    return [parquet_values(row) for each in found for row in each.rows]
