"""Transactional outbox: the FIFO queue in front of delivery, one message group per destination."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.errors import TransientDeliveryError, UndecodableError
from gatewatch.model.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# SendMessageBatch takes ten entries and 1 MiB in all (botocore sqs); the limit was 256 KiB for years.
_ENTRIES = 10
_BATCH_BYTES = 250_000


class MessageSink(Protocol):
    """Accepts messages for delivery."""

    def put(self, messages: Sequence[Message]) -> None: ...


class Outbox:
    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def put(self, messages: Sequence[Message]) -> None:
        """Send all messages. Raises `TransientDeliveryError`; a repeat is deduplicated by SQS."""
        for batch in _batches([_entry(number, message) for number, message in enumerate(messages)]):
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=batch)
            except (ClientError, BotoCoreError) as error:
                raise TransientDeliveryError(f"the outbox cannot be written: {type(error).__name__}") from error
            if failed := answer.get("Failed"):
                raise TransientDeliveryError(f"the outbox refused {len(failed)} messages: {failed[0].get('Code')}")


def _entry(number: int, message: Message) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": str(number),
        "MessageBody": _sendable(msgspec.json.encode(message).decode()),
        "MessageGroupId": message.destination,
        "MessageDeduplicationId": deduplication_id(message.key),
    }


def _sendable(text: str) -> str:
    """Escape U+FFFE and U+FFFF, which JSON allows and SendMessage refuses."""
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def deduplication_id(key: str) -> str:
    """SQS takes 128 characters of a small alphabet; a ledger key can hold any text of an event."""
    return hashlib.sha256(key.encode()).hexdigest()


def _batches(
    entries: Sequence[SendMessageBatchRequestEntryTypeDef],
) -> Iterator[list[SendMessageBatchRequestEntryTypeDef]]:
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"].encode())
        if batch and (len(batch) == _ENTRIES or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def read_message(body: str) -> Message:
    """Raises `UndecodableError` for a body that is no message."""
    try:
        return msgspec.json.decode(body, type=Message)
    except msgspec.DecodeError as error:
        raise UndecodableError("outbox", f"holds no message ({error})") from error


class QueuedMessage(Struct, frozen=True):
    """A received message. `received` is the receive count; `first_received` is in seconds since 1970."""

    message_id: str
    receipt_handle: str
    group: str
    body: str
    received: int
    first_received: float


def queued_message(record: dict[str, Any]) -> QueuedMessage:
    """Read one record of a Lambda SQS event."""
    attributes = record["attributes"]
    return QueuedMessage(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        group=attributes["MessageGroupId"],
        body=record["body"],
        received=int(attributes["ApproximateReceiveCount"]),
        first_received=int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
    )
