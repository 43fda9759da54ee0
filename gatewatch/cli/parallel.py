"""Reading many files in several processes; the documents keep the order of the files."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from gatewatch.events.files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from gatewatch.errors import UndecodableError
    from gatewatch.events.files import Document

    DocumentsOfFile = list[Document | UndecodableError]

# Starting processes takes a quarter of a second; fewer bytes are read faster without them.
_MIN_TOTAL_BYTES = 8_000_000
# Larger files are streamed in this process, because a result is transferred as a whole.
_MAX_FILE_BYTES = 32_000_000
_QUEUED_FILES_PER_PROCESS = 3


def documents_of_files(files: Sequence[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """Documents of all files, read by `jobs` processes (0: one per core) when the files are large enough."""
    jobs = jobs or _cores()
    if jobs > 1 and len(files) > 1 and sum(_size(file) for file in files) > _MIN_TOTAL_BYTES:
        yield from _in_parallel(files, jobs)
    else:
        for file in files:
            yield from read_file(file)


def _cores() -> int:
    """Cores that this process may use; all cores where the system does not report that."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_parallel(files: Sequence[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """Queue only a few files at a time, so that memory does not grow with their number."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        queued: deque[tuple[Path, Future[DocumentsOfFile] | None]] = deque()
        for file in files:
            queued.append((file, pool.submit(_read, file) if _size(file) <= _MAX_FILE_BYTES else None))
            if len(queued) > jobs * _QUEUED_FILES_PER_PROCESS:
                yield from _documents(*queued.popleft())
        while queued:
            yield from _documents(*queued.popleft())


def _documents(file: Path, reading: Future[DocumentsOfFile] | None) -> Iterator[Document | UndecodableError]:
    yield from read_file(file) if reading is None else reading.result()


def _read(file: Path) -> DocumentsOfFile:
    """Read a file and drop documents without relevant records, so that they are not transferred."""
    return [document for document in read_file(file) if _has_records(document)]


def _has_records(document: Document | UndecodableError) -> bool:
    return getattr(document, "content", None) != {"Records": []}


def _size(file: Path) -> int:
    """Size in bytes; 0 when it is unknown, because reading the file reports the error."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
