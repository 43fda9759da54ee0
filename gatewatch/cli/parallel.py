"""Reading and assessing many files in several processes; the results keep the order of the files.

Each process prints what it assesses into bytes. Calls that need earlier ones come back as they are, and are assessed
here in order, so the output is the same as that of one process.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from typing import TYPE_CHECKING, cast

from gatewatch.alerts.replay import in_order, replay_documents, replay_unordered
from gatewatch.alerts.unordered import unordered_assessor
from gatewatch.cli.printing import BytesPrinter
from gatewatch.model.alert import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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

# Starting processes takes a quarter of a second; fewer bytes are read faster without them.
_MIN_TOTAL_BYTES = 4_000_000
# Larger files are streamed in this process, because a result is transferred as a whole.
_MAX_FILE_BYTES = 16_000_000
# Handing a batch to a process and back takes as long as reading 30 kB.
_BATCH_BYTES, _BATCH_FILES = 1_000_000, 64
_QUEUED_BATCHES_PER_PROCESS = 3


def results_of_files(
    files: LogFiles, assessor: Assessor, jobs: int, make_printer: Callable[[], Printer], advance: Callable[[int], None]
) -> Iterator[Printed]:
    """Assess all files by `jobs` processes (0: one per core), or by this one when the files are small.

    `advance` is called with the bytes of each file that is done.
    """
    jobs = jobs or _cores()
    if jobs > 1 and files.count > 1 and files.size > _MIN_TOTAL_BYTES:
        yield from _in_parallel(files.read(), assessor, jobs, make_printer, advance)
        return
    for file in files.read():
        yield from replay_documents(file.documents(), assessor)
        advance(file.size)


def _cores() -> int:
    """Cores that this process may use; all cores where the system does not report that."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_parallel(
    files: Iterator[LogFile],
    assessor: Assessor,
    jobs: int,
    make_printer: Callable[[], Printer],
    advance: Callable[[int], None],
) -> Iterator[Printed]:
    """Queue only a few batches at a time, so that memory does not grow with the number of files."""
    start = (assessor.settings, make_printer)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start, initargs=start) as pool:
        queued: deque[tuple[Batch, Future[list[Unordered]] | None]] = deque()
        for batch in _batches(files):
            queued.append((batch, pool.submit(_assess, batch) if batch[0].size <= _MAX_FILE_BYTES else None))
            if len(queued) > jobs * _QUEUED_BATCHES_PER_PROCESS:
                yield from _results(*queued.popleft(), assessor, advance)
        while queued:
            yield from _results(*queued.popleft(), assessor, advance)


def _batches(files: Iterator[LogFile]) -> Iterator[Batch]:
    """Small files together; a large file is alone."""
    batch: Batch = []
    size = 0
    for file in files:
        if batch and (size + file.size > _BATCH_BYTES or len(batch) == _BATCH_FILES):
            yield batch
            batch, size = [], 0
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
    _Worker.assessor, _Worker.printer = unordered_assessor(settings), make_printer()


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
