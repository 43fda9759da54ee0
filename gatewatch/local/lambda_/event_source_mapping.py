"""Serves queues to functions as Lambda's event source mappings do, so that the real handlers run unchanged.

The rules are those of the Lambda developer guide, "Using Lambda with Amazon SQS": batches of ten, partial
answers, order within a message group. One batch of a FIFO queue may hold several groups there, and so here.
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
from gatewatch.local.lambda_.context import Invocation, failed_message_ids, sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from threading import Event

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType
    from types_boto3_sqs.type_defs import DeleteMessageBatchRequestEntryTypeDef, MessageTypeDef

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], dict[str, Any] | None]

IDLE_SECONDS = 0.02
COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class Source:
    """An event source mapping: one queue, one function."""

    function: str
    handler: Handler
    sqs: SQSClient
    queue_url: str
    queue_arn: str
    batch_size: int = 10
    timeout: float = 60.0
    """Seconds that the function believes to have; nobody stops it."""


class Worker:
    """Each source has one batch in work at a time: no message group is ever served twice at once."""

    def __init__(self, *sources: Source) -> None:
        self.sources = sources

    def drain(self, timeout: float = 60.0) -> int:
        """Serve until every queue is empty, messages in flight included; answer how many batches it took."""
        deadline = time.monotonic() + timeout
        batches = 0
        while (served := self._serve_all_once()) or self._waiting():
            batches += served
            if time.monotonic() > deadline:
                raise TimeoutError(f"not drained after {timeout:g} s; there wait {self._waiting()}")
            time.sleep(0 if served else IDLE_SECONDS)
        return batches

    def run(self, stop: Event) -> None:
        """Serve each source by its own thread until `stop` is set; the first fault of a queue stops all."""
        with ThreadPoolExecutor(len(self.sources), "worker") as pool:
            for service in [pool.submit(_serve, source, stop) for source in self.sources]:
                service.result()

    def _serve_all_once(self) -> int:
        return sum(serve_once(source) for source in self.sources)

    def _waiting(self) -> dict[str, int]:
        counts = {source.function: message_count(source) for source in self.sources}
        return {function: count for function, count in counts.items() if count}


def _serve(source: Source, stop: Event) -> None:
    try:
        while not stop.is_set():
            if not serve_once(source):
                stop.wait(IDLE_SECONDS)
    finally:
        stop.set()


def serve_once(source: Source) -> bool:
    """One batch, if there is one: invoke the function, then delete what it did not report as failed."""
    messages = _receive(source)
    if messages:
        failed = _invoke(source, messages)
        _delete(source, [message for message in messages if message["MessageId"] not in failed])
    return bool(messages)


def message_count(source: Source) -> int:
    """Visible, in flight and delayed."""
    answer = source.sqs.get_queue_attributes(QueueUrl=source.queue_url, AttributeNames=COUNTS)
    return sum(int(answer["Attributes"][name]) for name in COUNTS)


def _receive(source: Source) -> list[MessageTypeDef]:
    answer = source.sqs.receive_message(
        QueueUrl=source.queue_url,
        MaxNumberOfMessages=source.batch_size,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return answer.get("Messages", [])


def _invoke(source: Source, messages: Sequence[MessageTypeDef]) -> frozenset[str]:
    """The ids that failed; after an exception or an unusable answer, all of them."""
    sent = frozenset(message["MessageId"] for message in messages)
    context = Invocation.of(source.function, source.queue_arn, source.timeout)
    try:
        answer = source.handler(sqs_event(messages, source.queue_arn), context)
        return failed_message_ids(answer, sent)
    except Exception:
        log.exception("%s failed; its batch of %d will come again", source.function, len(messages))
        return sent


def _delete(source: Source, messages: Sequence[MessageTypeDef]) -> None:
    entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)
    ]
    if entries:
        source.sqs.delete_message_batch(QueueUrl=source.queue_url, Entries=entries)


@contextmanager
def lambda_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """For its duration the environment is that of a function: `variables`, and nothing of the user's AWS."""
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
