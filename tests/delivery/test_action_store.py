"""Which alerts were posted lately."""

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.action_store import ActionStore, PostedMessage, alert_id
from support.tables import create_table

DAY, NOW = 24 * 3600, 1_800_000_000.0


class Clock:
    now = NOW


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield client


@pytest.fixture
def store(dynamodb):
    return ActionStore(HubTable(dynamodb, "t", lambda: Clock.now))


def posted(store, key, at, destination="one"):
    Clock.now = at
    store.record_message_later(alert_id(key), PostedMessage(destination, key, "C1", "1.1"))
    Clock.now = NOW
    return alert_id(key)


def test_the_latest_alerts_are_listed_the_newest_first_and_each_once(store):
    first = posted(store, "a", NOW - 3 * DAY)
    second = posted(store, "b", NOW - 60)
    posted(store, "a", NOW - 30, "another destination")
    posted(store, "old", NOW - 8 * DAY)
    assert store.latest(7) == (second, first)


def test_a_list_reads_a_bounded_number_of_rows_however_many_alerts_there_are(store, dynamodb):
    for number in range(300):
        posted(store, str(number), NOW - number * 60)
    requests = []
    dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: requests.append(model.name))
    assert len(store.latest(7)) == 300
    assert requests == ["BatchGetItem"]


def test_an_alert_that_cannot_be_listed_is_recorded_all_the_same(store, dynamodb):
    def refuse(model, **_):
        if model.name == "UpdateItem":
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    dynamodb.meta.events.register("before-call.dynamodb", refuse)
    alert = posted(store, "a", NOW)
    assert len(store.messages(alert, ["one"])) == 1
    assert store.latest(7) == ()
