"""Objects are listed and read in order, large ones in parts, with a bound on what waits in memory."""

import io
import threading

import boto3
import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from moto import mock_aws
from urllib3.exceptions import SSLError

from gatewatch.aws.s3 import MAX_BYTES, S3Object, list_objects, read_ahead
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


class BrokenBody:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self) -> bytes:
        raise self.error


class BreakingS3:
    """The first answers end before their end."""

    def __init__(self, times: int, error: Exception) -> None:
        self.left, self.error = times, error

    def get_object(self, **_names):
        self.left -= 1
        return {"Body": io.BytesIO(b"whole") if self.left < 0 else BrokenBody(self.error)}


@pytest.mark.parametrize(
    "error", [IncompleteReadError(actual_bytes=1, expected_bytes=5), SSLError(), ConnectionError()]
)
def test_an_answer_that_breaks_off_is_asked_for_again_and_then_an_error(error) -> None:
    one = [S3Object("trail", "a", 5)]
    assert [content for _, content in read_ahead(BreakingS3(3, error), one)] == [b"whole"]
    ((_, found),) = read_ahead(BreakingS3(9, error), one)
    assert found.reason == f"cannot be read ({type(error).__name__})"


def test_an_object_that_is_too_large_is_not_read() -> None:
    s3 = SlowS3()
    objects = [S3Object("trail", "huge", MAX_BYTES + 1), S3Object("trail", "small", MEBIBYTE)]
    huge, small = (content for _, content in read_ahead(s3, objects))
    assert huge.reason == "is larger than 256 MiB as stored, and no log file of CloudTrail"
    assert len(small) == s3.read == MEBIBYTE


class RefusingS3:
    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **_names):
        raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "GetObject")


def test_expired_credentials_are_no_error_of_one_object() -> None:
    ((_, found),) = read_ahead(RefusingS3("SlowDown"), [S3Object("trail", "a", 5)])
    assert found.reason == "cannot be read (SlowDown)"
    with pytest.raises(ClientError, match="ExpiredToken"):
        list(read_ahead(RefusingS3("ExpiredToken"), [S3Object("trail", "a", 5)]))
