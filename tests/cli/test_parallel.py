"""Several processes print the same as one, in the same order."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.log_files import LogFile, LogFiles, log_files
from gatewatch.cli.parallel import _batches, results_of_files, workers
from gatewatch.cli.printing import printer_for
from gatewatch.errors import UndecodableError
from gatewatch.model.alert import Alert
from gatewatch.model.severity import Severity
from support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAD = "".join(f"{number:x}" for number in range(2000))


def irrelevant(event_id: str) -> dict:
    return {
        "eventName": "GetObject",
        "eventSource": "s3.amazonaws.com",
        "eventVersion": "1.11",
        "eventID": event_id,
        "pad": PAD,
    }


def failed_sign_in(number: int) -> dict:
    return {
        "eventName": "ConsoleLogin",
        "eventSource": "signin.amazonaws.com",
        "eventVersion": "1.11",
        "eventID": f"sign-in-{number}",
        "eventTime": f"2026-01-24T03:0{number}:00Z",
        "sourceIPAddress": "198.51.100.7",
        "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
        "errorMessage": "Failed authentication",
        "responseElements": {"ConsoleLogin": "Failure"},
    }


@pytest.fixture
def folder(tmp_path, build):
    """Logs of which the later ones depend on earlier ones: a modified rule, the fifth failed sign-in, an attachment."""
    rule = build.item(v4=["0.0.0.0/0"])
    related = [
        [build.authorize(rule)],
        [failed_sign_in(1), failed_sign_in(2)],
        [failed_sign_in(3), failed_sign_in(4), build.authorize(rule)],
        [failed_sign_in(5)],
    ]
    for number, events in enumerate(related):
        records = [irrelevant(f"{number}-{index}") for index in range(500)]
        records[100:100] = [each.get("detail", each) for each in events]
        (tmp_path / f"{number}.json").write_text(json.dumps({"Records": records}))
    (tmp_path / "2-broken.json").write_text('{"Records": [')
    (tmp_path / "3-other.json").write_text('{"digest": true}')
    return tmp_path


def results(files: LogFiles, settings, jobs: int, output: str = "json", advance=lambda _size: None) -> list:
    make_printer = partial(printer_for, output, settings, Severity.INFO)
    assessor = Assessor(settings, InMemoryRuleHistory())
    with workers([files], assessor, jobs, make_printer) as started:
        assert (started is not None) == (jobs != 1)
        return list(results_of_files(files, assessor, started, advance))


def printed(folder: Path, settings, jobs: int, output: str = "json") -> list[str]:
    """What is printed, and the other results, in their order."""
    printer = printer_for(output, settings, Severity.INFO)
    texts = []
    for each in results(log_files(folder), settings, jobs, output):
        if isinstance(each, Alert):
            texts.append(printer.encode(each).decode() if output == "json" else each.call.event_id)
        else:
            texts.append(each.decode() if isinstance(each, bytes) else str(each))
    return [line for text in texts for line in text.splitlines()]


@pytest.mark.parametrize("output", ["json", "text"])
def test_two_processes_print_the_same_as_one(folder, settings, output) -> None:
    alone = printed(folder, settings, 1, output)
    assert printed(folder, settings, 2, output) == alone
    assert len(alone) > 8


def test_the_command_prints_the_same_bytes_with_copies_of_itself(folder) -> None:
    """A program of its own has one thread, so on Linux its processes are copies; those of a test may not be."""
    command = [sys.executable, "-m", "gatewatch", "replay", str(folder), "--format", "json", "--jobs"]
    one, two = (subprocess.run([*command, jobs], cwd=ROOT, capture_output=True, check=False) for jobs in ("1", "2"))
    assert (two.returncode, two.stdout, two.stderr) == (one.returncode, one.stdout, one.stderr)
    assert one.returncode == 3
    assert len(one.stdout.splitlines()) > 6


def test_batches_become_smaller_towards_the_end() -> None:
    read = [LogFile(str(number), 50_000, b"") for number in range(200)]
    sizes = [sum(each.size for each in batch) for batch in _batches(LogFiles(200, 10_000_000, lambda: iter(read)), 2)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 1_000_000
    assert sizes[-1] <= 100_000
    assert sum(sizes) == 10_000_000


def test_what_depends_on_earlier_files_is_assessed_in_order(folder, settings) -> None:
    rows = [json.loads(line) for line in printed(folder, settings, 2) if line.startswith("{")]
    severities = {row["event_id"]: row["severity"] for row in rows}
    assert severities["sign-in-5"] == "high"
    assert severities["sign-in-4"] != "high"


def test_zero_means_one_process_per_core(folder, settings) -> None:
    assert printed(folder, settings, 0) == printed(folder, settings, 1)


def test_a_deleted_file_is_reported_in_its_position(folder, settings) -> None:
    files = log_files(folder)
    (folder / "0.json").unlink()
    first, *_ = results(files, settings, 2)
    assert isinstance(first, UndecodableError)
    assert "cannot be read" in first.reason


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_bytes_of_every_file_are_counted(folder, settings, jobs) -> None:
    done: list[int] = []
    files = log_files(folder)
    results(files, settings, jobs, advance=done.append)
    assert sum(done) == files.size == sum(each.stat().st_size for each in folder.iterdir())
