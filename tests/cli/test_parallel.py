"""Several processes read what one would have read, in the same order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gatewatch.cli.parallel import documents_of_files
from gatewatch.errors import UndecodableError

if TYPE_CHECKING:
    from gatewatch.events.files import Document


def record(name: str, source: str, event_id: str) -> dict:
    return {"eventName": name, "eventSource": source, "eventVersion": "1.11", "eventID": event_id, "pad": "x" * 900}


@pytest.fixture
def files(tmp_path):
    """Ten megabytes of logs in which one record a file matters, and one file that is broken."""
    for number in range(4):
        dull = [record("GetObject", "s3.amazonaws.com", f"{number}-{index}") for index in range(2500)]
        ours = record("DeleteSecurityGroup", "ec2.amazonaws.com", f"ours-{number}")
        (tmp_path / f"{number}.json").write_text(json.dumps({"Records": [*dull, ours]}))
    (tmp_path / "2-broken.json").write_text('{"Records": [')
    return sorted(tmp_path.iterdir())


def told(found) -> list[str]:
    return [each for document in found for each in _told(document)]


def _told(document: Document | UndecodableError) -> list[str]:
    if isinstance(document, UndecodableError):
        return [f"{document.where}: {document.reason}"]
    return [each["eventID"] for each in document.content["Records"]]


def test_two_processes_tell_the_same_in_the_same_order_as_one(files) -> None:
    together = told(documents_of_files(files, 2))
    assert together == told(documents_of_files(files, 1))
    assert [each.rpartition("/")[2] for each in together] == [
        "ours-0",
        "ours-1",
        "2-broken.json: is not valid JSON (Input data was truncated)",
        "ours-2",
        "ours-3",
    ]


def test_one_process_a_core_is_what_zero_means(files) -> None:
    assert told(documents_of_files(files, 0)) == told(documents_of_files(files, 1))


def test_a_file_that_went_away_is_said_in_its_place(files) -> None:
    files[1].unlink()
    found = told(documents_of_files(files, 2))
    assert found[0] == "ours-0"
    assert "cannot be read" in found[1]
