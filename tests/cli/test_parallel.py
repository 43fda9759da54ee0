"""Several processes read the same documents as one, in the same order."""

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
    """Ten megabytes of logs with one relevant record per file, and one broken file."""
    for number in range(4):
        irrelevant = [record("GetObject", "s3.amazonaws.com", f"{number}-{index}") for index in range(2500)]
        relevant = record("DeleteSecurityGroup", "ec2.amazonaws.com", f"relevant-{number}")
        (tmp_path / f"{number}.json").write_text(json.dumps({"Records": [*irrelevant, relevant]}))
    (tmp_path / "2-broken.json").write_text('{"Records": [')
    return sorted(tmp_path.iterdir())


def summary(found) -> list[str]:
    return [each for document in found for each in _summary_of(document)]


def _summary_of(document: Document | UndecodableError) -> list[str]:
    if isinstance(document, UndecodableError):
        return [f"{document.where}: {document.reason}"]
    return [each["eventID"] for each in document.content["Records"]]


def test_two_processes_give_the_same_documents_in_the_same_order_as_one(files) -> None:
    together = summary(documents_of_files(files, 2))
    assert together == summary(documents_of_files(files, 1))
    assert [each.rpartition("/")[2] for each in together] == [
        "relevant-0",
        "relevant-1",
        "2-broken.json: is not valid JSON (Input data was truncated)",
        "relevant-2",
        "relevant-3",
    ]


def test_zero_means_one_process_per_core(files) -> None:
    assert summary(documents_of_files(files, 0)) == summary(documents_of_files(files, 1))


def test_a_deleted_file_is_reported_in_its_position(files) -> None:
    files[1].unlink()
    found = summary(documents_of_files(files, 2))
    assert found[0] == "relevant-0"
    assert "cannot be read" in found[1]
