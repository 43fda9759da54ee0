"""Folders, prefixes of S3 and single objects become the files that replay reads."""

from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from gatewatch.cli.log_files import log_files
from gatewatch.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("bucket")


@pytest.fixture
def bucket(monkeypatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="trail")
        for key in ("logs/1.json", "logs/2.json.gz", "logs-other/3.json", "logs/readme.txt"):
            s3.put_object(Bucket="trail", Key=key, Body=b'{"digest": 1}')
        yield


def names(path: str) -> list[str]:
    return [each.name for each in log_files(Path(path)).read()]


@pytest.mark.parametrize("path", ["s3://trail/logs", "s3://trail/logs/"])
def test_a_prefix_is_read_as_a_folder(path) -> None:
    assert names(path) == ["s3://trail/logs/1.json", "s3://trail/logs/2.json.gz"]


def test_one_object_and_a_whole_bucket_can_be_named() -> None:
    assert names("s3://trail/logs-other/3.json") == ["s3://trail/logs-other/3.json"]
    assert len(names("s3://trail")) == 3


def test_count_and_size_are_known_before_an_object_is_read() -> None:
    found = log_files(Path("s3://trail/logs"))
    assert (found.count, found.size) == (2, 26)


def test_documents_are_named_by_their_object() -> None:
    documents = [document for each in log_files(Path("s3://trail/logs")).read() for document in each.documents()]
    assert [each.where for each in documents] == ["s3://trail/logs/1.json:1", "s3://trail/logs/2.json.gz:1"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("s3://trail/nothing", "has no objects that end in .json"),
        ("s3://missing/logs", r"cannot be listed \(NoSuchBucket\)"),
        ("s3://", "cannot be listed"),
        ("missing", "does not exist"),
    ],
)
def test_a_path_without_files_is_a_configuration_error(path, reason) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        log_files(Path(path))


def test_a_folder_has_its_files_with_their_sizes(tmp_path) -> None:
    (tmp_path / "a.json").write_text("{}")
    found = log_files(tmp_path)
    assert (found.count, found.size, [each.name for each in found.read()]) == (1, 2, [str(tmp_path / "a.json")])
