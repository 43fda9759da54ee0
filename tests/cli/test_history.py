"""`gatewatch history` from the command line: estimate, start, status, report."""

from __future__ import annotations

import json

import pytest

from support.command import gatewatch
from support.trails import write_trail


@pytest.fixture(scope="module")
def trail(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trail")
    write_trail(folder)
    return str(folder)


def test_a_run_is_estimated_started_and_reported(trail, tmp_path) -> None:
    results, to = str(tmp_path / "results"), str(tmp_path / "report")
    assert "6 log files" in gatewatch("history", "estimate", trail).out
    sampled = gatewatch("history", "estimate", trail, "--sample", "3").out
    assert sampled.startswith("sample of 3 files: ")
    assert "÷ 100 MB/s" not in sampled
    run = ("--results", results, "--run", "first")
    planned = gatewatch("history", "start", trail, *run, "--dry-run")
    assert planned.out == "run first: 1 of 1 batches to do, 0.0 MB stored\n"
    before = gatewatch("history", "status", *run)
    assert (before.status, "gatewatch history start begins it" in before.err) == (2, True)
    started = gatewatch("history", "start", trail, *run, "--jobs", "1")
    assert "batch 0: 6 files" in started.out
    assert gatewatch("history", "status", *run).out == "run first: 1 of 1 batches are done\n"
    again = gatewatch("history", "start", trail, *run)
    assert again.out == "run first: 0 of 1 batches to do, 0.0 MB stored\n"
    inside = gatewatch("history", "report", *run, "--to", f"{trail}/report")
    assert (inside.status, "write the results beside the logs" in inside.err) == (2, True)
    reported = gatewatch("history", "report", *run, "--to", to, "--format", "json")
    assert reported.status == 3  # one file of the trail cannot be decoded
    assert {row["account_id"] for row in json.loads(reported.out)} >= {"111122223333"}
    assert "1 problems" in reported.err


def test_a_report_of_an_unfinished_run_is_refused_with_a_sentence(tmp_path) -> None:
    ran = gatewatch("history", "report", "--results", str(tmp_path), "--run", "never")
    assert ran.status == 2
    assert "run never is not in" in ran.err


def test_a_place_without_logs_is_estimated_with_a_sentence(tmp_path) -> None:
    ran = gatewatch("history", "estimate", str(tmp_path / "nowhere"))
    assert (ran.status, ran.out) == (2, "")
    assert "has no CloudTrail log files" in ran.err


@pytest.mark.parametrize("name", ["../escape", "", "a b", "x" * 81])
def test_the_name_of_a_run_is_no_path(name, trail, tmp_path) -> None:
    ran = gatewatch("history", "start", trail, "--results", str(tmp_path), "--run", name)
    assert ran.status == 2
    assert "the name of a run has" in ran.err
