"""Several processes print the same as one, in the same order."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gatewatch.alerts.pipeline import Assessor
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.log_files import log_files
from gatewatch.cli.parallel import results_of_files
from gatewatch.cli.printing import printer_for
from gatewatch.errors import UndecodableError
from gatewatch.model.alert import Alert
from gatewatch.model.severity import Severity

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


def printed(folder: Path, settings, jobs: int, output: str = "json") -> list[str]:
    """What is printed, and the other results, in their order."""
    make_printer = partial(printer_for, output, settings, Severity.INFO)
    printer = make_printer()
    found = results_of_files(
        log_files(folder), Assessor(settings, InMemoryRuleHistory()), jobs, make_printer, lambda _size: None
    )
    texts = []
    for each in found:
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
    make_printer = partial(printer_for, "json", settings, Severity.INFO)
    first, *_ = results_of_files(files, Assessor(settings, InMemoryRuleHistory()), 2, make_printer, lambda _size: None)
    assert isinstance(first, UndecodableError)
    assert "cannot be read" in first.reason


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_bytes_of_every_file_are_counted(folder, settings, jobs) -> None:
    done: list[int] = []
    files = log_files(folder)
    make_printer = partial(printer_for, "json", settings, Severity.INFO)
    list(results_of_files(files, Assessor(settings, InMemoryRuleHistory()), jobs, make_printer, done.append))
    assert sum(done) == files.size == sum(each.stat().st_size for each in folder.iterdir())
