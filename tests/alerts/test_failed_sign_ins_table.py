"""Failed log-ins are counted by all runs of functions/alert together, each once, and never cost an alert."""

import itertools
import json
import logging
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.alerts.failed_sign_ins_table import TableFailedSignIns
from gatewatch.config.iam import SignInSeverity
from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decode import decode

START = datetime(2026, 1, 24, 3, 45, tzinfo=UTC)
POLICY = SignInSeverity()


@pytest.fixture
def table():
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        dynamodb.create_table(
            TableName="gatewatch-test",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield dynamodb


def run(dynamodb, **fields):
    """A run of functions/alert, with a memory of its own. Its time stands still: a slow machine is no slow table."""
    return TableFailedSignIns(
        dynamodb, "gatewatch-test", logging.getLogger("test"), **{"monotonic": lambda: 0.0, **fields}
    )


def failure(number, seconds=None, name="alice", address="198.51.100.7"):
    """The changes and the call of a failed log-in."""
    time = START + timedelta(seconds=number if seconds is None else seconds)
    record = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": name},
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "eventType": "AwsConsoleSignIn",
        "awsRegion": "us-east-1",
        "sourceIPAddress": address,
        "errorMessage": "Failed authentication",
        "requestParameters": None,
        "responseElements": {"ConsoleLogin": "Failure"},
        "eventID": f"event-{number}",
        "recipientAccountId": "111122223333",
    }
    (call,) = decode(json.loads(json.dumps(record)))
    return changes_of(call), call


def count(counter, *arguments, policy=POLICY, **fields):
    changes, call = failure(*arguments, **fields)
    (change,) = counter.counted(changes, call, policy)
    return change.facts.failures


def test_runs_that_know_nothing_of_each_other_count_together(table):
    assert [count(run(table), number) for number in range(7)] == [1, 2, 3, 4, 5, 6, 7]


def test_the_same_event_has_the_same_number_whenever_it_comes_again(table):
    first = [count(run(table), number) for number in range(6)]
    assert [count(run(table), number) for number in (3, 0, 5)] == [first[3], first[0], first[5]]
    assert count(run(table), 6) == 7


def test_many_names_from_one_address_count_and_so_does_one_name_from_many(table):
    assert [count(run(table), number, name=f"name-{number}") for number in range(3)] == [1, 2, 3]
    assert [count(run(table), 10 + number, address=f"192.0.2.{number}") for number in range(3)] == [1, 2, 3]


def test_what_is_far_apart_does_not_count_and_what_stands_across_two_stretches_does(table):
    """Stretches of ten minutes begin at 03:40, 03:50 …"""
    assert count(run(table), 1, 290) == 1
    assert count(run(table), 2, 310) == 2
    assert count(run(table), 3, 290 + 600) == 3
    assert count(run(table), 4, 311 + 600) == 2
    assert count(run(table), 5, 10_000) == 1


def test_other_accounts_count_for_themselves(table):
    changes, call = failure(1)
    run(table).counted(changes, call, POLICY)
    assert count(run(table), 2) == 2
    other = {"accountId": "444455556666"}
    record = call.record | {"recipientAccountId": "444455556666", "userIdentity": call.record["userIdentity"] | other}
    (there,) = decode(record)
    (change,) = run(table).counted(changes_of(there), there, POLICY)
    assert change.facts.failures == 1


def test_a_window_of_another_length_is_another_count(table):
    assert [count(run(table), each) for each in range(2)] == [1, 2]
    assert count(run(table), 2, policy=SignInSeverity(burst_minutes=1)) == 1


def test_very_many_attempts_are_counted_on_without_a_row_that_grows(table):
    numbers = [count(run(table), number, number // 10) for number in range(230)]
    assert numbers == list(range(1, 231))
    rows = table.scan(TableName="gatewatch-test")["Items"]
    assert {len(each["tries"]["L"]) for each in rows} == {200}
    assert all(int(each["expires"]["N"]) > 0 for each in rows)


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "a\ud800", "<!here>"])
def test_a_name_may_be_anything(table, name):
    assert [count(run(table), number, name=name, address=f"192.0.2.{number}") for number in range(2)] == [1, 2]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2)), max_size=30))
def test_every_fifth_is_the_fifth_for_one_event_however_often_and_wherever_they_come(deliveries):
    """Each delivery: which event, and which of three runs takes it."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        dynamodb.create_table(
            TableName="gatewatch-test",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        runs = [run(dynamodb) for _ in range(3)]
        told = [(event, count(runs[which], event)) for event, which in deliveries]
    order = list(dict.fromkeys(event for event, _ in deliveries))
    assert all(number == order.index(event) + 1 for event, number in told)


class Broken:
    """Fails at the requests that `faults` names by their number."""

    def __init__(self, dynamodb, *faults, error=None):
        self._dynamodb, self._faults, self.asked = dynamodb, faults, 0
        self._error = error or ReadTimeoutError(endpoint_url="https://dynamodb")

    def _step(self):
        self.asked += 1
        if self.asked in self._faults or not self._faults:
            raise self._error

    def update_item(self, **fields):
        self._step()
        return self._dynamodb.update_item(**fields)

    def get_item(self, **fields):
        self._step()
        return self._dynamodb.get_item(**fields)


@pytest.mark.parametrize("error", [None, ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem")])
def test_without_the_table_the_memory_of_the_run_counts_and_the_table_is_left_alone_for_a_while(table, error):
    broken, clock = Broken(table, error=error), [0.0]
    counter = run(broken, monotonic=lambda: clock[0])
    assert [count(counter, number) for number in range(5)] == [1, 2, 3, 4, 5]
    assert broken.asked == 1
    clock[0] = 31.0
    assert count(counter, 5) == 6
    assert broken.asked == 2


@pytest.mark.parametrize("fault", [1, 2, 3, 4])
def test_a_request_that_fails_somewhere_counts_nothing_twice(table, fault):
    clock = [0.0]
    counter = run(Broken(table, fault), monotonic=lambda: clock[0])
    assert count(counter, 0) == 1
    clock[0] = 31.0
    assert count(counter, 0) == 1
    assert count(run(table), 1) == 2


def test_a_row_of_another_form_is_as_good_as_none(table):
    run(table).counted(*failure(0), POLICY)
    for row in table.scan(TableName="gatewatch-test")["Items"]:
        table.put_item(TableName="gatewatch-test", Item={"pk": row["pk"], "tries": {"L": [{"S": "of old"}]}})
    assert count(run(table), 1) == 1


def test_a_slow_table_is_not_waited_for(table):
    seconds = itertools.count(step=0.6)
    assert count(run(table, monotonic=lambda: next(seconds)), 1) == 1
    assert next(seconds) < 5


def test_what_is_no_failed_log_in_asks_nothing(build):
    broken = Broken(None)
    (call,) = decode(build.authorize(build.item(v4=["0.0.0.0/0"])))
    changes = changes_of(call)
    assert run(broken).counted(changes, call, POLICY) == tuple(changes)
    assert broken.asked == 0
