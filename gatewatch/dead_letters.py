"""Where a message goes that nobody could take: kept whole, with the reason, until a person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import TransientDeliveryError
from gatewatch.outbox import deduplication_id

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

    def keep(self, body: str, reason: str, key: str) -> None:
        """Raises `TransientDeliveryError`: then the message stays where it was."""
        said = reason.encode("ascii", "backslashreplace").decode()[:_REASON]
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            "reason": {"DataType": "String", "StringValue": said},
            "key": {"DataType": "String", "StringValue": deduplication_id(key)},
        }
        try:
            if self._url.endswith(".fifo"):
                unique = deduplication_id(key)
                self._sqs.send_message(
                    QueueUrl=self._url,
                    MessageBody=body,
                    MessageAttributes=attributes,
                    MessageGroupId=unique,
                    MessageDeduplicationId=unique,
                )
            else:
                self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=attributes)
        except (ClientError, BotoCoreError) as error:
            raise TransientDeliveryError(f"the dead-letter queue cannot be written: {type(error).__name__}") from error
