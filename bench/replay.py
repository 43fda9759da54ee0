"""Replay of an archive, compared with reading the same files by the standard library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec import Struct

from bench.archive import write_trail
from bench.corpus import ROOT
from bench.harness import Ratio, children_time, paired, python
from bench.measures import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEGABYTE = 1e6
_MAX_PEAK = 150
_FASTER, _NEARLY_TWICE = 1.8, 1.7

# The floor with several processes: each reads its share of the files.
_READ_ALL = """
import gzip, json, os, pathlib
mine, children = 0, []
for number in range(1, {jobs}):
    child = os.fork()
    if child == 0:
        mine, children = number, []
        break
    children.append(child)
for path in sorted(pathlib.Path({folder!r}).rglob("*.gz"))[mine::{jobs}]:
    with gzip.open(path) as stream:
        json.loads(stream.read())
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""
# Peak memory of a child includes its memory before exec, so a small process starts the measured one.
_PEAK = """
import hashlib, resource, subprocess, sys
with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
    digest = hashlib.file_digest(process.stdout, "sha256").hexdigest()
print(process.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, digest)
"""


class Run(Struct, frozen=True):
    """Peak resident memory in kilobytes of the largest process, and a digest of the output."""

    peak: int
    output: str


def archive(records: int, rounds: int) -> Iterator[Row]:
    """`gatewatch replay` over an invented organization trail, the start of the programs subtracted on both sides."""
    with TemporaryDirectory() as name, TemporaryDirectory() as empty:
        size = write_trail(Path(name), records)
        floor = {jobs: python(_READ_ALL.format(folder=name, jobs=jobs), ROOT, os.environ) for jobs in (1, 2)}
        runs: list[Run] = []

        def alone() -> None:
            runs.append(_replay(Path(name), 1))

        yield _processor_time(Path(name), Path(empty), size, rounds)
        start = paired(python("import gzip, json", ROOT, os.environ), lambda: _replay(Path(empty), 1), rounds)
        what = f"replay of {records:,} records, {size / _MEGABYTE:.0f} MB"
        ratio = paired(floor[1], alone, rounds)
        yield _compared(f"{what}, 1 process", "gunzip + json.loads", ratio, start, size, _FASTER)
        ratio = paired(alone, lambda: runs.append(_replay(Path(name), 2)), rounds)
        yield _compared(f"{what}, 2 processes", "one process", ratio, _same(start.subject), size, _NEARLY_TWICE)
        ratio = paired(floor[1], floor[2], rounds)
        yield _compared("… gunzip + json.loads, 2 processes", "one process", ratio, _same(start.floor), size, None)
        outputs = {each.output for each in runs}
        same = "… the same output from 2 processes as from one"
        yield Row(same, "", f"{len(outputs)} output", "", "1", len(outputs) == 1, 0)
        peak = max(each.peak for each in runs) / 1000
        what, goal = "… its peak memory, largest process", f"≤ {_MAX_PEAK} MB"
        yield Row(what, "", f"{peak:.0f} MB", "", goal, peak <= _MAX_PEAK, peak)
        yield Row("… start of the program, not counted above", "", f"{start.subject * 1e3:.0f} ms", "", "", None, 0)


def _same(seconds: float) -> Ratio:
    """Start of two programs that start alike."""
    return Ratio(seconds, seconds, 1, 1)


def _processor_time(folder: Path, empty: Path, size: int, rounds: int) -> Row:
    """One process by processor time, which other programs on the machine do not change."""
    floor = python(_READ_ALL.format(folder=str(folder), jobs=1), ROOT, os.environ)
    start = paired(python("import gzip, json", ROOT, os.environ), lambda: _replay(empty, 1), rounds, children_time)
    ratio = paired(floor, lambda: _replay(folder, 1), rounds, children_time)
    low, high = ratio.floor - start.floor, ratio.subject - start.subject
    return Row(
        "replay by processor time, 1 process",
        f"gunzip + json.loads: {size / low / _MEGABYTE:.0f} MB/s",
        f"{size / high / _MEGABYTE:.0f} MB/s",
        f"{low / high:.2f} × the floor",
        f"≥ {_FASTER} ×",
        low >= _FASTER * high,
        low / high,
    )


def _compared(what: str, floor_name: str, ratio: Ratio, start: Ratio, size: int, goal: float | None) -> Row:
    """How many times faster than the floor, and both speeds in bytes of uncompressed logs."""
    floor, subject = ratio.floor - start.floor, ratio.subject - start.subject
    faster = floor / subject
    return Row(
        what,
        f"{floor_name}: {size / floor / _MEGABYTE:.0f} MB/s",
        f"{size / subject / _MEGABYTE:.0f} MB/s",
        f"{faster:.2f} × {'one process' if floor_name == 'one process' else 'the floor'}",
        f"≥ {goal} ×" if goal else "",
        faster >= goal if goal else None,
        faster,
    )


def _replay(folder: Path, jobs: int) -> Run:
    command = [sys.executable, "-m", "gatewatch", "replay", str(folder), "--format", "json", "--jobs", str(jobs)]
    answer = subprocess.run([sys.executable, "-c", _PEAK, *command], cwd=ROOT, capture_output=True, check=True)  # noqa: S603  the project's own command
    code, peak, output = answer.stdout.decode().split()
    if code != "0":
        raise RuntimeError(f"replay ended with {code}")
    return Run(int(peak), output)
