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
# A program whose process of a pool is at work: it says so when that process has begun.
_PROGRAM = """
import signal
from gatewatch.history.processes import process_pool

def nothing():
    pass

if __name__ == "__main__":
    with process_pool(1, nothing) as pool:
        pool.submit(print, "at work", flush=True).result()
        pool.submit(signal.pause)
        signal.pause()
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
        assert program.stdout.readline() == b"at work\n"
        program.kill()
        assert select.select([program.stdout], [], [], GUARD_SECONDS)[0]
        assert program.stdout.read() == b""


def test_ctrl_c_ends_a_process_without_a_traceback() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with program:
        worker = int(program.stdout.readline())
        os.kill(worker, signal.SIGINT)
        deadline = time.monotonic() + 20
        while is_alive(worker):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        program.kill()
        assert "Traceback" not in program.stderr.read()


def test_there_is_a_core() -> None:
    assert 1 <= cores() <= os.cpu_count()
