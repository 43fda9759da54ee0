"""Rows in files by account and year, with bounded memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from gatewatch.history.formats import RowFormat
    from gatewatch.history.storage import Storage
    from gatewatch.rendering.json_rows import Row

# Rows have about a kilobyte: at most 100 MB wait, and a file has up to 30 MB before compression.
_FILE_ROWS, _WAITING_ROWS = 30_000, 100_000
UNKNOWN = "unknown"
ROWS = "rows/"


class Partition(Struct, frozen=True, order=True):
    """`year` has four digits. Records can hold any text as account or time; it is `unknown` then."""

    account_id: str
    year: str


def partition_of(account_id: str, time: str) -> Partition:
    return Partition(_digits(account_id), _digits(time[:4]))


def _digits(value: str) -> str:
    return value if value.isascii() and value.isdigit() else UNKNOWN


class Partitions:
    """Writes `rows/account_id=…/year=…/part-00000`, in the order in which rows are added."""

    def __init__(self, target: Storage, row_format: RowFormat) -> None:
        self._target = target
        self._format = row_format
        self._waiting: dict[Partition, list[Row]] = {}
        self._written: Counter[Partition] = Counter()
        self._count = 0

    def add(self, row: Row) -> Partition:
        partition = partition_of(row.account_id, row.time)
        rows = self._waiting.setdefault(partition, [])
        rows.append(row)
        self._count += 1
        if len(rows) >= _FILE_ROWS:
            self._write(partition)
        elif self._count >= _WAITING_ROWS:
            self._write(max(self._waiting, key=lambda each: len(self._waiting[each])))
        return partition

    def close(self) -> None:
        for each in list(self._waiting):
            self._write(each)

    def _write(self, partition: Partition) -> None:
        rows = self._waiting.pop(partition)
        self._count -= len(rows)
        folder = f"{ROWS}account_id={partition.account_id}/year={partition.year}"
        name = f"{folder}/part-{self._written[partition]:05}{self._format.suffix}"
        self._written[partition] += 1
        self._target.write(name, self._format.encode(rows))
