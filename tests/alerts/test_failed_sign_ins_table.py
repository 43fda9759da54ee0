"""Failed sign-ins are counted over all execution environments, each once, and never fail an alert."""

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

from gatewatch.alerts.failed_sign_ins_table import DynamoSignInFailures
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.iam import SignInSeverity
from gatewatch.events.changes.registry import changes_of
from gatewatch.events.decoding import decode
from support.tables import create_table

START = datetime(2026, 1, 24, 3, 45, tzinfo=UTC)
POLICY = SignInSeverity()


@pytest.fixture
def table():
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(dynamodb, "gatewatch-test")
        yield dynamodb


def run(dynamodb, **fields):
    """One execution environment. Its clock does not move, so a slow machine is not taken for a slow table."""
    table = HubTable(dynamodb, "gatewatch-test")
    return DynamoSignInFailures(table, logging.getLogger("test"), **{"monotonic": lambda: 0.0, **fields})


def failure(number, seconds=None, name="alice", address="198.51.100.7"):
    """Return the changes and the call of a failed sign-in."""
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
    (change,) = counter.with_failure_counts(changes, call, policy)
    return change.facts.recent_failures


def test_separate_environments_count_together(table):
    assert [count(run(table), number) for number in range(7)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_repeated_event_gets_the_same_number(table):
    first = [count(run(table), number) for number in range(6)]
    assert [count(run(table), number) for number in (3, 0, 5)] == [first[3], first[0], first[5]]
    assert count(run(table), 6) == 7


def test_failures_are_counted_per_address_and_per_name(table):
    assert [count(run(table), number, name=f"name-{number}") for number in range(3)] == [1, 2, 3]
    assert [count(run(table), 10 + number, address=f"192.0.2.{number}") for number in range(3)] == [1, 2, 3]


def test_only_failures_within_the_window_count_also_across_two_rows(table):
    """Rows of ten minutes begin at 03:40, 03:50 …"""
    assert count(run(table), 1, 290) == 1
    assert count(run(table), 2, 310) == 2
    assert count(run(table), 3, 290 + 600) == 3
    assert count(run(table), 4, 311 + 600) == 2
    assert count(run(table), 5, 10_000) == 1


def counted(table, number, account="111122223333", **user):
    """The facts of a failed sign-in in an account, counted by a run of its own."""
    _, call = failure(number)
    identity = call.record["userIdentity"] | {"accountId": account} | user
    (made,) = decode(call.record | {"recipientAccountId": account, "userIdentity": identity})
    (change,) = run(table).with_failure_counts(changes_of(made), made, POLICY)
    return change.facts


def test_a_name_counts_for_its_account_and_an_address_over_all(table):
    accounts = ["111122223333", "444455556666", "999988887777"]
    assert [counted(table, number, each).recent_failures for number, each in enumerate(accounts)] == [1, 2, 3]
    _, call = failure(9, address="192.0.2.9")
    (other,) = decode(call.record | {"recipientAccountId": "444455556666"})
    (change,) = run(table).with_failure_counts(changes_of(other), other, POLICY)
    assert change.facts.recent_failures == 2, "of the name alice in this account"


def test_accounts_in_which_an_address_failed_as_root_are_counted_once_each(table):
    root = {"type": "Root", "userName": None}
    accounts = ["111122223333", "111122223333", "444455556666", "111122223333", "999988887777"]
    found = [counted(table, number, each, **root) for number, each in enumerate(accounts)]
    assert [each.root_accounts for each in found] == [1, 1, 2, 2, 3]
    assert counted(table, 2, "444455556666", **root).root_accounts == 2, "delivered again"
    assert counted(table, 20).root_accounts == 0


def test_a_changed_window_length_starts_a_new_count(table):
    assert [count(run(table), each) for each in range(2)] == [1, 2]
    assert count(run(table), 2, policy=SignInSeverity(burst_minutes=1)) == 1


@pytest.mark.slow
def test_attempts_beyond_the_limit_of_a_row_are_only_counted(table):
    numbers = [count(run(table), number, number // 10) for number in range(230)]
    assert numbers == list(range(1, 231))
    rows = table.scan(TableName="gatewatch-test")["Items"]
    assert {len(each["attempts"]["L"]) for each in rows} == {200}
    assert all(int(each["expires"]["N"]) > 0 for each in rows)


@pytest.mark.parametrize("name", ["x" * 5000, "a\nb", "a\ud800", "<!here>"])
def test_a_name_may_be_any_text(table, name):
    assert [count(run(table), number, name=name, address=f"192.0.2.{number}") for number in range(2)] == [1, 2]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2)), max_size=30))
def test_exactly_one_event_is_the_fifth_whatever_the_retries_and_environments(deliveries):
    """Each delivery is an event and one of three environments."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(dynamodb, "gatewatch-test")
        runs = [run(dynamodb) for _ in range(3)]
        numbers = [(event, count(runs[which], event)) for event, which in deliveries]
    order = list(dict.fromkeys(event for event, _ in deliveries))
    assert all(number == order.index(event) + 1 for event, number in numbers)


class FailingTable:
    """Fails at the requests with the numbers in `faults`."""

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
def test_without_the_table_the_process_counts_and_pauses_requests(table, error):
    broken, clock = FailingTable(table, error=error), [0.0]
    counter = run(broken, monotonic=lambda: clock[0])
    assert [count(counter, number) for number in range(5)] == [1, 2, 3, 4, 5]
    assert broken.asked == 1
    clock[0] = 31.0
    assert count(counter, 5) == 6
    assert broken.asked == 2


@pytest.mark.parametrize("fault", [1, 2, 3, 4])
def test_a_failing_request_counts_nothing_twice(table, fault):
    clock = [0.0]
    counter = run(FailingTable(table, fault), monotonic=lambda: clock[0])
    assert count(counter, 0) == 1
    clock[0] = 31.0
    assert count(counter, 0) == 1
    assert count(run(table), 1) == 2


def test_a_row_that_cannot_be_decoded_is_ignored(table):
    run(table).with_failure_counts(*failure(0), POLICY)
    for row in table.scan(TableName="gatewatch-test")["Items"]:
        table.put_item(TableName="gatewatch-test", Item={"pk": row["pk"], "attempts": {"L": [{"S": "of old"}]}})
    assert count(run(table), 1) == 1


def test_a_slow_table_is_not_awaited(table):
    seconds = itertools.count(step=0.6)
    assert count(run(table, monotonic=lambda: next(seconds)), 1) == 1
    assert next(seconds) < 5


def test_other_events_make_no_request(build):
    broken = FailingTable(None)
    (call,) = decode(build.authorize(build.item(v4=["0.0.0.0/0"])))
    changes = changes_of(call)
    assert run(broken).with_failure_counts(changes, call, POLICY) == tuple(changes)
    assert broken.asked == 0


def denied(number):
    """Return the changes and the call of a refused StopLogging."""
    _, call = failure(number)
    record = call.record | {
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "eventType": "AwsApiCall",
        "errorCode": "AccessDenied",
        "responseElements": None,
    }
    (call,) = decode(record)
    return changes_of(call), call


def test_denied_calls_on_trails_are_counted_over_all_execution_environments(table):
    environments = [run(table), run(table)]
    counts = []
    for number in range(4):
        ((change,), call) = denied(number)
        (counted,) = environments[number % 2].with_failure_counts([change], call, POLICY)
        counts.append(counted.facts.recent_denials)
    assert counts == [1, 2, 3, 4]
    assert count(run(table), 5) == 1, "a failed sign-in of the same name is counted on its own"
