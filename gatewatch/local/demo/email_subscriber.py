"""An SQS queue subscribed to the hub's topic in the embedded AWS, in place of an e-mail address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3


class Email(NamedTuple):
    subject: str
    text: str


class EmailSubscriber:
    """moto sends no e-mail; an SQS subscription receives the same body that an e-mail would have."""

    def __init__(self, session: boto3.Session, topic: str) -> None:
        self._sqs = session.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="email-subscriber")["QueueUrl"]
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=response["Attributes"]["QueueArn"])

    def receive(self) -> Iterator[Email]:
        """E-mails that arrived since the previous call."""
        while batch := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for each in batch:
                envelope = json.loads(each["Body"])
                yield Email(envelope["Subject"], envelope["Message"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
