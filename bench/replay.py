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

_JOBS = (1, 2)
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
        runs: list[Run] = []
        alone = 0.0
        yield _processor_time(Path(name), Path(empty), size, rounds)
        start = paired(python("import gzip, json", ROOT, os.environ), lambda: _replay(Path(empty), 1), rounds)
        for jobs in _JOBS:
            floor = python(_READ_ALL.format(folder=name, jobs=jobs), ROOT, os.environ)
            ratio = paired(floor, lambda jobs=jobs: runs.append(_replay(Path(name), jobs)), rounds)
            yield _row(records, size, jobs, ratio, start, alone)
            alone = alone or ratio.subject - start.subject
        outputs = {each.output for each in runs}
        yield Row(
            "… the same output from 2 processes as from one",
            "",
            f"{len(outputs)} output",
            "",
            "1",
            len(outputs) == 1,
            0,
        )
        peak = max(each.peak for each in runs) / 1000
        yield Row(
            "… its peak memory, largest process", "", f"{peak:.0f} MB", "", f"≤ {_MAX_PEAK} MB", peak <= _MAX_PEAK, peak
        )
        yield Row("… start of the program, not counted above", "", f"{start.subject * 1e3:.0f} ms", "", "", None, 0)


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


def _row(records: int, size: int, jobs: int, ratio: Ratio, start: Ratio, alone: float) -> Row:
    """The row of one number of processes: one is compared with the floor, more with one process (`alone` seconds)."""
    floor, subject = ratio.floor - start.floor, ratio.subject - start.subject
    faster = floor / subject if jobs == 1 else alone / subject
    goal = _FASTER if jobs == 1 else _NEARLY_TWICE
    return Row(
        f"replay of {records:,} records, {size / _MEGABYTE:.0f} MB, {jobs} process{'es' if jobs > 1 else ''}",
        f"gunzip + json.loads: {size / floor / _MEGABYTE:.0f} MB/s",
        f"{size / subject / _MEGABYTE:.0f} MB/s",
        f"{faster:.2f} × {'the floor' if jobs == 1 else 'one process'}",
        f"≥ {goal} ×",
        faster >= goal,
        faster,
    )


def _replay(folder: Path, jobs: int) -> Run:
    command = [sys.executable, "-m", "gatewatch", "replay", str(folder), "--format", "json", "--jobs", str(jobs)]
    answer = subprocess.run([sys.executable, "-c", _PEAK, *command], cwd=ROOT, capture_output=True, check=True)  # noqa: S603  the project's own command
    code, peak, output = answer.stdout.decode().split()
    if code != "0":
        raise RuntimeError(f"replay ended with {code}")
    return Run(int(peak), output)
