from __future__ import annotations

import logging
import os
import threading
import uuid

import pytest

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import Source, Worker, lambda_environment, message_count, serve_once


@pytest.fixture(scope="module")
def sqs():
    with Cloud() as cloud:
        yield cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")


@pytest.fixture
def queue(sqs):
    """Makes a source over a new queue."""

    def make(handler, suffix="", **attributes):
        name = f"{uuid.uuid4()}{suffix}"
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return Source("alert", handler, sqs, url, arn)

    return make


FIFO = {"FifoQueue": "true", "VisibilityTimeout": "1"}


class Function:
    """Remembers its batches and answers what it was told to, one answer a batch, then that all went well."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.batches = []
        self.contexts = []

    def __call__(self, event, context):
        self.batches.append(event["Records"])
        self.contexts.append(context)
        answer = self.answers.pop(0) if self.answers else {"batchItemFailures": []}
        return answer(event) if callable(answer) else answer

    @property
    def bodies(self):
        return [[record["body"] for record in batch] for batch in self.batches]


def fail(*bodies):
    """The answer that reports the messages with these bodies."""
    return lambda event: {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] in bodies
        ]
    }


def break_down(_event):
    raise ZeroDivisionError("a fault of the function")


def send(source, *bodies, group=None):
    for body in bodies:
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}-{body}"} if group else {}
        source.sqs.send_message(QueueUrl=source.queue_url, MessageBody=body, **fifo)


def test_a_function_gets_the_event_that_lambda_would_give_it(queue):
    function = Function()
    source = queue(function)
    source.sqs.send_message(
        QueueUrl=source.queue_url,
        MessageBody="hello",
        MessageAttributes={"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}},
    )
    serve_once(source)
    ((record,),) = function.batches
    assert record["body"] == "hello"
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == source.queue_arn
    assert record["awsRegion"] == HUB_REGION
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()
    assert record["messageAttributes"]["ERROR_CODE"]["stringValue"] == "NO_PERMISSIONS"
    assert record["messageId"]
    assert record["receiptHandle"]


def test_a_function_of_a_fifo_queue_is_told_group_and_deduplication_id(queue):
    function = Function()
    source = queue(function, ".fifo", **FIFO)
    send(source, "a", group="sec-prod")
    serve_once(source)
    ((record,),) = function.batches
    assert record["attributes"]["MessageGroupId"] == "sec-prod"
    assert record["attributes"]["MessageDeduplicationId"] == "sec-prod-a"
    assert record["attributes"]["SequenceNumber"]


def test_a_function_finds_what_it_expects_in_its_context(queue):
    function = Function()
    source = queue(function)
    send(source, "a")
    serve_once(source)
    (context,) = function.contexts
    assert context.function_name == "alert"
    assert context.invoked_function_arn == f"arn:aws:lambda:{HUB_REGION}:{HUB_ACCOUNT}:function:alert"
    assert context.log_group_name == "/aws/lambda/alert"
    assert 0 < context.get_remaining_time_in_millis() <= 60_000
    assert context.aws_request_id
    assert context.memory_limit_in_mb
    assert context.function_version == "$LATEST"
    assert context.log_stream_name


def test_a_batch_holds_ten_messages_at_most(queue):
    function = Function()
    source = queue(function)
    send(source, *"abcdefghijkl")
    assert Worker(source).drain() == 2
    assert [len(batch) for batch in function.batches] == [10, 2]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_answer_without_failures_deletes_the_batch(queue, answer):
    function = Function(lambda _event: answer)
    source = queue(function)
    send(source, "a", "b")
    serve_once(source)
    assert message_count(source) == 0


def test_only_what_a_function_reports_comes_again(queue):
    function = Function(fail("b"))
    source = queue(function, VisibilityTimeout="0")
    send(source, "a", "b", "c")
    Worker(source).drain()
    assert function.bodies == [["a", "b", "c"], ["b"]]
    assert function.batches[1][0]["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize(
    "answer",
    [
        break_down,
        {"batchItemFailures": [{"itemIdentifier": "no-such-message"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"messageId": "the wrong key"}]},
        ["no object"],
    ],
    ids=["exception", "unknown id", "empty id", "wrong key", "no object"],
)
def test_a_function_that_breaks_or_babbles_gets_the_whole_batch_again(queue, caplog, answer):
    function = Function(answer)
    source = queue(function, VisibilityTimeout="0")
    send(source, "a", "b")
    with caplog.at_level(logging.ERROR):
        Worker(source).drain()
    assert function.bodies == [["a", "b"], ["a", "b"]]
    assert "alert failed; its batch of 2 will come again" in caplog.text


def test_a_message_that_fails_too_often_goes_to_the_dead_letter_queue(queue):
    dead = queue(Function())
    redrive = f'{{"deadLetterTargetArn": "{dead.queue_arn}", "maxReceiveCount": 2}}'
    function = Function(fail("poison"), fail("poison"))
    source = queue(function, VisibilityTimeout="0", RedrivePolicy=redrive)
    send(source, "poison", "fine")
    Worker(source).drain()
    assert function.bodies == [["poison", "fine"], ["poison"]]
    assert message_count(dead) == 1


def test_the_messages_of_a_group_come_in_the_order_of_their_sending(queue):
    function = Function()
    source = queue(function, ".fifo", **FIFO)
    for number in range(15):
        send(source, f"{number:02}", group="sec-prod" if number % 2 else "sec-dev")
    Worker(source).drain()
    seen = [record for batch in function.batches for record in batch]
    for group in ("sec-prod", "sec-dev"):
        bodies = [record["body"] for record in seen if record["attributes"]["MessageGroupId"] == group]
        assert bodies == sorted(bodies)
        assert len(bodies) in (7, 8)


def test_a_group_waits_for_its_failed_message_and_other_groups_do_not(queue):
    function = Function(fail("1"))
    source = queue(function, ".fifo", **FIFO)
    send(source, "1", group="slow")
    serve_once(source)
    send(source, "2", group="slow")
    send(source, "x", group="quick")
    serve_once(source)
    assert function.bodies == [["1"], ["x"]]
    Worker(source).drain()
    assert function.bodies == [["1"], ["x"], ["1", "2"]]


def test_draining_waits_for_messages_in_flight(queue):
    function = Function(fail("a"))
    source = queue(function, VisibilityTimeout="1")
    send(source, "a")
    assert Worker(source).drain() == 2
    assert message_count(source) == 0


def test_draining_gives_up_with_the_queues_that_did_not_empty(queue):
    source = queue(Function(*[fail("a")] * 100), VisibilityTimeout="0")
    send(source, "a")
    with pytest.raises(TimeoutError, match="'alert': 1"):
        Worker(source).drain(timeout=0.2)


def test_what_one_function_sends_the_next_one_gets_in_the_same_drain(queue):
    last = Function()
    outbox = queue(last, ".fifo", **FIFO)
    first = Function(lambda event: send(outbox, event["Records"][0]["body"], group="sec-prod"))
    events = queue(first)
    send(events, "ping")
    assert Worker(events, outbox).drain() == 2
    assert last.bodies == [["ping"]]


def test_serving_goes_on_until_it_is_told_to_stop(queue):
    stop, served = threading.Event(), threading.Event()
    function = Function(lambda _event: served.set())
    source = queue(function)
    service = threading.Thread(target=Worker(source).run, args=(stop,))
    service.start()
    send(source, "a")
    assert served.wait(10)
    stop.set()
    service.join(10)
    assert not service.is_alive()
    assert function.bodies == [["a"]]


def test_a_queue_that_is_gone_ends_the_service_with_its_error(queue):
    gone, healthy = queue(Function()), queue(Function())
    gone.sqs.delete_queue(QueueUrl=gone.queue_url)
    with pytest.raises(gone.sqs.exceptions.QueueDoesNotExist):
        Worker(healthy, gone).run(threading.Event())


def test_a_function_sees_its_own_environment_and_nothing_of_the_users_aws(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("KEPT", "yes")
    before = dict(os.environ)
    with lambda_environment({"AWS_REGION": HUB_REGION, "GATEWATCH_TABLE": "t"}):
        assert "AWS_PROFILE" not in os.environ
        assert "HTTPS_PROXY" not in os.environ
        assert os.environ["AWS_REGION"] == HUB_REGION
        assert os.environ["GATEWATCH_TABLE"] == "t"
        assert os.environ["KEPT"] == "yes"
    assert dict(os.environ) == before
