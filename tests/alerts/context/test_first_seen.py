"""Which calls are new for their caller: in memory, and in the hub's table over all execution environments."""

import itertools
import logging

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatewatch.alerts.context.first_seen import InMemoryFirstSeen, Sighting, is_new, sighting_of
from gatewatch.alerts.context.first_seen_table import DynamoFirstSeen
from gatewatch.aws.hub_table import HubTable
from support.builders import OTHER_ACCOUNT, revoke
from support.callers import START, call, person, session
from support.tables import create_table

LEARNED = 20  # days: past the fourteen of an account
TABLE = "gatewatch-test"


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, TABLE)
        yield client


class ManyEnvironments:
    """Each call is handled by another execution environment, which remembers nothing itself."""

    def __init__(self, dynamodb):
        self._dynamodb = dynamodb

    def seen(self, sighting):
        table = HubTable(self._dynamodb, TABLE, now=lambda: sighting.at)
        return DynamoFirstSeen(table, logging.getLogger("test"), monotonic=lambda: 0.0).seen(sighting)


class OneEnvironment:
    def __init__(self, dynamodb):
        table = HubTable(dynamodb, TABLE)
        self._found = DynamoFirstSeen(table, logging.getLogger("test"), monotonic=lambda: 0.0)

    def seen(self, sighting):
        return self._found.seen(sighting)


@pytest.fixture(params=["memory", "many environments", "one environment"])
def memory(request, dynamodb):
    if request.param == "memory":
        return InMemoryFirstSeen()
    return ManyEnvironments(dynamodb) if request.param == "many environments" else OneEnvironment(dynamodb)


def new(memory, *arguments, **fields):
    sighting = sighting_of(call(*arguments, **fields))
    return is_new(memory.seen(sighting), sighting.at)


def learned(memory):
    """The account has been seen for long, by somebody else."""
    new(memory, person("bob@example.com"))
    return memory


def test_nothing_is_new_in_the_first_fourteen_days_of_an_account(memory):
    assert [new(memory, person(f"user-{day}"), day) for day in (0, 1, 13.9)] == [False, False, False]
    assert new(memory, person("late"), 14)
    assert not new(memory, days=14.1, account=OTHER_ACCOUNT)


def test_what_was_first_seen_while_learning_stays_quiet_afterwards(memory):
    learned(memory)
    assert not new(memory, days=13.9)
    assert not new(memory, days=14.2)


def test_a_call_is_new_for_a_day_and_then_no_more(memory):
    learned(memory)
    assert [new(memory, days=LEARNED + each) for each in (0, 0.5, 0.99, 1.01, 2, 80, 160)] == [True] * 3 + [False] * 4


def test_an_event_that_is_delivered_again_gets_the_same_answer(memory):
    learned(memory)
    assert [new(memory, days=LEARNED) for _ in range(3)] == [True] * 3
    assert not new(memory, days=LEARNED + 5)
    assert not new(memory, days=LEARNED + 5)


def test_an_event_that_arrives_late_is_new_as_well(memory):
    learned(memory)
    assert new(memory, days=LEARNED + 0.1)
    assert new(memory, days=LEARNED)


def test_another_call_another_account_and_another_person_are_new(memory):
    learned(memory)
    new(memory, days=0, account=OTHER_ACCOUNT, identity=person("bob@example.com", account=OTHER_ACCOUNT))
    assert new(memory, days=LEARNED)
    assert not new(memory, days=LEARNED + 2)
    assert new(memory, days=LEARNED + 2, build=revoke)
    assert new(memory, days=LEARNED + 2, account=OTHER_ACCOUNT)
    assert new(memory, person("carol@example.com"), LEARNED + 2)


def test_a_caller_is_forgotten_after_ninety_days_also_before_dynamodb_deletes_the_row(memory):
    learned(memory)
    new(memory, days=LEARNED)
    assert not new(memory, days=LEARNED + 89)
    assert not new(memory, days=LEARNED + 89 + 89)
    assert new(memory, days=LEARNED + 89 + 89 + 91)


def test_session_names_of_machines_are_not_new_callers(memory):
    learned(memory)
    assert new(memory, session("ci", "i-0123456789abcdef0"), LEARNED)
    assert not any(new(memory, session("ci", f"i-{number:017x}"), LEARNED + 2) for number in range(20))


def test_a_chosen_session_name_does_not_hide_behind_a_known_person(memory):
    learned(memory)
    new(memory, person("alice@example.com"), days=LEARNED - 5)
    assert new(memory, session("other-role", "alice@example.com"), LEARNED)


def test_a_flood_of_session_names_leaves_two_rows(dynamodb):
    memory = ManyEnvironments(dynamodb)
    for number in range(30):
        new(memory, session("ci", "x" * number + "1"), LEARNED)
    rows = dynamodb.scan(TableName=TABLE)["Items"]
    assert sorted(row["pk"]["S"].split("#")[0] for row in rows) == ["first-call", "first-call-since"]
    assert all(len(row["pk"]["S"]) < 100 and len(str(row)) < 400 for row in rows)


def test_a_row_has_no_names_and_expires_ninety_days_after_the_last_call(dynamodb):
    new(ManyEnvironments(dynamodb), days=0)
    (row,) = [each for each in dynamodb.scan(TableName=TABLE)["Items"] if each["pk"]["S"].startswith("first-call#")]
    assert "alice" not in str(row)
    assert int(row["expires"]["N"]) == int(START.timestamp()) + 90 * 86400


class CountingWrites:
    def __init__(self, dynamodb):
        self._dynamodb, self.requests = dynamodb, []

    def update_item(self, **request):
        self.requests.append(request["Key"]["pk"]["S"].split("#")[0])
        return self._dynamodb.update_item(**request)


def test_an_environment_asks_once_a_day_for_a_caller_and_once_for_an_account(dynamodb):
    counting = CountingWrites(dynamodb)
    memory = OneEnvironment(counting)
    for hours in range(72):
        new(memory, days=hours / 24)
    assert counting.requests == ["first-call-since", "first-call", "first-call", "first-call"]


def test_two_environments_at_once_agree_on_the_first_time(dynamodb):
    memory = learned(ManyEnvironments(dynamodb))
    times = [LEARNED, LEARNED + 0.001]
    assert all(new(memory, days=each) for order in itertools.permutations(times) for each in order)


class NoTable:
    def update_item(self, **_request):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem")


def test_a_table_that_does_not_answer_says_nothing(caplog):
    assert OneEnvironment(NoTable()).seen(Sighting("111122223333", "ab", 0.0)) is None
    assert "first calls not read" in caplog.text


def test_memory_is_bounded():
    memory = InMemoryFirstSeen(limit=3)
    for number in range(10):
        new(memory, person(f"user-{number}"))
    assert len(memory.all()) == 3


def test_a_caller_without_a_name_or_a_call_without_a_time_is_not_remembered():
    assert sighting_of(call({"type": "AWSAccount", "accountId": OTHER_ACCOUNT})) is None
    assert sighting_of(call(eventTime="never")) is None
