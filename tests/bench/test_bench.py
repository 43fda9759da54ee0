"""The short version of `make bench`: only a gross regression fails, and only as a ratio."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from support.paths import ROOT

sys.path.insert(0, str(ROOT))

from bench import corpus, harness, measures

FUNCTIONS = ("alert", "deliver", "heartbeat", "digest", "config_rule", "access_keys")
# A third of a cold start is botocore's own; what a desk needs has no place in a function.
NOT_IN_A_FUNCTION = ("boto3", "s3transfer", "moto", "rich", "typer", "PIL", "requests", "gatewatch.local", "werkzeug")


def imports_of(name: str) -> list[tuple[int, int, str]]:
    """(own, with what it imports, module) in microseconds, by `python -X importtime`."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {name}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ})
    rows = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \| +(\S+)", result.stderr)
    return [(int(own), int(whole), module) for own, whole, module in rows]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_nothing_that_only_a_desk_needs(function) -> None:
    modules = {module for *_, module in imports_of(f"functions.{function}")}
    unwanted = {each for each in modules for name in NOT_IN_A_FUNCTION if each == name or each.startswith(f"{name}.")}
    assert not unwanted


@pytest.mark.parametrize("function", ["alert", "deliver"])
def test_what_a_function_imports_stays_within_three_times_botocore(function) -> None:
    rows = imports_of(f"functions.{function}")
    whole = {module: microseconds for _, microseconds, module in rows}
    heaviest = sorted(rows, key=lambda row: -row[0])[:8]
    ratio = whole[f"functions.{function}"] / whole["botocore.session"]
    assert ratio < 4, f"{ratio:.1f} × botocore.session; heaviest: {heaviest}"


def test_an_event_costs_no_gross_multiple_of_reading_its_json() -> None:
    row = next(iter(measures.per_event(rounds=5)))
    assert row.value < 200, row  # branch coverage slows our code threefold, and the floor not at all


def test_the_cost_of_an_event_is_flat_and_that_of_a_call_linear_in_its_rules() -> None:
    flat, linear = measures.growth(1_000)
    assert abs(flat.value) < 0.5, flat
    assert linear.value < 1.4, linear


def test_a_burst_is_rolled_up_and_goes_out_at_slacks_pace() -> None:
    (row,) = measures.burst()
    messages = int(row.subject.partition(" ")[0])
    assert 10 <= messages <= 50  # of a hundred calls; ten wait at a time
    assert row.value == messages - 1


def test_the_archive_of_the_bench_is_the_same_every_time(tmp_path) -> None:
    sizes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        sizes.append(corpus.write_archive(tmp_path / name, files=1, records_a_file=2000))
    assert sizes[0] == sizes[1] > 1_000_000


def test_a_ratio_is_that_of_the_rounds() -> None:
    ratio = harness.paired(lambda: sum(range(1_000)), lambda: sum(range(20_000)), 9)
    assert ratio.ratio > 3
    assert ratio.rounds == 9


def test_the_slope_of_growth_is_its_exponent() -> None:
    assert harness.slope([10, 100], [1.0, 10.0]) == pytest.approx(1)
    assert harness.slope([10, 100], [2.0, 2.0]) == pytest.approx(0)
