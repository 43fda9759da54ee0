"""Many files read by several processes, their documents in the order of the files all the same."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from gatewatch.events.files import documents_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from gatewatch.errors import UndecodableError
    from gatewatch.events.files import Document

    Read = list[Document | UndecodableError]

# Processes cost a quarter of a second to start; below this the files are read before they are up.
_WORTHWHILE_BYTES = 8_000_000
# A larger file is streamed, not handed over whole.
_LARGEST_BYTES = 32_000_000
_AHEAD = 3


def documents_of_files(files: Sequence[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """With `jobs` processes when that pays; 0 means one for each core."""
    jobs = jobs or _cores()
    if jobs > 1 and len(files) > 1 and sum(_size(file) for file in files) > _WORTHWHILE_BYTES:
        yield from _in_parallel(files, jobs)
    else:
        for file in files:
            yield from documents_of_file(file)


def _cores() -> int:
    """Those that this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_parallel(files: Sequence[Path], jobs: int) -> Iterator[Document | UndecodableError]:
    """A few files ahead and no more, so that memory does not grow with their number."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        ahead: deque[tuple[Path, Future[Read] | None]] = deque()
        for file in files:
            ahead.append((file, pool.submit(_read, file) if _size(file) <= _LARGEST_BYTES else None))
            if len(ahead) > jobs * _AHEAD:
                yield from _documents(*ahead.popleft())
        while ahead:
            yield from _documents(*ahead.popleft())


def _documents(file: Path, reading: Future[Read] | None) -> Iterator[Document | UndecodableError]:
    yield from documents_of_file(file) if reading is None else reading.result()


def _read(file: Path) -> Read:
    """Only what matters comes back; the rest of a file has not left the process that read it."""
    return [document for document in documents_of_file(file) if _says_something(document)]


def _says_something(document: Document | UndecodableError) -> bool:
    return getattr(document, "content", None) != {"Records": []}


def _size(file: Path) -> int:
    """A file that cannot be looked at says so when it is read."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
