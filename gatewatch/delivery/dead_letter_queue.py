"""Where a message goes that nobody could take: kept whole, with the reason, until a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import TransientDeliveryError
from gatewatch.rendering.escaping import clean

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_REASON = 1000


class DeadLetters:
    """One dead-letter queue. In a FIFO one each message is its own group: nobody waits behind a dead one."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    @property
    def queue(self) -> str:
        return self._url.rpartition("/")[2]

    def keep(self, body: str, reason: str, message_id: str) -> None:
        """`message_id` is the one that the message died under, which people were told; the copy here has another.

        It names the copy to SQS too, so that one that was sent again and died again is kept again.
        Raises `TransientDeliveryError`: then the message stays where it was.
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
    """SQS takes no empty text and no control characters."""
    said = clean(value, _REASON).encode("ascii", "backslashreplace").decode()[:_REASON]
    return {"DataType": "String", "StringValue": said or "unknown"}
