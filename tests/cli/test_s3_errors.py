"""A bucket of many objects, some of which cannot be read: each is named, and its neighbours are processed."""

from __future__ import annotations

import gzip
import json

import pytest

from support.command import gatewatch
from support.s3_server import PAGE, s3_server

pytestmark = pytest.mark.slow
COUNT = PAGE + 200
ALWAYS = 1000
FAULTS = {
    "logs/00010.json.gz": ("SlowDown", 2),
    "logs/00020.json.gz": ("cut", 2),
    "logs/00030.json.gz": ("cut", ALWAYS),
    "logs/00040.json.gz": ("NoSuchKey", ALWAYS),
    "logs/01100.json.gz": ("AccessDenied", ALWAYS),
}
LOST = {
    "s3://trail/logs/00030.json.gz": ("IncompleteReadError", "ResponseStreamingError"),
    "s3://trail/logs/00040.json.gz": ("NoSuchKey",),
    "s3://trail/logs/01100.json.gz": ("AccessDenied",),
}


@pytest.fixture(scope="module")
def environment(build):
    """Each object has one opened rule; its number is the event id."""
    objects = {}
    for number in range(COUNT):
        record = build.authorize(build.item(v4=["0.0.0.0/0"]), eventID=str(number))
        objects[f"logs/{number:05}.json.gz"] = gzip.compress(json.dumps({"Records": [record]}).encode())
    with s3_server(objects, FAULTS) as found:
        yield found


def expected() -> list[str]:
    lost = {int(name.partition("logs/")[2].partition(".")[0]) for name in LOST}
    return [str(number) for number in range(COUNT) if number not in lost]


def assert_named(problems: dict[str, str]) -> None:
    assert problems.keys() == LOST.keys()
    for name, codes in LOST.items():
        assert any(code in problems[name] for code in codes), problems[name]


def test_replay_names_the_objects_that_it_cannot_read_and_prints_all_others_in_order(environment) -> None:
    ran = gatewatch("replay", "s3://trail/logs", "--format", "json", **environment)
    assert ran.status == 3
    assert [row["event_id"] for row in ran.rows] == expected()
    lines = [line.removeprefix("gatewatch: ") for line in ran.err.splitlines()]
    assert_named({line.partition(": ")[0]: line for line in lines})


def test_a_history_run_reports_them_too(environment, tmp_path) -> None:
    run = ("--results", str(tmp_path / "results"), "--run", "first")
    started = gatewatch("history", "start", "s3://trail/logs", *run, "--jobs", "1", **environment)
    assert (started.status, "3 problems" in started.out) == (0, True)
    reported = gatewatch("history", "report", *run, "--to", str(tmp_path / "report"), **environment)
    assert reported.status == 3
    files = sorted((tmp_path / "report" / "rows").rglob("*.gz"))
    rows = [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [row["event_id"] for row in rows] == expected()
    problems = [json.loads(line) for line in (tmp_path / "report" / "problems.jsonl").read_text().splitlines()]
    assert_named({each["where"]: each["reason"] for each in problems})
