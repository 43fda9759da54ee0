"""Security groups of resources as the sweep read them."""

import hashlib

import boto3
import pytest
from moto import mock_aws

from gatewatch.alerts.attached_groups import Attachable, AttachedGroups, AttachedGroupStore, database_groups
from gatewatch.aws.hub_table import HubTable
from support.tables import create_table

ACCOUNT, REGION, ENI = "111122223333", "eu-west-1", "eni-0aaaaaaaaaaaaaaa1"
INTERFACE = Attachable.INTERFACE


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield client


@pytest.fixture
def store(dynamodb):
    return AttachedGroupStore(HubTable(dynamodb, "t", lambda: 0.0))


def before(store, time, interface=ENI):
    return store.before(ACCOUNT, REGION, INTERFACE, interface, time)


def test_the_groups_before_a_call_are_those_of_the_last_reading_before_it(store):
    for at, groups in ((10.0, "a"), (20.0, "a"), (30.0, "b"), (40.0, "b")):
        store.save(ACCOUNT, REGION, {INTERFACE: {ENI: (groups,)}}, at)
    assert before(store, 50.0) == ("b",)
    assert before(store, 25.0) == ("a",)
    assert before(store, 40.0) == ("a",)  # the reading may have been after the call
    assert before(store, 20.0) == before(store, 5.0) == ()


def test_groups_that_were_set_twice_since_are_not_known(store):
    for at, groups in ((10.0, "a"), (20.0, "b"), (30.0, "c")):
        store.save(ACCOUNT, REGION, {INTERFACE: {ENI: (groups,)}}, at)
    assert before(store, 15.0) == ()
    assert before(store, 25.0) == ("b",)


def test_an_interface_that_is_gone_or_unknown_has_no_groups(store):
    store.save(ACCOUNT, REGION, {INTERFACE: {ENI: ("a",), "eni-2": ("b",)}}, 10.0)
    store.save(ACCOUNT, REGION, {INTERFACE: {}}, 20.0)
    assert before(store, 30.0) == before(store, 30.0, "eni-3") == ()
    assert store.before(ACCOUNT, "us-east-1", INTERFACE, ENI, 30.0) == ()


def test_the_rows_of_all_kinds_are_read_and_written_together(dynamodb, store):
    requests = []
    dynamodb.meta.events.register("before-call", lambda model, **_: requests.append(model.name))
    nothing = {kind: {} for kind in Attachable}
    store.save(ACCOUNT, REGION, nothing, 10.0)
    store.save(ACCOUNT, REGION, nothing | {INTERFACE: {ENI: ("a",)}, Attachable.DATABASE: {"orders": ("b",)}}, 20.0)
    assert requests == ["BatchGetItem", "BatchGetItem", "BatchWriteItem"]


def test_a_row_without_resources_is_deleted(dynamodb, store):
    for at, read in ((10.0, {ENI: ("a",)}), (20.0, {})):
        store.save(ACCOUNT, REGION, {INTERFACE: read}, at)
    assert dynamodb.scan(TableName="t")["Items"] == []


def hexadecimal(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:17]


def test_the_interfaces_of_a_large_region_fit_the_rows(store):
    names = [f"eni-{hexadecimal(number)}" for number in range(40_000)]
    for at in (1_800_000_000.5, 1_800_086_400.5):
        store.save(ACCOUNT, REGION, {INTERFACE: {each: (f"sg-{hexadecimal(each, at)}",) for each in names}}, at)
    assert before(store, 1_800_050_000.0, names[0]) == (f"sg-{hexadecimal(names[0], 1_800_000_000.5)}",)


def test_a_reading_without_a_change_keeps_the_earlier_groups():
    again = AttachedGroups(("b",), 2.0, ("a",), 1.0).read_again(("b",), 3.0)
    assert (again.at, again.earlier, again.earlier_at) == (3.0, ("a",), 1.0)


def test_kinds_of_resources_are_kept_apart(store):
    store.save(ACCOUNT, REGION, {Attachable.DATABASE: {"orders": ("a",)}}, 10.0)
    store.save(ACCOUNT, REGION, {Attachable.DATABASE_CLUSTER: {"orders": ("b",)}}, 10.0)
    store.save(ACCOUNT, REGION, {Attachable.DATABASE: {}}, 20.0)
    assert store.before(ACCOUNT, REGION, Attachable.DATABASE, "orders", 30.0) == ()
    assert store.before(ACCOUNT, REGION, Attachable.DATABASE_CLUSTER, "orders", 30.0) == ("b",)


def test_a_group_that_amazon_rds_is_removing_does_not_count():
    found = [{"VpcSecurityGroupId": "sg-2", "Status": "adding"}, {"VpcSecurityGroupId": "sg-1", "Status": "removing"}]
    assert database_groups({"VpcSecurityGroups": found}) == ("sg-2",)


def test_a_reading_long_before_the_call_says_nothing_about_it(store):
    day = 24 * 3600.0
    store.save(ACCOUNT, REGION, {INTERFACE: {ENI: ("a",)}}, day)
    store.save(ACCOUNT, REGION, {INTERFACE: {ENI: ("b",)}}, 9 * day)
    assert before(store, 4 * day) == ("a",)
    assert before(store, 4 * day + 1) == before(store, 9 * day) == ()
    assert before(store, 12 * day) == ("b",)
    assert before(store, 12 * day + 1) == ()
