"""The event and context that Lambda passes to a function of a queue, and the batch response that it reads."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from types_boto3_sqs.type_defs import MessageAttributeValueOutputTypeDef, MessageTypeDef


class InvalidResponseError(Exception):
    """A response of a function that makes Lambda retry the whole batch."""


@dataclass(frozen=True)
class LambdaContext:
    """The context object, with the attributes of Lambda's."""

    function_name: str
    invoked_function_arn: str
    deadline: float
    """In seconds of `time.monotonic`."""
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "256"
    log_stream_name: str = "local"

    @classmethod
    def for_function(cls, function: str, queue_arn: str, timeout: float) -> LambdaContext:
        _, partition, _, region, account, _ = queue_arn.split(":")
        arn = f"arn:{partition}:lambda:{region}:{account}:function:{function}"
        return cls(function, arn, time.monotonic() + timeout)

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def sqs_event(messages: Sequence[MessageTypeDef], queue_arn: str) -> dict[str, Any]:
    return {"Records": [_sqs_record(message, queue_arn) for message in messages]}


def _sqs_record(message: MessageTypeDef, queue_arn: str) -> dict[str, Any]:
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _message_attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _message_attribute(value: MessageAttributeValueOutputTypeDef) -> dict[str, Any]:
    return {
        "stringValue": value.get("StringValue"),
        "binaryValue": value.get("BinaryValue"),
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def failed_message_ids(response: Mapping[str, Any] | None, sent: AbstractSet[str]) -> frozenset[str]:
    """Ids in `batchItemFailures`; None, `{}` and an empty list mean that no message failed.

    Raises `InvalidResponseError` for an id that is not in the batch: Lambda then retries the whole batch.
    """
    failures = (response or {}).get("batchItemFailures") or []
    failed = frozenset(failure.get("itemIdentifier") for failure in failures)
    if not failed <= sent:
        raise InvalidResponseError(f"batchItemFailures has ids that are not in the batch: {response}")
    return failed
