"""The speed that an estimate takes for its workers is measured on log files that are spread over the archive."""

from __future__ import annotations

import gzip
import json

import pytest

from gatewatch.errors import ConfigurationError, UndecodableError
from gatewatch.history.batches import FileAssessor
from gatewatch.history.costs import Assumptions, estimate_of
from gatewatch.history.sampling import Sample, measure_sample
from gatewatch.history.storage import FolderStorage


class Logs(FolderStorage):
    """Remembers what is read."""

    def __init__(self, root) -> None:
        super().__init__(root)
        self.read_names: list[str] = []

    def read_files(self, files):
        for each, content in super().read_files(files):
            self.read_names.append(each.name)
            yield each, content


@pytest.fixture
def logs(tmp_path, build):
    found = Logs(tmp_path)
    text = json.dumps({"Records": [build.authorize(build.item(v4=["0.0.0.0/0"]))] * 100}).encode()
    for number in range(20):
        found.write(f"CloudTrail/{number:02}.json.gz", gzip.compress(text))
        found.write(f"CloudTrail-Digest/{number:02}.json.gz", b"no log")
    return found


def clock(*times: float):
    return iter(times).__next__


def test_files_of_the_sample_are_spread_over_the_archive(logs, settings) -> None:
    found = measure_sample(logs, 20, 4, FileAssessor(settings), clock(1.0, 3.0))
    assert logs.read_names == [f"CloudTrail/{number:02}.json.gz" for number in (0, 5, 10, 15)]
    size = len(gzip.decompress(logs.read("CloudTrail/00.json.gz")))
    assert (found.files, found.logs, found.seconds) == (4, 4 * size, 2.0)
    assert found.compression == round(size / len(logs.read("CloudTrail/00.json.gz")), 1)


def test_more_than_all_files_are_all_files(logs, settings) -> None:
    assert measure_sample(logs, 20, 1000, FileAssessor(settings)).files == 20


def test_text_that_is_not_compressed_counts_as_it_is(tmp_path, settings) -> None:
    logs = FolderStorage(tmp_path)
    logs.write("log.json", b"[]")
    assert measure_sample(logs, 1, 1, FileAssessor(settings)).compression == 1


class Unreadable(FolderStorage):
    def read_files(self, files):
        for each in files:
            yield each, UndecodableError(each.name, "cannot be read (AccessDenied)")


@pytest.mark.usefixtures("logs")
def test_a_sample_that_cannot_be_read_is_an_error(settings, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="none of the log files of the sample"):
        measure_sample(Unreadable(tmp_path), 20, 4, FileAssessor(settings))


def test_the_arithmetic_is_shown_and_used() -> None:
    sample = Sample(40, 25_000_000, 300_000_000, 1.5)
    assert sample.line == (
        "sample of 40 files: 25.0 MB stored × 12 = 300.0 MB of logs ÷ 1.50 s of processor time = "
        "200.0 MB/s on this machine, × 0.5 for a worker"
    )
    assumed = Assumptions(megabytes_per_second=sample.megabytes_per_second, compression=sample.compression)
    assert "÷ 100 MB/s" in estimate_of(1, 1, 1_000_000, assumed).lines[1]
