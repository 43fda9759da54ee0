"""The hub table: keys, lifetimes, encoding, batches, conditions and errors."""

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from msgspec import Struct

from gatewatch.aws.hub_rows import JsonRows, RowKind
from gatewatch.aws.hub_table import HubTable, HubTableError
from support.tables import create_table

NOW = 1_000_000


class Point(Struct):
    x: int
    name: str = ""


POINTS = JsonRows(prefix="point", name="the points", lifetime=60, value_type=Point)
OPTIONAL = JsonRows(prefix="point", name="the points", value_type=Point, skips_undecodable=True)
COMPRESSED = JsonRows(prefix="packed", name="the points", value_type=Point, is_compressed=True)
COUNTS = RowKind(prefix="count", name="the counts", lifetime=60)


@pytest.fixture(scope="module")
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield client


@pytest.fixture
def table(dynamodb):
    return HubTable(dynamodb, "t", lambda: NOW)


def stored(dynamodb, key):
    return dynamodb.get_item(TableName="t", Key={"pk": {"S": key}}).get("Item")


def test_a_value_is_stored_under_its_prefix_with_its_expiry_time(table, dynamodb):
    assert table.get(POINTS, "a") is None
    table.put(POINTS, "a", Point(1, "<é>"))
    assert table.get(POINTS, "a") == Point(1, "<é>")
    assert stored(dynamodb, "point#a")["expires"] == {"N": str(NOW + 60)}


def test_a_row_is_modified_from_its_value_and_from_nothing(table, dynamodb):
    assert table.modify(POINTS, "m", lambda before: Point(1 if before is None else before.x + 1)) == Point(1)
    assert table.modify(POINTS, "m", lambda before: Point(1 if before is None else before.x + 1)) == Point(2)
    assert table.get(POINTS, "m") == Point(2)
    assert stored(dynamodb, "point#m")["expires"] == {"N": str(NOW + 60)}


@pytest.mark.parametrize("kind", [POINTS, COMPRESSED], ids=["text", "compressed"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_row_that_another_process_wrote_meanwhile_is_modified_from_its_new_value(table, kind, is_there):
    key, others = f"shared {kind.prefix} {is_there}", [Point(10), Point(20)]
    if is_there:
        table.put(kind, key, Point(5))

    def change(before):
        if others:
            table.put(kind, key, others.pop(0))
        return Point(before.x + 1 if before else 1)

    assert table.modify(kind, key, change) == Point(21)
    assert table.get(kind, key) == Point(21)


def test_only_a_row_that_exists_is_modified_by_modify_existing(table):
    assert table.modify_existing(POINTS, "nothing", lambda before: Point(before.x + 1)) is None
    table.put(POINTS, "existing", Point(1))
    others = [Point(10)]

    def change(before):
        if others:
            table.put(POINTS, "existing", others.pop())
        return Point(before.x + 1)

    assert table.modify_existing(POINTS, "existing", change) == Point(11)
    assert table.get(POINTS, "nothing") is None


def test_a_row_that_others_write_all_the_time_is_an_error(table):
    def change(before):
        after = Point(before.x + 1 if before else 1)
        table.put(POINTS, "busy", after)
        return Point(-1)

    with pytest.raises(HubTableError, match="the points cannot be written: Conflict"):
        table.modify(POINTS, "busy", change)


def test_a_row_that_does_not_change_is_not_written(table):
    table.put(POINTS, "same", Point(3))
    reads = HubTable(Keys(), "t")
    reads.attributes = lambda *_key: table.attributes(POINTS, "same")
    assert reads.modify(POINTS, "same", lambda before: before) == Point(3)


def test_a_later_write_replaces_a_value_that_could_not_be_written(dynamodb):
    class Once:
        def __init__(self):
            self.fails = True

        def __getattr__(self, name):
            return getattr(dynamodb, name)

        def put_item(self, **request):
            if self.fails:
                self.fails = False
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
            return dynamodb.put_item(**request)

    table = HubTable(Once(), "t", lambda: NOW)
    table.put_later(POINTS, "later", Point(1))
    table.put(POINTS, "later", Point(2))
    assert table.get(POINTS, "later") == Point(2)


class Keys:
    """Records the partition keys of writes."""

    def __init__(self):
        self.keys = []

    def put_item(self, **request):
        self.keys.append(request["Item"]["pk"]["S"])


@given(key=st.text() | st.text(min_size=600) | st.text(st.characters(categories=["Cs"]), min_size=1))
def test_any_text_can_be_a_key(key):
    written = Keys()
    HubTable(written, "t").put(POINTS, key, Point(1))
    (pk,) = written.keys
    assert pk.startswith("point#")
    assert len(pk.encode("utf-8")) < 2048


def test_many_rows_are_written_read_and_deleted_in_batches(table):
    values = {str(number): Point(number) for number in range(130)}
    table.put_many(POINTS, values)
    assert dict(table.get_many(POINTS, [*values, "missing"])) == values
    table.put_many(POINTS, dict.fromkeys(values))
    assert dict(table.get_many(POINTS, values)) == {}


def test_a_row_that_cannot_be_decoded_is_an_error_or_missing(table, dynamodb):
    dynamodb.put_item(TableName="t", Item={"pk": {"S": "point#old"}, "body": {"S": '{"y": 1}'}})
    with pytest.raises(HubTableError, match="the points cannot be decoded"):
        table.get(POINTS, "old")
    assert table.get(OPTIONAL, "old") is None
    assert dict(table.get_many(OPTIONAL, ["old"])) == {}


def test_a_row_is_deleted_only_with_the_expected_value(table):
    table.put(POINTS, "b", Point(1))
    table.delete(POINTS, "b", Point(2))
    assert table.get(POINTS, "b") == Point(1)
    table.delete(POINTS, "b", Point(1))
    assert table.get(POINTS, "b") is None


def test_an_update_returns_the_attributes_and_whether_its_condition_was_met(table):
    def add(number):
        return table.update(
            COUNTS,
            "c",
            "SET numbers = list_append(if_not_exists(numbers, :none), :own), latest = :latest",
            {":none": [], ":own": [number], ":latest": number},
            ConditionExpression="attribute_not_exists(latest) OR latest < :latest",
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert add(1.5).attributes == {"numbers": [1.5], "latest": 1.5, "expires": NOW + 60}
    assert (add(2).is_applied, add(2).is_applied) == (True, False)
    assert add(1).attributes["numbers"] == table.attributes(COUNTS, "c")["numbers"] == [1.5, 2]
    table.update(COUNTS, "c", "ADD colours :colours SET flagged = :flagged", {":colours": {"b", "a"}, ":flagged": True})
    found = table.attributes(COUNTS, "c")
    table.update(COUNTS, "c", "DELETE colours :colours", {":colours": {"b"}})
    assert table.attributes(COUNTS, "c")["colours"] == {"a"}
    assert (found["colours"], found["flagged"]) == ({"a", "b"}, True)


class Busy:
    """DynamoDB that throttles while `is_busy` and otherwise stores one row."""

    def __init__(self):
        self.is_busy, self.row = True, None

    def put_item(self, **request):
        if self.is_busy:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "sEcReT"}}, "PutItem")
        self.row = request["Item"]

    def get_item(self, **_):
        return {"Item": self.row} if self.row else {}

    def batch_get_item(self, **request):
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}


def test_an_error_has_the_code_of_aws_and_not_its_text():
    with pytest.raises(HubTableError, match=r"^the points cannot be written: ThrottlingException$") as caught:
        HubTable(Busy(), "t").put(POINTS, "a", Point(1))
    assert caught.value.code == "ThrottlingException"


def test_a_row_that_cannot_be_written_now_is_written_before_the_next_read():
    busy = Busy()
    table = HubTable(busy, "t")
    table.put_later(POINTS, "a", Point(1))
    with pytest.raises(HubTableError):
        table.get(POINTS, "a")
    busy.is_busy = False
    assert table.get(POINTS, "a") == Point(1)


def test_keys_that_stay_unprocessed_are_an_error():
    with pytest.raises(HubTableError, match="UnprocessedKeys"):
        list(HubTable(Busy(), "t").get_many(POINTS, ["a"]))


def test_a_batch_stops_when_its_time_is_up():
    def check_time():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(HubTable(Busy(), "t").get_many(POINTS, ["a"], check_time))
