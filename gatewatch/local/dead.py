"""The dead-letter queues, for the person who decides: look, and send again what has been mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import GatewatchError, UndecodableError
from gatewatch.ledger import Ledger
from gatewatch.outbox import deduplication_id, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from gatewatch.aws import Aws

_LOOK_SECONDS = 60


class DeadError(GatewatchError):
    """The queues cannot be reached, or hold no such message."""


@dataclass(frozen=True)
class Letter:
    """One dead message. `queue` is `events` or `outbox`: where it died, and where it goes when sent again."""

    queue: str
    message_id: str
    receipt: str
    reason: str
    since: datetime
    body: str

    @property
    def subject(self) -> str:
        """What it was about, as far as it can be read."""
        if self.queue == "events":
            return _event_subject(self.body)
        try:
            message = read_message(self.body)
        except UndecodableError:
            return "unreadable"
        return f"{message.event_id or message.key} to {message.destination}"


def _event_subject(body: str) -> str:
    try:
        event: Any = msgspec.json.decode(body)
        return f"{event['detail']['eventName']} {event['detail']['eventID']}"
    except (msgspec.DecodeError, KeyError, TypeError):
        return "unreadable"


class DeadQueues:
    """The dead-letter queues of one stage, by the names that hub.yaml gives them."""

    def __init__(self, aws: Aws, stage: str, now: Callable[[], float]) -> None:
        self._aws = aws
        self._stage = stage
        self._ledger = Ledger(aws.dynamodb, f"gatewatch-{stage}", now)

    def letters(self) -> list[Letter]:
        """All of them. Looking hides nothing: each is visible again at once."""
        found = [letter for queue in ("events", "outbox") for letter in self._look(queue)]
        for letter in found:
            self._show_again(letter)
        return found

    def letter(self, message_id: str) -> Letter:
        """By its id, or by that of the event it began as, which is what the alert of an unreadable event names."""
        for letter in self.letters():
            if message_id in {letter.message_id, letter.subject.split(" ")[0]} or message_id in letter.body:
                return letter
        raise DeadError(
            f"no dead letter {message_id} in stage {self._stage}; `gatewatch dead list` shows what there is"
        )

    def redrive(self, wanted: Callable[[Letter], bool]) -> Iterator[Letter]:
        """Send those that are wanted back to where they came from; each is said when it is done."""
        for queue in ("events", "outbox"):
            for letter in self._look(queue):
                if wanted(letter):
                    self._send_again(letter)
                    yield letter
                else:
                    self._show_again(letter)

    def _look(self, queue: str) -> list[Letter]:
        url = self._url(f"{queue}-dead")
        found: list[Letter] = []
        while messages := self._receive(url):
            found.extend(_letter(queue, message) for message in messages)
        return found

    def _receive(self, url: str) -> list[MessageTypeDef]:
        with _sentences():
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_LOOK_SECONDS,
                MessageAttributeNames=["reason"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return answer.get("Messages", [])

    def _show_again(self, letter: Letter) -> None:
        url = self._url(f"{letter.queue}-dead")
        with _sentences():
            self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def _send_again(self, letter: Letter) -> None:
        """Sent first, removed after: a fault in between leaves two, and the ledger delivers one."""
        with _sentences():
            if letter.queue == "events":
                self._sqs.send_message(QueueUrl=self._url("events"), MessageBody=letter.body)
            else:
                self._to_outbox(letter)
            self._sqs.delete_message(QueueUrl=self._url(f"{letter.queue}-dead"), ReceiptHandle=letter.receipt)

    def _to_outbox(self, letter: Letter) -> None:
        message = read_message(letter.body)
        self._ledger.forget(message.key)
        self._sqs.send_message(
            QueueUrl=self._url("outbox"),
            MessageBody=letter.body,
            MessageGroupId=message.destination,
            MessageDeduplicationId=deduplication_id(f"{message.key}#{letter.message_id}"),
        )

    @property
    def _sqs(self) -> SQSClient:
        return self._aws.sqs

    def _url(self, queue: str) -> str:
        suffix = ".fifo" if queue.startswith("outbox") else ""
        with _sentences():
            return self._sqs.get_queue_url(QueueName=f"gatewatch-{self._stage}-{queue}{suffix}")["QueueUrl"]


class _sentences:  # noqa: N801  reads as a phrase: `with _sentences():`
    """AWS's refusals as one sentence each."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientError):
            said = error.response.get("Error", {})
            raise DeadError(f"AWS refused {error.operation_name}: {said.get('Code')}: {said.get('Message')}") from error
        if isinstance(error, BotoCoreError):
            raise DeadError(f"AWS cannot be reached: {error}") from error


def _letter(queue: str, message: MessageTypeDef) -> Letter:
    attribute = message.get("MessageAttributes", {}).get("reason")
    reason = attribute.get("StringValue", "") if attribute else ""
    sent = int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000
    return Letter(
        queue=queue,
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        reason=reason or "the queue gave up on it",
        since=datetime.fromtimestamp(sent, UTC),
        body=message["Body"],
    )
