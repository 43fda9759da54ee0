"""Visibility of received outbox messages: how long they belong to this process, and when they are received again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import Logger

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

    from gatewatch.delivery.outbox import QueuedMessage

_SECONDS_AFTER_THE_TIMEOUT = 10


class MessageVisibility:
    """No method raises an error of SQS: without an answer the visibility timeout of the queue holds."""

    def __init__(self, sqs: SQSClient, url: str, log: Logger) -> None:
        self._sqs = sqs
        self._url = url
        self._log = log

    def claim(self, messages: Sequence[QueuedMessage], time_left: float) -> frozenset[str]:
        """Keep messages invisible until shortly after the end of this process, `time_left` seconds from now.

        Returns the ids of those that this process no longer has: Lambda invoked it so late, because it was throttled,
        that they may have been received again. Another process works on them then.
        """
        seconds = int(time_left) + _SECONDS_AFTER_THE_TIMEOUT
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": each.receipt_handle, "VisibilityTimeout": seconds}
            for number, each in enumerate(messages)
        ]
        try:
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            self._log.warning("not claimed", extra={"reason": type(error).__name__})
            return frozenset()
        lost = [each for each in answer.get("Failed", ()) if each["SenderFault"]]
        for each in lost:
            self._log.warning("received too late", extra={"reason": each["Code"]})
        return frozenset(messages[int(each["Id"])].message_id for each in lost)

    def postpone(self, message: QueuedMessage, seconds: int) -> None:
        """Have a message received again after a delay."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:
            self._log.warning("not postponed", extra={"reason": type(error).__name__})
