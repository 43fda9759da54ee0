"""What a run costs and how long it takes, with the arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gatewatch.history.batches import Batch

_GIGABYTE, _MEGABYTE = 1e9, 1e6
_THOUSAND = 1000


class Assumptions(Struct, frozen=True, kw_only=True):
    """List prices in US dollars, which differ between Regions and over time.

    `megabytes_per_second` are of uncompressed logs in one worker, less than half of what `make bench` measures.
    """

    compression: float = 12
    megabytes_per_second: float = 100
    workers: int = 200
    memory_gigabytes: float = 1.769  # one virtual CPU of Lambda
    gigabyte_second: float = 0.0000133334
    thousand_gets: float = 0.0004
    thousand_puts: float = 0.005
    thousand_transitions: float = 0.025
    transitions_per_batch: int = 3
    start_seconds: float = 1.5


class Estimate(Struct, frozen=True):
    """`lines` is the arithmetic, one step a line."""

    batches: int
    files: int
    size: int
    seconds: float
    dollars: float
    lines: tuple[str, ...]


def estimate(batches: Iterable[Batch], assumed: Assumptions) -> Estimate:
    known = list(batches)
    return estimate_of(len(known), sum(each.files for each in known), sum(each.size for each in known), assumed)


def estimate_of(batches: int, files: int, size: int, assumed: Assumptions) -> Estimate:
    """`size` is in bytes as stored."""
    raw = size * assumed.compression
    work = raw / (assumed.megabytes_per_second * _MEGABYTE) + batches * assumed.start_seconds
    workers = max(1, min(assumed.workers, batches))
    compute = work * assumed.memory_gigabytes * assumed.gigabyte_second
    requests = files / _THOUSAND * assumed.thousand_gets + batches / _THOUSAND * assumed.thousand_puts
    steps = batches * assumed.transitions_per_batch / _THOUSAND * assumed.thousand_transitions
    seconds, dollars = work / workers, compute + requests + steps
    gigabytes = f"{raw / _GIGABYTE:,.1f} GB"
    stored = f"{files:,} log files, {size / _GIGABYTE:,.2f} GB stored × {assumed.compression:g}"
    reading = f"{gigabytes} ÷ {assumed.megabytes_per_second:g} MB/s + {batches:,} × {assumed.start_seconds:g} s start"
    lines = (
        f"{stored} = {gigabytes} of logs in {batches:,} batches",
        f"{reading} = {work:,.0f} s of work ÷ {workers} workers = {seconds / 60:,.1f} min",
        f"Lambda: {work:,.0f} s × {assumed.memory_gigabytes:g} GB × {assumed.gigabyte_second:g} = {compute:,.2f} USD",
        f"S3: {files:,} gets and {batches:,} puts = {requests:,.2f} USD",
        f"Step Functions: {batches:,} × {assumed.transitions_per_batch} transitions = {steps:,.2f} USD",
        f"together {dollars:,.2f} USD",
    )
    return Estimate(batches, files, size, seconds, dollars, lines)
