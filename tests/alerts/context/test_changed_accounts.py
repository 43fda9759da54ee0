"""How many accounts callers of one name changed in the last hour: in memory, and in the hub's table."""

import logging

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatewatch.alerts.context.changed_accounts import MAX_ENTRIES, InMemoryChangedAccounts, account_change_of
from gatewatch.alerts.context.changed_accounts_table import DynamoChangedAccounts
from gatewatch.aws.hub_table import HubTable
from support.callers import call, person, session
from support.tables import create_table

TABLE, MINUTE = "gatewatch-test", 1 / 1440


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, TABLE)
        yield client


def in_table(dynamodb):
    return DynamoChangedAccounts(HubTable(dynamodb, TABLE), logging.getLogger("test"), monotonic=lambda: 0.0)


@pytest.fixture(params=["memory", "table"])
def accounts(request, dynamodb):
    return InMemoryChangedAccounts() if request.param == "memory" else in_table(dynamodb)


def account(number):
    return f"{number:012}"


def changed(accounts, number, minutes=0.0, who=person):
    change = account_change_of(call(who(account=account(number)), minutes * MINUTE, account(number)))
    return accounts.count(change)


def test_each_account_counts_once(accounts):
    assert [changed(accounts, number) for number in (1, 1, 2, 3, 2)] == [1, 1, 2, 3, 3]


def test_an_hour_later_it_starts_again_also_over_the_full_hour(accounts):
    assert [changed(accounts, number, 50 + number) for number in (1, 2)] == [1, 2]
    assert changed(accounts, 3, 70) == 3
    assert changed(accounts, 4, 150) == 1


def test_an_event_that_arrives_late_counts(accounts):
    changed(accounts, 1, 30)
    assert changed(accounts, 2, 20) == 2


def test_other_names_count_apart(accounts):
    changed(accounts, 1)
    assert changed(accounts, 2, who=lambda account: session("ci", "x", account)) == 1
    assert changed(accounts, 3, who=lambda account: session("ci", "y", account)) == 2


def test_a_row_is_bounded_and_has_no_names(dynamodb):
    accounts = in_table(dynamodb)
    changed(accounts, 0)
    (row,) = dynamodb.scan(TableName=TABLE)["Items"]
    slot = row["entries"]["SS"][0].split(" ")[0]
    row["entries"]["SS"] = [f"{slot} {account(number)}" for number in range(MAX_ENTRIES - 2)]
    dynamodb.put_item(TableName=TABLE, Item=row)
    counts = [changed(accounts, MAX_ENTRIES + number) for number in range(4)]
    assert counts == [MAX_ENTRIES - 1, MAX_ENTRIES, MAX_ENTRIES + 1, MAX_ENTRIES + 1]  # those listed, and this one
    (row,) = dynamodb.scan(TableName=TABLE)["Items"]
    assert len(row["entries"]["SS"]) == MAX_ENTRIES
    assert "alice" not in str(row["pk"])
    assert sum(map(len, row["entries"]["SS"])) + len(row["pk"]["S"]) < 5 * 1024


def test_memory_is_bounded():
    accounts = InMemoryChangedAccounts(limit=2)
    for number in range(5):
        changed(accounts, number, who=lambda account, name=f"u{number}": person(name, account=account))
    assert len(accounts._entries) == 2  # noqa: SLF001  what is kept has no other witness


class NoTable:
    def update_item(self, **_request):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


def test_a_table_that_does_not_answer_says_nothing(caplog):
    assert changed(in_table(NoTable()), 1) == 0
    assert "changed accounts not counted" in caplog.text
