"""Rows of the inventory: a Region with many open rules needs several, and processes end between any two."""

from __future__ import annotations

import random

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.aws.hub_table import HubTable
from gatewatch.inventory.model import AccountInventory, OpenItem, RegionInventory, ResourceKind
from gatewatch.inventory.store import InventoryStore
from gatewatch.model.reachability import Reachability, Verdict
from gatewatch.model.security_group import CidrPeer, Direction, Group, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity

ACCOUNT, REGION = "111122223333", "us-east-1"
# Of a group (EC2 API reference).
NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*"
MAX_ROW_BYTES = 400 * 1024


class DynamoDb:
    """Counts the largest row, and can end the process at a write."""

    def __init__(self, client):
        self.client, self.largest, self.writes_left = client, 0, 10**9

    def __getattr__(self, name):
        return getattr(self.client, name)

    def put_item(self, **request):
        self._write(request["Item"])
        return self.client.put_item(**request)

    def batch_write_item(self, **request):
        for each in request["RequestItems"]["hub"]:
            self._write(each["PutRequest"]["Item"])
        return self.client.batch_write_item(**request)

    def _write(self, item):
        self.writes_left -= 1
        if self.writes_left < 0:
            raise SystemExit
        self.largest = max(self.largest, len(item["body"]["B"]))


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.Session("access", "secret", region_name=REGION).client("dynamodb")
        client.create_table(
            TableName="hub",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield DynamoDb(client)


@pytest.fixture
def store(dynamodb):
    return InventoryStore(HubTable(dynamodb, "hub"))


def random_item(dice):
    """An item whose names and ids are as long and as random as EC2 allows."""

    def an_id(prefix):
        return f"{prefix}-{dice.getrandbits(68):017x}"

    rule = SecurityGroupRule(
        rule_id=an_id("sgr"),
        direction=Direction.INGRESS,
        traffic=Traffic("tcp", ports=PortRange(dice.randint(0, 65_535), 65_535)),
        peer=CidrPeer("0.0.0.0/0"),
    )
    path = (*map(an_id, ("igw", "rtb", "acl", "subnet", "eni")), "198.51.100.9")
    return OpenItem(
        kind=ResourceKind.RULES,
        severity=Severity.CRITICAL,
        group=Group(id=an_id("sg"), name="".join(dice.choices(NAMES, k=255)), vpc_id=an_id("vpc")),
        rule=rule,
        reachability=Reachability(verdict=Verdict.REACHABLE, path=path),
        since=dice.random() * 2e9,
    )


def large(count, at=1000.5):
    dice = random.Random(1)  # noqa: S311  no secret
    items = tuple(random_item(dice) for _ in range(count))
    suspects = {each.identity: at for each in items}
    return RegionInventory(
        account_id=ACCOUNT, region=REGION, at=at, items=items, unexplained=suspects, read_at={ResourceKind.RULES: at}
    )


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2500])
def test_an_inventory_comes_back_whole_and_no_row_is_too_large(store, dynamodb, count):
    inventory = large(count)
    assert store.update_region(ACCOUNT, REGION, lambda _: inventory) == inventory
    assert store.region(ACCOUNT, REGION) == inventory
    account = AccountInventory(account_id=ACCOUNT, at=1.0, regions=("eu-west-1", REGION))
    assert store.regions([account]) == [inventory]
    assert dynamodb.largest < MAX_ROW_BYTES


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_process_that_ends_between_two_rows_leaves_the_last_reading(store, dynamodb, writes):
    first, second = large(2500), large(2100, at=2000.5)
    store.update_region(ACCOUNT, REGION, lambda _: first)
    dynamodb.writes_left = writes
    with pytest.raises(SystemExit):
        store.update_region(ACCOUNT, REGION, lambda _: second)
    assert store.region(ACCOUNT, REGION) == first


def test_a_process_that_writes_in_between_is_taken_into_account(store):
    first, other = large(3), large(2, at=2000.5)
    store.update_region(ACCOUNT, REGION, lambda _: first)
    seen = []

    def change(last):
        if not seen:
            seen.append(last)
            store.update_region(ACCOUNT, REGION, lambda _: other)
        else:
            seen.append(last)
        return replace(last, calls=7)

    assert store.update_region(ACCOUNT, REGION, change) == replace(other, calls=7)
    assert seen == [first, other]


def test_a_region_of_which_a_row_is_gone_was_never_read(store, dynamodb):
    store.update_region(ACCOUNT, REGION, lambda _: large(1500))
    dynamodb.delete_item(TableName="hub", Key={"pk": {"S": f"inventory#{ACCOUNT}#{REGION}#1000.5#1"}})
    assert store.region(ACCOUNT, REGION) is None
