"""Stored state of alerts: conditional writes, and people who act at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto import mock_aws

from gatewatch.actions.performing import perform
from gatewatch.actions.state_machine import Refusal, Transition
from gatewatch.aws.hub_table import HubTable, HubTableError
from gatewatch.delivery.action_store import ActionStore, PostedMessage, alert_id
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.alert_actions import NO_ACTIONS, ActionEvent, ActionStatus, Person
from support.actions import ALICE, BOB, NOW, SETTINGS, SUBJECT, AtomicDynamoDB, asks
from support.tables import create_table

ID = alert_id("event#sec-app")


@pytest.fixture
def dynamodb():
    with mock_aws():
        client = boto3.client("dynamodb", "eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        create_table(client, "t")
        yield AtomicDynamoDB(client)


@pytest.fixture
def store(dynamodb):
    return ActionStore(HubTable(dynamodb, "t", lambda: NOW))


def test_a_state_is_written_on_the_condition_of_the_version_that_was_read(store):
    assert store.load(ID) == (before := store.load(ID))
    assert before.actions == NO_ACTIONS
    acknowledged = perform(store, ID, asks(ActionEvent.ACKNOWLEDGE), SUBJECT, SETTINGS).actions
    assert store.load(ID).actions == acknowledged
    assert not store.save(ID, before.version, NO_ACTIONS)
    assert store.load(ID).actions == acknowledged


def test_fifty_people_who_click_at_once_have_one_effect(store):
    people = [Person(f"U0{number}", identities=(f"user-{number}",)) for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        results = list(
            pool.map(
                lambda person: perform(store, ID, asks(ActionEvent.ACKNOWLEDGE, person), SUBJECT, SETTINGS), people
            )
        )
    assert sum(isinstance(each, Transition) for each in results) == 1
    assert {each.reason for each in results if isinstance(each, Refusal)} == {"not_acknowledged"}
    assert len(store.load(ID).actions.audit) == 1


def test_fifty_approvals_at_once_execute_a_revert_once(store):
    perform(store, ID, asks(ActionEvent.PROPOSE_REVERT, ALICE), SUBJECT, SETTINGS)
    with ThreadPoolExecutor(50) as pool:
        results = list(
            pool.map(lambda _: perform(store, ID, asks(ActionEvent.APPROVE_REVERT, BOB), SUBJECT, SETTINGS), range(50))
        )
    assert sum(isinstance(each, Transition) for each in results) == 1
    assert store.load(ID).actions.status is ActionStatus.REVERT_APPROVED


class Contended(ActionStore):
    """Somebody else writes before every write."""

    def save(self, alert, version, actions):
        super().save(alert, version, NO_ACTIONS)
        return super().save(alert, version, actions)


def test_a_request_is_retried_later_while_others_keep_writing(dynamodb):
    store = Contended(HubTable(dynamodb, "t", lambda: NOW))
    with pytest.raises(TransientDeliveryError):
        perform(store, ID, asks(ActionEvent.ACKNOWLEDGE), SUBJECT, SETTINGS)


def test_an_alert_has_one_message_at_each_destination(store):
    first, second = PostedMessage("a", "k#a", "C1", "1.1"), PostedMessage("b", "k#b", "C2", "2.2")
    assert store.messages(ID, ["a", "b"]) == ()
    for message in (second, first, second):
        store.record_message_later(ID, message)
    assert store.messages(ID, ["a", "b", "c"]) == (first, second)
    assert store.messages(alert_id("another"), ["a", "b"]) == ()


def test_a_row_that_cannot_be_decoded_is_an_error_and_not_an_open_alert(store, dynamodb):
    dynamodb.put_item(TableName="t", Item={"pk": {"S": f"action#{ID}"}, "version": {"N": "1"}, "body": {"S": "{"}})
    with pytest.raises(HubTableError, match="cannot be decoded"):
        store.load(ID)


def test_the_id_of_an_alert_says_nothing_about_it():
    assert alert_id("event#sec-app") != alert_id("event#sec-all")
    assert len(alert_id("\ud800")) == 32
