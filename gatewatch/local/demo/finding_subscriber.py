"""An event bus in the embedded AWS, with an SQS queue that gets every finding of gatewatch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

BUS = "security"


class FindingSubscriber:
    def __init__(self, session: boto3.Session) -> None:
        self._sqs, events = session.client("sqs"), session.client("events")
        self.bus = events.create_event_bus(Name=BUS)["EventBusArn"]
        self._queue = self._sqs.create_queue(QueueName="finding-subscriber")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        pattern = json.dumps({"source": ["gatewatch"]})
        events.put_rule(Name="findings", EventBusName=BUS, EventPattern=pattern)
        events.put_targets(Rule="findings", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])

    def receive(self) -> Iterator[dict[str, Any]]:
        """Events that arrived since the previous call."""
        while batch := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for each in batch:
                yield json.loads(each["Body"])
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
