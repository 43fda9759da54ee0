import pytest
from botocore.exceptions import ClientError

from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.errors import TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud


@pytest.fixture(scope="module")
def sqs():
    with Cloud() as cloud:
        yield cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")


@pytest.fixture(params=["", ".fifo"], ids=["events", "outbox"])
def queue(sqs, request):
    attributes = {"FifoQueue": "true"} if request.param else {}
    url = sqs.create_queue(QueueName=f"dlq{request.param}", Attributes=attributes)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def kept(sqs, url):
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [
        (each["Body"], {name: value["StringValue"] for name, value in each["MessageAttributes"].items()})
        for each in answer.get("Messages", [])
    ]


def test_a_message_is_stored_whole_with_the_reason_and_its_original_id(sqs, queue):
    DeadLetterQueue(sqs, queue).put('{"a": "한"}', "no_service", "id-1")
    assert kept(sqs, queue) == [('{"a": "한"}', {"reason": "no_service", "message_id": "id-1"})]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("", "unknown"), ("한", "\\ud55c"), ("a\nb\x00c", "a b\\ufffdc"), ("x" * 5000, "x" * 999 + "\\")],
)
def test_the_reason_is_a_valid_sqs_attribute(sqs, queue, reason, said):
    DeadLetterQueue(sqs, queue).put("body", reason, "id-2")
    ((_, attributes),) = kept(sqs, queue)
    assert attributes["reason"] == said


def test_each_dead_lettered_message_is_a_group_of_its_own(sqs, queue):
    for number in range(3):
        DeadLetterQueue(sqs, queue).put(f"body {number}", "reason", f"id-{number}")
    assert len(kept(sqs, queue)) == 3


def test_a_redriven_message_that_fails_again_is_stored_again(sqs, queue):
    dead_letters = DeadLetterQueue(sqs, queue)
    dead_letters.put("the same body", "reason", "first id")
    dead_letters.put("the same body", "reason", "the id of the second time")
    assert len(kept(sqs, queue)) == 2


def test_the_name_of_the_queue_is_the_end_of_its_url(sqs, queue):
    assert DeadLetterQueue(sqs, queue).name == queue.rpartition("/")[2]


def test_a_queue_that_refuses_a_message_is_a_transient_error():
    class Sqs:
        def send_message(self, **_arguments):
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "SendMessage")

    for url in ("https://sqs.example/dlq", "https://sqs.example/dlq.fifo"):
        with pytest.raises(TransientDeliveryError, match="the dead-letter queue cannot be written: ClientError"):
            DeadLetterQueue(Sqs(), url).put("body", "reason", "id")
