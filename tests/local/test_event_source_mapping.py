from __future__ import annotations

import logging
import os
import threading
import uuid
from dataclasses import replace

import pytest

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import (
    EventSourceMapping,
    Poller,
    lambda_environment,
    message_count,
    poll_once,
)
from support.limits import GUARD_SECONDS


@pytest.fixture(scope="module")
def sqs():
    with Cloud() as cloud:
        yield cloud.session(HUB_ACCOUNT, HUB_REGION).client("sqs")


@pytest.fixture
def queue(sqs):
    """Creates an event mapping mapping of a new queue."""

    def make(handler, suffix="", **attributes):
        name = f"{uuid.uuid4()}{suffix}"
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return EventSourceMapping("alert", handler, sqs, url, arn)

    return make


# Longer than any test: a test that wants a message again before makes it visible itself.
IN_FLIGHT = {"VisibilityTimeout": "3600"}
FIFO = {"FifoQueue": "true"} | IN_FLIGHT


class Function:
    """Records its batches; returns the given responses in turn, then success."""

    def __init__(self, *responses):
        self.responses = list(responses)
        self.batches = []
        self.contexts = []

    def __call__(self, event, context):
        self.batches.append(event["Records"])
        self.contexts.append(context)
        response = self.responses.pop(0) if self.responses else {"batchItemFailures": []}
        return response(event) if callable(response) else response

    @property
    def bodies(self):
        return [[record["body"] for record in batch] for batch in self.batches]


def fail(*bodies):
    """A response that reports the messages with these bodies as failed."""
    return lambda event: {
        "batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] in bodies
        ]
    }


def raise_error(_event):
    raise ZeroDivisionError("an error of the function")


def count(mapping):
    return message_count(mapping.sqs, mapping.queue_url)


def end_visibility_timeout(mapping, record):
    """What the end of a visibility timeout does, at a moment that the test chooses."""
    mapping.sqs.change_message_visibility(
        QueueUrl=mapping.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
    )


def send(mapping, *bodies, group=None):
    for body in bodies:
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}-{body}"} if group else {}
        mapping.sqs.send_message(QueueUrl=mapping.queue_url, MessageBody=body, **fifo)


def test_a_function_gets_the_same_event_as_from_lambda(queue):
    function = Function()
    mapping = queue(function)
    mapping.sqs.send_message(
        QueueUrl=mapping.queue_url,
        MessageBody="hello",
        MessageAttributes={"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}},
    )
    poll_once(mapping)
    ((record,),) = function.batches
    assert record["body"] == "hello"
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == mapping.queue_arn
    assert record["awsRegion"] == HUB_REGION
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()
    assert record["messageAttributes"]["ERROR_CODE"]["stringValue"] == "NO_PERMISSIONS"
    assert record["messageId"]
    assert record["receiptHandle"]


def test_a_message_of_a_fifo_queue_has_its_group_and_deduplication_id(queue):
    function = Function()
    mapping = queue(function, ".fifo", **FIFO)
    send(mapping, "a", group="sec-prod")
    poll_once(mapping)
    ((record,),) = function.batches
    assert record["attributes"]["MessageGroupId"] == "sec-prod"
    assert record["attributes"]["MessageDeduplicationId"] == "sec-prod-a"
    assert record["attributes"]["SequenceNumber"]


def test_the_context_has_the_attributes_of_lambda(queue):
    function = Function()
    mapping = queue(function)
    send(mapping, "a")
    poll_once(mapping)
    (context,) = function.contexts
    assert context.function_name == "alert"
    assert context.invoked_function_arn == f"arn:aws:lambda:{HUB_REGION}:{HUB_ACCOUNT}:function:alert"
    assert context.log_group_name == "/aws/lambda/alert"
    assert 0 < context.get_remaining_time_in_millis() <= 60_000
    assert context.aws_request_id
    assert context.memory_limit_in_mb
    assert context.function_version == "$LATEST"
    assert context.log_stream_name


def test_a_batch_has_at_most_ten_messages(queue):
    function = Function()
    mapping = queue(function)
    send(mapping, *"abcdefghijkl")
    assert Poller(mapping).drain() == 2
    assert [len(batch) for batch in function.batches] == [10, 2]


@pytest.mark.parametrize("response", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_a_response_without_failures_deletes_the_batch(queue, response):
    function = Function(lambda _event: response)
    mapping = queue(function)
    send(mapping, "a", "b")
    poll_once(mapping)
    assert count(mapping) == 0


def test_only_the_failed_messages_are_retried(queue):
    function = Function(fail("b"))
    mapping = queue(function, VisibilityTimeout="0")
    send(mapping, "a", "b", "c")
    Poller(mapping).drain()
    assert function.bodies == [["a", "b", "c"], ["b"]]
    assert function.batches[1][0]["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize(
    "response",
    [
        raise_error,
        {"batchItemFailures": [{"itemIdentifier": "no-such-message"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"messageId": "the wrong key"}]},
        ["no object"],
    ],
    ids=["exception", "unknown id", "empty id", "wrong key", "not an object"],
)
def test_an_exception_or_an_invalid_response_retries_the_whole_batch(queue, caplog, response):
    function = Function(response)
    mapping = queue(function, VisibilityTimeout="0")
    send(mapping, "a", "b")
    with caplog.at_level(logging.ERROR):
        Poller(mapping).drain()
    assert function.bodies == [["a", "b"], ["a", "b"]]
    assert "alert failed; its batch of 2 messages is retried" in caplog.text


def test_a_message_that_fails_too_often_goes_to_the_dead_letter_queue(queue):
    dead_letter_queue = queue(Function())
    redrive = f'{{"deadLetterTargetArn": "{dead_letter_queue.queue_arn}", "maxReceiveCount": 2}}'
    function = Function(fail("poison"), fail("poison"))
    mapping = queue(function, VisibilityTimeout="0", RedrivePolicy=redrive)
    send(mapping, "poison", "fine")
    Poller(mapping).drain()
    assert function.bodies == [["poison", "fine"], ["poison"]]
    assert count(dead_letter_queue) == 1


def test_the_messages_of_a_group_arrive_in_the_order_sent(queue):
    function = Function()
    mapping = queue(function, ".fifo", **FIFO)
    for number in range(15):
        send(mapping, f"{number:02}", group="sec-prod" if number % 2 else "sec-dev")
    Poller(mapping).drain()
    seen = [record for batch in function.batches for record in batch]
    for group in ("sec-prod", "sec-dev"):
        bodies = [record["body"] for record in seen if record["attributes"]["MessageGroupId"] == group]
        assert bodies == sorted(bodies)
        assert len(bodies) in (7, 8)


def test_a_group_waits_for_its_failed_message_and_other_groups_do_not(queue):
    function = Function(fail("1"))
    mapping = queue(function, ".fifo", **FIFO)
    send(mapping, "1", group="slow")
    poll_once(mapping)
    send(mapping, "2", group="slow")
    send(mapping, "x", group="quick")
    poll_once(mapping)
    assert function.bodies == [["1"], ["x"]]
    end_visibility_timeout(mapping, function.batches[0][0])
    Poller(mapping).drain()
    assert function.bodies == [["1"], ["x"], ["1", "2"]]


def test_draining_waits_for_messages_in_flight(queue):
    function = Function(fail("a"))
    mapping = queue(function, **IN_FLIGHT)
    send(mapping, "a")
    poll_once(mapping)
    ((record,),) = function.batches
    assert count(mapping) == 1
    sqs = BecomesVisible(mapping.sqs, lambda: end_visibility_timeout(mapping, record))
    assert Poller(replace(mapping, sqs=sqs)).drain() == 1
    assert function.bodies == [["a"], ["a"]]
    assert count(mapping) == 0


class BecomesVisible:
    """The client of a queue. A message becomes visible after the second request for a number of messages."""

    def __init__(self, sqs, become_visible):
        self.sqs, self.become_visible, self.counted = sqs, become_visible, 0

    def __getattr__(self, name):
        return getattr(self.sqs, name)

    def get_queue_attributes(self, **request):
        answer = self.sqs.get_queue_attributes(**request)
        self.counted += 1
        if self.counted == 2:
            self.become_visible()
        return answer


def test_a_message_that_becomes_visible_while_the_queue_is_counted_is_counted(queue):
    function = Function(fail("a"))
    mapping = queue(function, **IN_FLIGHT)
    send(mapping, "a")
    poll_once(mapping)
    ((record,),) = function.batches

    def counted_with_a_change_after(requests):
        sqs = BecomesVisible(mapping.sqs, lambda: end_visibility_timeout(mapping, record))
        sqs.counted = 2 - requests
        return message_count(sqs, mapping.queue_url)

    assert [counted_with_a_change_after(requests) > 0 for requests in (1, 2)] == [True, True]


def test_draining_times_out_and_names_the_queues_that_are_not_empty(queue):
    mapping = queue(Function(fail("a")), **IN_FLIGHT)
    send(mapping, "a")
    with pytest.raises(TimeoutError, match="'alert': 1"):
        Poller(mapping).drain(timeout=0)


def test_one_drain_also_delivers_what_one_function_sends_to_the_next(queue):
    last = Function()
    outbox = queue(last, ".fifo", **FIFO)
    first = Function(lambda event: send(outbox, event["Records"][0]["body"], group="sec-prod"))
    events = queue(first)
    send(events, "ping")
    assert Poller(events, outbox).drain() == 2
    assert last.bodies == [["ping"]]


def test_polling_continues_until_stopped(queue):
    stop, called = threading.Event(), threading.Event()
    function = Function(lambda _event: called.set())
    mapping = queue(function)
    polling = threading.Thread(target=Poller(mapping).run, args=(stop,))
    polling.start()
    send(mapping, "a")
    assert called.wait(GUARD_SECONDS)
    stop.set()
    polling.join(GUARD_SECONDS)
    assert not polling.is_alive()
    assert function.bodies == [["a"]]


def test_a_deleted_queue_stops_the_polling_with_its_error(queue):
    deleted, healthy = queue(Function()), queue(Function())
    deleted.sqs.delete_queue(QueueUrl=deleted.queue_url)
    with pytest.raises(deleted.sqs.exceptions.QueueDoesNotExist):
        Poller(healthy, deleted).run(threading.Event())


def test_a_function_sees_its_own_environment_and_no_aws_configuration_of_the_user(monkeypatch):
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
