"""Security groups of interfaces as the sweep read them."""

import hashlib

import boto3
import pytest
from moto import mock_aws

from gatewatch.alerts.interface_groups import InterfaceGroups, InterfaceGroupStore
from gatewatch.aws.hub_table import HubTable
from support.tables import create_table

ACCOUNT, REGION, ENI = "111122223333", "eu-west-1", "eni-0aaaaaaaaaaaaaaa1"


@pytest.fixture
def store():
    with mock_aws():
        client = boto3.client("dynamodb", REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield InterfaceGroupStore(HubTable(client, "t", lambda: 0.0))


def before(store, time, interface=ENI):
    return store.before(ACCOUNT, REGION, interface, time)


def test_the_groups_before_a_call_are_those_of_the_last_reading_before_it(store):
    for at, groups in ((10.0, "a"), (20.0, "a"), (30.0, "b"), (40.0, "b")):
        store.save(ACCOUNT, REGION, {ENI: (groups,)}, at)
    assert before(store, 50.0) == ("b",)
    assert before(store, 25.0) == ("a",)
    assert before(store, 40.0) == ("a",)  # the reading may have been after the call
    assert before(store, 20.0) == before(store, 5.0) == ()


def test_groups_that_were_set_twice_since_are_not_known(store):
    for at, groups in ((10.0, "a"), (20.0, "b"), (30.0, "c")):
        store.save(ACCOUNT, REGION, {ENI: (groups,)}, at)
    assert before(store, 15.0) == ()
    assert before(store, 25.0) == ("b",)


def test_an_interface_that_is_gone_or_unknown_has_no_groups(store):
    store.save(ACCOUNT, REGION, {ENI: ("a",), "eni-2": ("b",)}, 10.0)
    store.save(ACCOUNT, REGION, {}, 20.0)
    assert before(store, 30.0) == before(store, 30.0, "eni-3") == ()
    assert store.before(ACCOUNT, "us-east-1", ENI, 30.0) == ()


def hexadecimal(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:17]


def test_the_interfaces_of_a_large_region_fit_the_rows(store):
    names = [f"eni-{hexadecimal(number)}" for number in range(40_000)]
    for at in (1_800_000_000.5, 1_800_086_400.5):
        store.save(ACCOUNT, REGION, {each: (f"sg-{hexadecimal(each, at)}",) for each in names}, at)
    assert before(store, 1_800_050_000.0, names[0]) == (f"sg-{hexadecimal(names[0], 1_800_000_000.5)}",)


def test_a_reading_without_a_change_keeps_the_earlier_groups():
    again = InterfaceGroups(("b",), 2.0, ("a",), 1.0).read_again(("b",), 3.0)
    assert (again.at, again.earlier, again.earlier_at) == (3.0, ("a",), 1.0)
