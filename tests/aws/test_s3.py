"""Objects are listed and read in order, large ones in parts, with a bound on what waits in memory."""

import io
import threading

import boto3
import pytest
from moto import mock_aws

from gatewatch.aws.s3 import S3Object, list_objects, read_ahead
from gatewatch.errors import UndecodableError

MEBIBYTE = 1024 * 1024


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="trail")
        yield client


def test_objects_of_a_prefix_are_listed_by_suffix_in_the_order_of_s3(s3) -> None:
    for key in ("logs/b.json.gz", "logs/a/c.json", "logs/a.txt", "logs2/d.json.gz"):
        s3.put_object(Bucket="trail", Key=key, Body=b"{}")
    found = list(list_objects(s3, "trail", "logs/", (".json", ".json.gz")))
    assert [each.name for each in found] == ["s3://trail/logs/a/c.json", "s3://trail/logs/b.json.gz"]
    assert {each.size for each in found} == {2}


def test_objects_come_in_order_and_a_large_one_is_put_together_from_its_parts(s3) -> None:
    bodies = {"a": b"one", "b": bytes(range(256)) * (20 * MEBIBYTE // 256) + b"end", "c": b"", "d": b"two"}
    for key, body in bodies.items():
        s3.put_object(Bucket="trail", Key=key, Body=body)
    listed = list_objects(s3, "trail", "", ("",))
    assert {each.key: content for each, content in read_ahead(s3, listed)} == bodies


def test_an_object_that_cannot_be_read_is_an_error_in_its_place(s3) -> None:
    s3.put_object(Bucket="trail", Key="b", Body=b"two")
    found = [content for _, content in read_ahead(s3, [S3Object("trail", "a", 3), S3Object("trail", "b", 3)])]
    assert isinstance(found[0], UndecodableError)
    assert (found[0].where, found[0].reason) == ("s3://trail/a", "cannot be read (NoSuchKey)")
    assert found[1] == b"two"


def test_an_object_that_was_replaced_while_it_is_read_in_parts_is_an_error(s3) -> None:
    s3.put_object(Bucket="trail", Key="a", Body=b"x" * 9 * MEBIBYTE)
    (listed,) = list_objects(s3, "trail", "", ("",))
    s3.put_object(Bucket="trail", Key="a", Body=b"y" * 9 * MEBIBYTE)
    ((_, found),) = read_ahead(s3, [listed])
    assert isinstance(found, UndecodableError)


class SlowS3:
    """Counts the bytes that were read and not taken yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.read = 0

    def get_object(self, **_names):
        with self.lock:
            self.read += MEBIBYTE
        return {"Body": io.BytesIO(b"x" * MEBIBYTE)}


def test_no_more_is_read_ahead_than_the_bound() -> None:
    s3, taken, most = SlowS3(), 0, 0
    for _, content in read_ahead(s3, (S3Object("trail", str(number), MEBIBYTE) for number in range(200))):
        most = max(most, s3.read - taken)
        taken += len(content)
    assert taken == 200 * MEBIBYTE
    assert most <= 33 * MEBIBYTE
