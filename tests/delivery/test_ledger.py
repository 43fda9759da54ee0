import pytest
from botocore.exceptions import ClientError

from gatewatch.delivery.ledger import Entry, Ledger, State
from gatewatch.errors import TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud

NOW = 1_769_212_800
TABLE = "gatewatch-prod"
YES = Entry(State.DELIVERED, "ok")


@pytest.fixture(scope="module")
def dynamodb():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield client


class Throttled:
    """A table behind which every n-th call of a kind fails."""

    def __init__(self, dynamodb, **failures):
        self.dynamodb, self.failures = dynamodb, failures

    def __getattr__(self, call):
        if self.failures.get(call, 0) > 0:
            self.failures[call] -= 1
            return self._fail
        return getattr(self.dynamodb, call)

    def _fail(self, **_arguments):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem")


def ledger(dynamodb):
    return Ledger(dynamodb, TABLE, lambda: NOW)


@pytest.mark.parametrize("key", ["event#sec-all#1", "한 \x00 <!here>", "k" * 1000, "한" * 5000])
def test_what_was_written_is_found_and_nothing_else(dynamodb, key):
    assert ledger(dynamodb).look(key) is None
    ledger(dynamodb).write(key, YES)
    assert ledger(dynamodb).look(key) == YES
    assert ledger(dynamodb).look(f"{key}#instead") is None


def test_a_row_outlives_every_retry_and_replay_and_then_goes(dynamodb):
    ledger(dynamodb).write("row", YES)
    row = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "delivered#row"}})["Item"]
    assert int(row["expires"]["N"]) - NOW == 90 * 24 * 3600
    assert row["at"]["N"] == str(NOW)


def test_a_giving_up_is_known_with_its_reason(dynamodb):
    ledger(dynamodb).write("dying", Entry(State.GIVING_UP, "no_service"))
    assert ledger(dynamodb).look("dying") == Entry(State.GIVING_UP, "no_service")


@pytest.mark.parametrize("call", ["get_item", "put_item", "delete_item"])
def test_a_table_that_does_not_answer_is_transient(dynamodb, call):
    throttled = ledger(Throttled(dynamodb, **{call: 9}))
    steps = {
        "get_item": lambda: throttled.look("k"),
        "put_item": lambda: throttled.write("k", YES),
        "delete_item": lambda: throttled.revive("k"),
    }
    with pytest.raises(TransientDeliveryError, match="the ledger cannot be"):
        steps[call]()


def test_a_row_that_could_not_be_written_after_a_yes_is_owed_and_comes_before_anything_else(dynamodb):
    owing = ledger(Throttled(dynamodb, put_item=2))
    owing.owe("owed", YES)
    with pytest.raises(TransientDeliveryError, match="the ledger cannot be written"):
        owing.look("another")
    assert ledger(dynamodb).look("owed") is None
    assert owing.look("owed") == YES
    assert ledger(dynamodb).look("owed") == YES


@pytest.mark.parametrize(("state", "left"), [(State.DEAD, False), (State.DELIVERED, True), (State.GIVING_UP, True)])
def test_only_the_dead_are_revived(dynamodb, state, left):
    key = f"revived {state}"
    ledger(dynamodb).write(key, Entry(state, "reason"))
    ledger(dynamodb).revive(key)
    assert (ledger(dynamodb).look(key) is not None) is left


def test_who_has_no_row_needs_no_revival(dynamodb):
    ledger(dynamodb).revive("never seen")
    assert ledger(dynamodb).look("never seen") is None
