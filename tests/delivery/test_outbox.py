import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gatewatch.delivery.outbox import Outbox, deduplication_id, queued_message, read_message
from gatewatch.errors import TransientDeliveryError, UndecodableError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity


def message(number=1, destination="sec-all", body="{}", **fields):
    return Message(key=f"event#{destination}#{number}", destination=destination, body=body, **fields)


class Sqs:
    """Takes batches and remembers them; answers are given one by one, then all is well."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.batches = []

    def send_message_batch(self, *, QueueUrl, Entries):  # noqa: N803  the names are those of AWS
        assert QueueUrl == "url"
        self.batches.append(Entries)
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_message_survives_encoding_and_decoding():
    sqs = Sqs()
    sent = message(
        body='{"a":"한 \u2028 \x00 \uffff \ufffe \\\\"}', severity=Severity.HIGH, event_time=1.5, instead_of="x"
    )
    Outbox(sqs, "url").put([sent])
    ((entry,),) = sqs.batches
    assert read_message(entry["MessageBody"]) == sent


def test_a_body_has_no_character_that_sqs_refuses():
    sqs = Sqs()
    Outbox(sqs, "url").put([message(body=json.dumps({"text": "\uffff\ufffe\x01"}, ensure_ascii=False))])
    allowed = {0x9, 0xA, 0xD, *range(0x20, 0xD800), *range(0xE000, 0xFFFE)}
    assert set(map(ord, sqs.batches[0][0]["MessageBody"])) <= allowed


def test_the_destination_is_the_message_group_and_the_key_the_deduplication_id():
    sqs = Sqs()
    Outbox(sqs, "url").put([message(1), message(2, "oncall")])
    (entries,) = sqs.batches
    assert [entry["MessageGroupId"] for entry in entries] == ["sec-all", "oncall"]
    assert [entry["MessageDeduplicationId"] for entry in entries] == [
        deduplication_id("event#sec-all#1"),
        deduplication_id("event#oncall#2"),
    ]


@pytest.mark.parametrize("key", ["", "k" * 5000, "한 <!here> \x00", "e#d#1"])
def test_any_key_gives_a_valid_deduplication_id(key):
    assert len(deduplication_id(key)) <= 128
    assert deduplication_id(key).isalnum()


def test_batches_hold_at_most_ten_messages_and_stay_within_the_size_limit_in_order():
    sqs = Sqs()
    Outbox(sqs, "url").put([message(number, body="x" * (100_000 if number > 20 else 10)) for number in range(25)])
    assert [len(batch) for batch in sqs.batches] == [10, 10, 3, 2]
    keys = [read_message(entry["MessageBody"]).key for batch in sqs.batches for entry in batch]
    assert keys == [f"event#sec-all#{number}" for number in range(25)]


def test_no_messages_cause_no_request():
    sqs = Sqs()
    Outbox(sqs, "url").put([])
    assert sqs.batches == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "SendMessageBatch"), "the outbox cannot be written"),
        (EndpointConnectionError(endpoint_url="https://sqs.example"), "the outbox cannot be written"),
        ({"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}, "refused 1 messages: InternalError"),
    ],
)
def test_a_partly_refused_batch_is_a_transient_error(answer, reason):
    with pytest.raises(TransientDeliveryError, match=reason):
        Outbox(Sqs(answer), "url").put([message()])


@pytest.mark.parametrize("body", ["", "{}", "null", '{"key":1}', "no JSON", '{"key":"k","destination":"d"}'])
def test_a_body_that_is_no_message_cannot_be_decoded(body):
    with pytest.raises(UndecodableError, match="outbox: holds no message"):
        read_message(body)


def test_a_repeated_message_is_deduplicated_and_a_record_has_its_receive_count():
    with Cloud() as cloud:
        sqs = cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")
        url = sqs.create_queue(QueueName="outbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        for _ in range(2):
            Outbox(sqs, url).put([message(number) for number in range(12)])
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])["Messages"]
    first = got[0]
    record = {
        "messageId": first["MessageId"],
        "receiptHandle": first["ReceiptHandle"],
        "body": first["Body"],
        "attributes": first["Attributes"],
    }
    each = queued_message(record)
    assert len({one["MessageId"] for one in got}) == 10
    assert read_message(each.body) == message(0)
    assert (each.group, each.received) == ("sec-all", 1)
    assert each.first_received == pytest.approx(float(first["Attributes"]["SentTimestamp"]) / 1000, abs=60)
