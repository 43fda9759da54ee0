"""Who reads the hub's topic in the embedded cloud: a queue, which is sent what a mail says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3


class Mail(NamedTuple):
    subject: str
    text: str


class Subscriber:
    """moto sends no mail; what it sends to a queue is the body that everybody but a chat gets."""

    def __init__(self, session: boto3.Session, topic: str) -> None:
        self._sqs = session.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="reader-of-mails")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])

    def mails(self) -> Iterator[Mail]:
        """Those that have come since they were asked for last."""
        while got := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for each in got:
                envelope = json.loads(each["Body"])
                yield Mail(envelope["Subject"], envelope["Message"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
