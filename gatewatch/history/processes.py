"""Processes of this machine that assess log files."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING

from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ProcessEndedError(GatewatchError):
    """A process of a pool was ended by the system."""


def cores() -> int:
    """Cores that this process may use; all cores where the system does not report that."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_method(threads: int, platform: str = sys.platform) -> str:
    """A copy of a process with `threads` threads lacks all but one, which is safe on Linux where there is only one."""
    return "fork" if platform == "linux" and threads == 1 else "spawn"


@contextmanager
def process_pool(jobs: int, prepare: Callable[..., None], *given: object) -> Iterator[ProcessPoolExecutor]:
    """Start `jobs` processes, each of which calls `prepare(*given)` first.

    A program with one thread is copied: importing modules and loading settings takes as long as reading 100 MB of logs.
    Raises `ProcessEndedError` from the block when the system ends a process.
    """
    context = get_context(start_method(threading.active_count()))
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(prepare, given))
    try:
        with pool:
            _start(pool)
            yield pool
    except BrokenProcessPool as error:
        raise ProcessEndedError(
            "a process was ended by the system, perhaps because memory is short; try again with fewer --jobs."
        ) from error


def _start(pool: ProcessPoolExecutor) -> None:
    """Copies are made at the first submission. A collection of garbage would touch, and so copy, all their memory."""
    gc.freeze()
    try:
        pool.submit(os.getpid)
    finally:
        gc.unfreeze()


def _prepare(prepare: Callable[..., None], given: tuple[object, ...]) -> None:
    """In a process: it ends with the program, also with one that is killed. Ctrl-C reaches it too, and only ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_program, daemon=True).start()
    prepare(*given)


def _end_with_program() -> None:
    if program := parent_process():
        program.join()
        os._exit(1)
