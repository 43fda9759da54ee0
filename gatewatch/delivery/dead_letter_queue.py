"""Dead-letter queues: whole messages with the reason why they could not be handled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import TransientDeliveryError
from gatewatch.rendering.escaping import sanitize

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_REASON = 1000


class DeadLetterQueue:
    """One dead-letter queue. In a FIFO queue each message is its own group, so none blocks another."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    @property
    def name(self) -> str:
        return self._url.rpartition("/")[2]

    def put(self, body: str, reason: str, message_id: str) -> None:
        """Send a message. `message_id` is its id in the source queue, which operators were shown.

        It is also the deduplication id: a message that was redriven and failed again is stored again.
        Raises `TransientDeliveryError`; the message then stays in its source queue.
        """
        attributes = {"reason": _text(reason), "message_id": _text(message_id)}
        try:
            if self._url.endswith(".fifo"):
                self._sqs.send_message(
                    QueueUrl=self._url,
                    MessageBody=body,
                    MessageAttributes=attributes,
                    MessageGroupId=message_id,
                    MessageDeduplicationId=message_id,
                )
            else:
                self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the dead-letter queue cannot be written: {type(error).__name__}") from error


def _text(value: str) -> MessageAttributeValueTypeDef:
    """An SQS attribute is neither empty nor holds control characters."""
    text = sanitize(value, _REASON).encode("ascii", "backslashreplace").decode()[:_REASON]
    return {"DataType": "String", "StringValue": text or "unknown"}
