"""Transactional outbox: the FIFO queue in front of delivery, two message groups per destination."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.delivery.wire import encode_message
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from gatewatch.model.message import OutboxMessage

# SendMessageBatch takes ten entries and 1 MiB in all (botocore sqs); the limit was 256 KiB for years.
_ENTRIES = 10
_BATCH_BYTES = 250_000
_CRITICAL = "#critical"


class MessageSink(Protocol):
    """Accepts messages for delivery."""

    def put(self, messages: Sequence[OutboxMessage]) -> None: ...


class OutboxEntry(Struct, frozen=True):
    """An encoded message, with what SQS needs to know of it."""

    body: str
    group: str
    deduplication_id: str


def entry_of(message: OutboxMessage) -> OutboxEntry:
    return OutboxEntry(encode_message(message), message_group(message), deduplication_id(message.key))


def message_group(message: OutboxMessage) -> str:
    """The message group: one of a destination for critical messages, which wait for no others, and one for the rest."""
    suffix = _CRITICAL if message.notification.severity is Severity.CRITICAL else ""
    return f"{message.destination}{suffix}"


class Outbox:
    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        """Send all messages. Raises `TransientDeliveryError`; a repeat is deduplicated by SQS."""
        self.put_entries([entry_of(each) for each in messages])

    def put_entries(self, entries: Sequence[OutboxEntry]) -> None:
        """The same for messages that are encoded already."""
        for batch in _batches([_sqs_entry(number, each) for number, each in enumerate(entries)]):
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=batch)
            except (ClientError, BotoCoreError) as error:
                raise TransientDeliveryError(f"the outbox cannot be written: {type(error).__name__}") from error
            if failed := answer.get("Failed"):
                raise TransientDeliveryError(f"the outbox refused {len(failed)} messages: {failed[0].get('Code')}")


def _sqs_entry(number: int, entry: OutboxEntry) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": str(number),
        "MessageBody": entry.body,
        "MessageGroupId": entry.group,
        "MessageDeduplicationId": entry.deduplication_id,
    }


def deduplication_id(key: str) -> str:
    """SQS takes 128 characters of a small alphabet; a ledger key can hold any text of an event."""
    return hashlib.sha256(key.encode()).hexdigest()


def _batches(
    entries: Sequence[SendMessageBatchRequestEntryTypeDef],
) -> Iterator[list[SendMessageBatchRequestEntryTypeDef]]:
    batch: list[SendMessageBatchRequestEntryTypeDef] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"])
        if batch and (len(batch) == _ENTRIES or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


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
