"""Paired measurement: floor and subject run alternately, so that noise affects both."""

from __future__ import annotations

import gc
import math
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Ratio(Struct, frozen=True):
    """Medians in seconds; `ratio` is the median of the ratios of the rounds, not the ratio of the medians."""

    floor: float
    subject: float
    ratio: float
    rounds: int


def paired(
    floor: Callable[[], object],
    subject: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Ratio:
    """Run both once per round, after one round to warm up."""
    floor(), subject()
    gc.collect()
    pairs = [(_seconds(floor, clock), _seconds(subject, clock)) for _ in range(rounds)]
    return Ratio(
        floor=statistics.median(low for low, _ in pairs),
        subject=statistics.median(high for _, high in pairs),
        ratio=statistics.median(high / low for low, high in pairs),
        rounds=rounds,
    )


def _seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


def children_time() -> float:
    """Processor time in seconds of all child processes that have ended: other programs do not change it."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def python(code: str, folder: Path, variables: Mapping[str, str]) -> Callable[[], object]:
    """Return a function that runs `code` in a new interpreter."""

    def run() -> object:
        return subprocess.run(  # noqa: S603  the project's own code
            [sys.executable, "-c", code], cwd=folder, env=dict(variables), check=True, capture_output=True
        )

    return run


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the exponent of growth between the first and the last size: 1 is linear, 0 is flat."""
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])
