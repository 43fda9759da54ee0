import pytest
from botocore.exceptions import ClientError

from gatewatch.delivery.dead_letter_queue import DeadLetters
from gatewatch.errors import TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud


@pytest.fixture(scope="module")
def sqs():
    with Cloud() as cloud:
        yield cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")


@pytest.fixture(params=["", ".fifo"], ids=["events", "outbox"])
def queue(sqs, request):
    attributes = {"FifoQueue": "true"} if request.param else {}
    url = sqs.create_queue(QueueName=f"dead{request.param}", Attributes=attributes)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def kept(sqs, url):
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return [
        (each["Body"], {name: value["StringValue"] for name, value in each["MessageAttributes"].items()})
        for each in answer.get("Messages", [])
    ]


def test_a_message_is_kept_whole_with_the_reason_and_the_id_it_died_under(sqs, queue):
    DeadLetters(sqs, queue).keep('{"a": "한"}', "no_service", "id-1")
    assert kept(sqs, queue) == [('{"a": "한"}', {"reason": "no_service", "message_id": "id-1"})]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("", "unknown"), ("한", "\\ud55c"), ("a\nb\x00c", "a b\\ufffdc"), ("x" * 5000, "x" * 999 + "\\")],
)
def test_a_reason_is_one_that_sqs_takes(sqs, queue, reason, said):
    DeadLetters(sqs, queue).keep("body", reason, "id-2")
    ((_, attributes),) = kept(sqs, queue)
    assert attributes["reason"] == said


def test_nobody_waits_behind_a_dead_one(sqs, queue):
    for number in range(3):
        DeadLetters(sqs, queue).keep(f"body {number}", "reason", f"id-{number}")
    assert len(kept(sqs, queue)) == 3


def test_one_that_was_sent_again_and_died_again_is_kept_again(sqs, queue):
    dead = DeadLetters(sqs, queue)
    dead.keep("the same body", "reason", "first id")
    dead.keep("the same body", "reason", "the id of the second time")
    assert len(kept(sqs, queue)) == 2


def test_the_queue_has_a_name_that_people_can_be_told(sqs, queue):
    assert DeadLetters(sqs, queue).queue == queue.rpartition("/")[2]


def test_a_queue_that_does_not_take_it_is_transient():
    class Sqs:
        def send_message(self, **_arguments):
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "SendMessage")

    for url in ("https://sqs.example/dead", "https://sqs.example/dead.fifo"):
        with pytest.raises(TransientDeliveryError, match="the dead-letter queue cannot be written: ClientError"):
            DeadLetters(Sqs(), url).keep("body", "reason", "id")
