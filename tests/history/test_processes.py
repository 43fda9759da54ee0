"""Processes of a pool: how they start, and what happens when one of them or the program is killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from gatewatch.history.processes import ProcessEndedError, cores, process_pool, start_method
from support.limits import GUARD_SECONDS

_PREPARED: list[str] = []
# A program whose process of a pool is at work until it is ended: it prints the id of that process.
_PROGRAM = """
import os, signal
from gatewatch.history.processes import process_pool

def nothing():
    pass

if __name__ == "__main__":
    with process_pool(1, nothing) as pool:
        worker, work = pool.submit(os.getpid).result(), pool.submit(signal.pause)
        print(worker, flush=True)
        work.exception()
"""


def prepare(text: str) -> None:
    _PREPARED.append(text)


def prepared(_number: int) -> list[str]:
    return _PREPARED


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("threads", "platform", "expected"),
    [(1, "linux", "fork"), (2, "linux", "spawn"), (1, "darwin", "spawn"), (1, "win32", "spawn")],
)
def test_only_a_program_with_one_thread_on_linux_is_copied(threads, platform, expected) -> None:
    assert start_method(threads, platform) == expected


def test_every_process_is_prepared_once() -> None:
    with process_pool(2, prepare, "ready") as pool:
        assert list(pool.map(prepared, range(6))) == [["ready"]] * 6
    assert _PREPARED == []


def test_a_process_that_the_system_ends_is_a_message() -> None:
    with pytest.raises(ProcessEndedError, match="fewer --jobs"), process_pool(1, prepare, "") as pool:
        pool.submit(kill_itself).result()


def test_processes_end_with_a_program_that_is_killed() -> None:
    """The pipe of their output ends when the last of them has ended."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE) as program:
        assert int(program.stdout.readline())
        program.kill()
        assert select.select([program.stdout], [], [], GUARD_SECONDS)[0]
        assert program.stdout.read() == b""


def test_ctrl_c_ends_a_process_without_a_traceback() -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        os.kill(int(program.stdout.readline()), signal.SIGINT)
        _, errors = program.communicate(timeout=GUARD_SECONDS)
    assert (program.returncode, errors) == (0, b"")


def test_there_is_a_core() -> None:
    assert 1 <= cores() <= os.cpu_count()
