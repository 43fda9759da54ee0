import pytest
from botocore.exceptions import ClientError

from gatewatch.aws.hub_table import HubTable
from gatewatch.delivery.ledger import NOT_POSTED, DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.errors import TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from support.tables import create_table

NOW = 1_769_212_800
TABLE = "gatewatch-prod"
YES = LedgerEntry(DeliveryState.DELIVERED, "ok")


@pytest.fixture(scope="module")
def dynamodb():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb")
        create_table(client, TABLE)
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
    return Ledger(HubTable(dynamodb, TABLE, lambda: NOW))


@pytest.mark.parametrize("key", ["event#sec-all#1", "한 \x00 <!here>", "k" * 1000, "한" * 5000])
def test_a_written_row_is_found_and_no_other(dynamodb, key):
    assert ledger(dynamodb).get(key) == NOT_POSTED
    ledger(dynamodb).write(key, YES)
    assert ledger(dynamodb).get(key) == YES
    assert ledger(dynamodb).get(f"{key}#2") == NOT_POSTED


def test_a_row_expires_after_ninety_days(dynamodb):
    ledger(dynamodb).write("row", YES)
    row = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "delivered#row"}})["Item"]
    assert int(row["expires"]["N"]) - NOW == 90 * 24 * 3600


def test_giving_up_is_stored_with_its_reason(dynamodb):
    ledger(dynamodb).write("dying", LedgerEntry(DeliveryState.GIVING_UP, "no_service"))
    assert ledger(dynamodb).get("dying") == LedgerEntry(DeliveryState.GIVING_UP, "no_service")


def test_the_cut_of_a_message_is_stored_with_its_first_part(dynamodb):
    started = LedgerEntry(DeliveryState.STARTED, cut=(12, 25, 31))
    ledger(dynamodb).write("cut#1", started)
    assert ledger(dynamodb).get("cut#1") == started


@pytest.mark.parametrize("call", ["get_item", "put_item", "delete_item"])
def test_a_table_that_does_not_answer_is_a_transient_error(dynamodb, call):
    ledger(dynamodb).write("k#1", LedgerEntry(DeliveryState.DEAD_LETTERED))
    throttled = ledger(Throttled(dynamodb, **{call: 9}))
    steps = {
        "get_item": lambda: throttled.get("k"),
        "put_item": lambda: throttled.write("k", YES),
        "delete_item": lambda: throttled.reset_dead_lettered("k"),
    }
    with pytest.raises(TransientDeliveryError, match="the ledger cannot be"):
        steps[call]()


def test_a_row_that_could_not_be_written_after_a_delivery_is_written_before_the_next_read(dynamodb):
    pending = ledger(Throttled(dynamodb, put_item=2))
    pending.write_later("pending", YES)
    with pytest.raises(TransientDeliveryError, match="the ledger cannot be written"):
        pending.get("another")
    assert ledger(dynamodb).get("pending") == NOT_POSTED
    assert pending.get("pending") == YES
    assert ledger(dynamodb).get("pending") == YES


@pytest.mark.parametrize(
    ("state", "left"),
    [(DeliveryState.DEAD_LETTERED, False), (DeliveryState.DELIVERED, True), (DeliveryState.GIVING_UP, True)],
)
def test_only_rows_of_dead_lettered_messages_are_deleted(dynamodb, state, left):
    for part in (1, 5):
        key = f"redriven {state}"
        ledger(dynamodb).write(part_key(key, part), LedgerEntry(state, "reason"))
        ledger(dynamodb).reset_dead_lettered(key)
        assert (ledger(dynamodb).get(part_key(key, part)) != NOT_POSTED) is left


def test_resetting_a_message_without_a_row_does_nothing(dynamodb):
    ledger(dynamodb).reset_dead_lettered("never seen")
    assert ledger(dynamodb).get("never seen") == NOT_POSTED
