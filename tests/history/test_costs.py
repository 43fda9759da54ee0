"""The estimate of a run, with its costs."""

import pytest

from gatewatch.history.batches import Batch
from gatewatch.history.costs import Assumptions, estimate, estimate_of
from support.paths import ROOT

TERABYTE = 1e12


def test_the_example_of_the_documentation_is_computed() -> None:
    size = round(10 * TERABYTE / 12)
    found = estimate_of(-(-size // 25_000_000), 1_000_000, size, Assumptions())
    assert "\n".join(found.lines) in (ROOT / "docs" / "history.md").read_text("utf-8")
    assert found.dollars == pytest.approx(6.60, abs=0.01)


def test_time_falls_with_the_workers_and_cost_does_not() -> None:
    batches = [Batch(number, "", "", 10, 25_000_000) for number in range(100)]
    few, many = (estimate(batches, Assumptions(workers=workers)) for workers in (10, 100))
    assert few.seconds == pytest.approx(10 * many.seconds)
    assert few.dollars == many.dollars
    assert (few.files, few.size) == (1000, 2_500_000_000)


def test_more_workers_than_batches_do_not_help() -> None:
    one = [Batch(0, "", "", 1, 1000)]
    assert estimate(one, Assumptions(workers=1000)).seconds == estimate(one, Assumptions(workers=1)).seconds


def test_nothing_costs_nothing() -> None:
    assert estimate([], Assumptions()).dollars == 0
