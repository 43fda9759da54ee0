"""Reading and assessing many files in several processes; the results keep the order of the files.

Each process prints what it assesses into bytes. Calls that need earlier ones come back as they are, and are assessed
here in order, so the output is the same as that of one process.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from gatewatch.alerts.context.sources import configured_source
from gatewatch.alerts.replay import in_order, replay_documents, replay_unordered
from gatewatch.alerts.unordered import unordered_assessor
from gatewatch.cli.printing import BytesPrinter
from gatewatch.history.processes import cores, process_pool
from gatewatch.model.alert import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from gatewatch.alerts.pipeline import Assessor
    from gatewatch.alerts.replay import Result
    from gatewatch.cli.log_files import LogFile, LogFiles
    from gatewatch.cli.printing import Printer
    from gatewatch.config.settings import Settings
    from gatewatch.model.api_call import ApiCall

    Printed = Result | bytes
    Unordered = Result | bytes | ApiCall
    Batch = list[LogFile]

# Fewer bytes are read faster without processes: where they are no copies, starting them takes a quarter of a second.
_MIN_TOTAL_BYTES = 4_000_000
# Larger files are streamed in this process, because a result is transferred as a whole.
_MAX_FILE_BYTES = 16_000_000
# Handing a batch to a process and back takes as long as reading 10 kB.
_MIN_BATCH_BYTES, _MAX_BATCH_BYTES, _BATCH_FILES = 100_000, 1_000_000, 64
# Enough that no process waits while another reads a large file; it bounds the memory of what is read ahead.
_QUEUED_BYTES_PER_PROCESS = 4_000_000


class Workers(Struct, frozen=True):
    """Processes that assess batches of files."""

    pool: ProcessPoolExecutor
    jobs: int


@contextmanager
def workers(
    found: Iterable[LogFiles], assessor: Assessor, jobs: int, make_printer: Callable[[], Printer]
) -> Iterator[Workers | None]:
    """Start `jobs` processes (0: one per core), or none where these files are read faster without."""
    jobs = jobs or cores()
    if jobs == 1 or not any(map(_is_worth_processes, found)):
        yield None
        return
    with process_pool(jobs, _start, assessor.settings, make_printer) as pool:
        yield Workers(pool, jobs)


def _is_worth_processes(files: LogFiles) -> bool:
    return files.count > 1 and files.size > _MIN_TOTAL_BYTES


def results_of_files(
    files: LogFiles, assessor: Assessor, started: Workers | None, advance: Callable[[int], None]
) -> Iterator[Printed]:
    """Assess all files by the processes that are started, or by this one when the files are small.

    `advance` is called with the bytes of each file that is done.
    """
    if started and _is_worth_processes(files):
        yield from _in_parallel(files, assessor, started, advance)
        return
    for file in files.read():
        yield from replay_documents(file.documents(), assessor)
        advance(file.size)


def _in_parallel(
    files: LogFiles, assessor: Assessor, started: Workers, advance: Callable[[int], None]
) -> Iterator[Printed]:
    """Queue only a few batches at a time, so that memory does not grow with the number of files."""
    queued: deque[tuple[Batch, Future[list[Unordered]] | None]] = deque()
    size = 0
    for batch in _batches(files, started.jobs):
        queued.append((batch, started.pool.submit(_assess, batch) if batch[0].size <= _MAX_FILE_BYTES else None))
        size += _counted(batch)
        while size > started.jobs * _QUEUED_BYTES_PER_PROCESS:
            size -= _counted(queued[0][0])
            yield from _results(*queued.popleft(), assessor, advance)
    while queued:
        yield from _results(*queued.popleft(), assessor, advance)


def _counted(batch: Batch) -> int:
    """Bytes of a batch, for the bound on what is queued: small files have results too."""
    return max(_MIN_BATCH_BYTES, sum(each.size for each in batch))


def _batches(files: LogFiles, jobs: int) -> Iterator[Batch]:
    """Small files together; a large file is alone. Batches become smaller towards the end, so that all end together."""
    batch: Batch = []
    size, left = 0, files.size
    for file in files.read():
        limit = min(max(left // (2 * jobs), _MIN_BATCH_BYTES), _MAX_BATCH_BYTES)
        if batch and (size + file.size > limit or len(batch) == _BATCH_FILES):
            yield batch
            batch, size, left = [], 0, left - size
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _results(
    batch: Batch, assessing: Future[list[Unordered]] | None, assessor: Assessor, advance: Callable[[int], None]
) -> Iterator[Printed]:
    if assessing is None:
        yield from replay_documents(batch[0].documents(), assessor)
    else:
        yield from cast("Iterator[Printed]", in_order(assessing.result(), assessor))
    advance(sum(each.size for each in batch))


class _Worker:
    """What a process keeps between batches."""

    assessor: Assessor
    printer: Printer


def _start(settings: Settings, make_printer: Callable[[], Printer]) -> None:
    _Worker.assessor, _Worker.printer = unordered_assessor(settings, configured_source(settings)), make_printer()


def _assess(batch: Batch) -> list[Unordered]:
    """Assess and print the files of a batch; printed alerts that follow each other are one text."""
    found = (each for file in batch for each in replay_unordered(file.documents(), _Worker.assessor))
    joined: list[Unordered] = []
    for is_text, group in groupby(map(_printed, found), key=lambda each: isinstance(each, bytes)):
        members = list(group)
        joined += [b"".join(cast("list[bytes]", members))] if is_text else members
    return joined


def _printed(result: Result | ApiCall) -> Unordered:
    printer = _Worker.printer
    return printer.encode(result) if isinstance(result, Alert) and isinstance(printer, BytesPrinter) else result
