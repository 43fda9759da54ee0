"""Invokes functions with messages of queues as Lambda's event source mappings do; the real handlers run unchanged.

Source: Lambda developer guide, "Using Lambda with Amazon SQS": batches of ten, partial batch responses, order within
a message group. As in AWS, one batch of a FIFO queue may hold several groups.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewatch.local.aws.sessions import without_aws
from gatewatch.local.lambda_.context import LambdaContext, failed_message_ids, sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from threading import Event

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], dict[str, Any] | None]

IDLE_SECONDS = 0.02
_MAX_IDLE_SECONDS = 1.0
# In two requests and in this order: a message that becomes visible in between is counted twice, but never missed.
_COUNTS: tuple[tuple[QueueAttributeNameType, ...], ...] = (
    ("ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"),
    ("ApproximateNumberOfMessages",),
)


@dataclass(frozen=True)
class EventSourceMapping:
    """An event source mapping: one queue, one function."""

    function: str
    handler: Handler
    sqs: SQSClient
    queue_url: str
    queue_arn: str
    batch_size: int = 10
    timeout: float = 60.0
    """Seconds that the context reports; not enforced."""


class Poller:
    """Polls the queues. Each mapping has one batch in work at a time, so a message group is never processed twice."""

    def __init__(self, *mappings: EventSourceMapping) -> None:
        self.mappings = mappings

    def drain(self, timeout: float = 600.0) -> int:
        """Poll until every queue is empty, messages in flight included; return the number of batches.

        Raises `TimeoutError` with the number of messages left, by function.
        """
        deadline = time.monotonic() + timeout
        batches = 0
        while (handled := self._poll_all_once()) or self._message_counts():
            batches += handled
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained after {timeout:g} s; messages left: {self._message_counts()}")
            time.sleep(0 if handled else IDLE_SECONDS)
        return batches

    def run(self, stop: Event) -> None:
        """Poll each mapping in its own thread until `stop` is set; an error of one queue stops all and is raised.

        An empty queue is polled less and less often, once a second in the end.
        """
        with ThreadPoolExecutor(len(self.mappings), "poller") as pool:
            for polling in [pool.submit(_poll, mapping, stop) for mapping in self.mappings]:
                polling.result()

    def _poll_all_once(self) -> int:
        return sum(poll_once(mapping) for mapping in self.mappings)

    def _message_counts(self) -> dict[str, int]:
        counts = {mapping.function: message_count(mapping.sqs, mapping.queue_url) for mapping in self.mappings}
        return {function: count for function, count in counts.items() if count}


def _poll(mapping: EventSourceMapping, stop: Event) -> None:
    idle = IDLE_SECONDS
    try:
        while not stop.is_set():
            if poll_once(mapping):
                idle = IDLE_SECONDS
            else:
                stop.wait(idle)
                idle = min(2 * idle, _MAX_IDLE_SECONDS)
    finally:
        stop.set()


def poll_once(mapping: EventSourceMapping) -> bool:
    """Receive one batch, invoke the function, delete the messages that did not fail; False when the queue is empty."""
    messages = _receive(mapping)
    if messages:
        failed = _invoke(mapping, messages)
        _delete(mapping, [message for message in messages if message["MessageId"] not in failed])
    return bool(messages)


def message_count(sqs: SQSClient, queue_url: str) -> int:
    """Messages in the queue: visible, in flight and delayed. 0 only when the queue is empty."""
    answers = (sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names) for names in _COUNTS)
    return sum(int(count) for answer in answers for count in answer["Attributes"].values())


def _receive(mapping: EventSourceMapping) -> list[MessageTypeDef]:
    response = mapping.sqs.receive_message(
        QueueUrl=mapping.queue_url,
        MaxNumberOfMessages=mapping.batch_size,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return response.get("Messages", [])


def _invoke(mapping: EventSourceMapping, messages: Sequence[MessageTypeDef]) -> frozenset[str]:
    """Invoke the function; return the ids that failed: all of them after an exception or an invalid response."""
    sent = frozenset(message["MessageId"] for message in messages)
    context = LambdaContext.for_function(mapping.function, mapping.queue_arn, mapping.timeout)
    try:
        response = mapping.handler(sqs_event(messages, mapping.queue_arn), context)
        return failed_message_ids(response, sent)
    except Exception:
        log.exception("%s failed; its batch of %d messages is retried", mapping.function, len(messages))
        return sent


def _delete(mapping: EventSourceMapping, messages: Sequence[MessageTypeDef]) -> None:
    entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)
    ]
    if entries:
        mapping.sqs.delete_message_batch(QueueUrl=mapping.queue_url, Entries=entries)


@contextmanager
def lambda_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace os.environ by a function's: `variables`, and nothing of the user's AWS configuration."""
    before = dict(os.environ)
    _replace_environment(without_aws(before) | dict(variables))
    try:
        yield
    finally:
        _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
