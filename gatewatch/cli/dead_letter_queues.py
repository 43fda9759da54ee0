"""Listing and redriving the messages of the dead-letter queues."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.dead_letter import ACCESS_KEYS, EVENTS, OUTBOX, DeadLetter, read_dead_letter
from gatewatch.cli.errors import aws_errors_as_messages
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.outbox import deduplication_id, message_group
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from gatewatch.aws.clients import Aws
    from gatewatch.cli.dead_letter import Trigger
    from gatewatch.model.message import OutboxMessage

_VISIBILITY_SECONDS = 120
QUEUES = (EVENTS, OUTBOX, ACCESS_KEYS)


class DeadLetterError(GatewatchError):
    """There is no such message, or it cannot be redriven."""


class DeadLetterQueues:
    """The dead-letter queues of one stage; the names are those of eventbridge/hub.yaml."""

    def __init__(self, aws: Aws, stage: str, now: Callable[[], float]) -> None:
        self._aws = aws
        self._stage = stage
        self._ledger = Ledger(HubTable(aws.dynamodb, f"gatewatch-{stage}", now))

    def receive_all(self) -> list[DeadLetter]:
        """All messages; afterwards they are visible to other consumers again."""
        found: list[DeadLetter] = []
        try:
            found.extend(each for queue in QUEUES for each in self._receive(queue))
        finally:
            self._make_visible(found)
        return found

    def find(self, message_id: str) -> DeadLetter:
        """The message with this id (see `DeadLetter.has_id`). Raises `DeadLetterError`."""
        for each in self.receive_all():
            if each.has_id(message_id):
                return each
        raise DeadLetterError(
            f"no dead-letter message {message_id} in stage {self._stage}; `gatewatch dead-letters list` shows all"
        )

    def redrive(self, wanted: Callable[[DeadLetter], bool]) -> Iterator[DeadLetter]:
        """Return the selected messages to their source queues; yield each one when that is done.

        functions/access_keys is invoked once per distinct trigger, because it always evaluates the current keys.
        """
        invoked: set[Trigger] = set()
        kept: list[DeadLetter] = []
        try:
            for each in (each for queue in QUEUES for each in self._receive(queue)):
                if wanted(each) and each.is_redrivable:
                    self._redrive(each, invoked)
                    yield each
                else:
                    kept.append(each)
        finally:
            self._make_visible(kept)

    def _receive(self, queue: str) -> Iterator[DeadLetter]:
        """Each message once, even when the visibility timeout ends before all are received."""
        url = self._dead_letter_url(queue)
        seen: set[str] = set()
        while messages := self._receive_batch(url):
            unseen = [message for message in messages if message["MessageId"] not in seen]
            if not unseen:
                return
            seen.update(message["MessageId"] for message in unseen)
            yield from (read_dead_letter(queue, message) for message in unseen)

    def _receive_batch(self, url: str) -> list[MessageTypeDef]:
        with aws_errors_as_messages():
            response = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_VISIBILITY_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return response.get("Messages", [])

    def _make_visible(self, dead_letters: Iterable[DeadLetter]) -> None:
        """End the visibility timeout; an error means that it has ended already."""
        for each in dead_letters:
            url = self._dead_letter_url(each.queue)
            with suppress(ClientError):
                self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each.receipt, VisibilityTimeout=0)

    def _redrive(self, dead_letter: DeadLetter, invoked: set[Trigger]) -> None:
        """Send, then delete: an error in between leaves a duplicate, which the ledger does not deliver twice."""
        with aws_errors_as_messages():
            if dead_letter.message:
                self._send_to_outbox(dead_letter, dead_letter.message)
            elif dead_letter.trigger:
                self._invoke_access_keys(dead_letter, dead_letter.trigger, invoked)
            else:
                self._sqs.send_message(QueueUrl=self._url("events"), MessageBody=dead_letter.body)
            url = self._dead_letter_url(dead_letter.queue)
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=dead_letter.receipt)

    def _send_to_outbox(self, dead_letter: DeadLetter, message: OutboxMessage) -> None:
        self._ledger.reset_dead_lettered(message.key)
        self._sqs.send_message(
            QueueUrl=self._url("outbox"),
            MessageBody=dead_letter.body,
            MessageGroupId=message_group(message),
            MessageDeduplicationId=deduplication_id(f"{message.key}#{dead_letter.message_id}"),
        )

    def _invoke_access_keys(self, dead_letter: DeadLetter, trigger: Trigger, invoked: set[Trigger]) -> None:
        """Invoke asynchronously: Lambda queues the event, and dead-letters it again when the function fails."""
        if trigger not in invoked:
            self._aws.lambda_.invoke(
                FunctionName=f"gatewatch-{self._stage}-access_keys",
                InvocationType="Event",
                Payload=dead_letter.body.encode(),
            )
            invoked.add(trigger)

    @property
    def _sqs(self) -> SQSClient:
        return self._aws.sqs

    def _dead_letter_url(self, queue: str) -> str:
        return self._url(f"{queue}-dlq")

    def _url(self, queue: str) -> str:
        suffix = ".fifo" if queue.startswith("outbox") else ""
        with aws_errors_as_messages():
            return self._sqs.get_queue_url(QueueName=f"gatewatch-{self._stage}-{queue}{suffix}")["QueueUrl"]
