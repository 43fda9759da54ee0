import random

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gatewatch.delivery.outbox import Outbox, deduplication_id, message_group, queued_message
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.model.severity import Severity
from support.threads import alert


def message(number=1, destination="sec-all", **facts):
    return alert(f"event-{number}", destination=destination, **facts)


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


def test_the_destination_is_the_message_group_and_the_key_the_deduplication_id():
    sqs = Sqs()
    Outbox(sqs, "url").put([message(1), message(2, "oncall")])
    (entries,) = sqs.batches
    assert [entry["MessageGroupId"] for entry in entries] == ["sec-all", "oncall"]
    assert [entry["MessageDeduplicationId"] for entry in entries] == [
        deduplication_id("event-1#sec-all"),
        deduplication_id("event-2#oncall"),
    ]


def test_critical_messages_have_a_group_of_their_own_at_each_destination():
    severities = [Severity.CRITICAL, Severity.HIGH, Severity.CRITICAL, Severity.INFO]
    names = ["sec-all", "sec-all", "oncall", "sec-all"]
    messages = [alert("1", each, destination=name) for each, name in zip(severities, names, strict=True)]
    assert [message_group(each) for each in messages] == ["sec-all#critical", "sec-all", "oncall#critical", "sec-all"]


@pytest.mark.parametrize("key", ["", "k" * 5000, "한 <!here> \x00", "e#d#1"])
def test_any_key_gives_a_valid_deduplication_id(key):
    assert len(deduplication_id(key)) <= 128
    assert deduplication_id(key).isalnum()


def test_batches_hold_at_most_ten_messages_and_stay_within_the_size_limit_in_order():
    noise = random.Random(1)  # noqa: S311  text that does not compress
    texts = [noise.randbytes(60_000).hex() if number > 20 else "" for number in range(25)]
    sent = [message(number, caller=f"c{text}") for number, text in enumerate(texts)]
    sqs = Sqs()
    Outbox(sqs, "url").put(sent)
    assert [len(batch) for batch in sqs.batches] == [10, 10, 3, 2]
    assert [decode_message(entry["MessageBody"]) for batch in sqs.batches for entry in batch] == sent


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
    assert decode_message(each.body) == message(0)
    assert (each.group, each.received) == ("sec-all", 1)
    assert each.first_received == pytest.approx(float(first["Attributes"]["SentTimestamp"]) / 1000, abs=60)
