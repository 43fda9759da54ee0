"""The dead-letter queues, for the person who decides: look, and send again what has been mended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.cli.dead_letter import ACCESS_KEYS, EVENTS, OUTBOX, Letter, letter
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.outbox import deduplication_id
from gatewatch.errors import GatewatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

    from gatewatch.aws.clients import Aws
    from gatewatch.cli.dead_letter import Trigger
    from gatewatch.model.message import Message

_LOOK_SECONDS = 120
QUEUES = (EVENTS, OUTBOX, ACCESS_KEYS)


class DeadError(GatewatchError):
    """The queues cannot be reached, or hold no such message."""


class DeadQueues:
    """The dead-letter queues of one stage, by the names that hub.yaml gives them."""

    def __init__(self, aws: Aws, stage: str, now: Callable[[], float]) -> None:
        self._aws = aws
        self._stage = stage
        self._ledger = Ledger(aws.dynamodb, f"gatewatch-{stage}", now)

    def letters(self) -> list[Letter]:
        """All of them. Looking hides nothing: each is visible again at once."""
        found: list[Letter] = []
        try:
            found.extend(each for queue in QUEUES for each in self._look(queue))
        finally:
            self._show_again(found)
        return found

    def letter(self, message_id: str) -> Letter:
        for each in self.letters():
            if each.has_id(message_id):
                return each
        raise DeadError(
            f"no dead letter {message_id} in stage {self._stage}; `gatewatch dead list` shows what there is"
        )

    def redrive(self, wanted: Callable[[Letter], bool]) -> Iterator[Letter]:
        """Send those that are wanted back to where they came from; each is said when it is done.

        What functions/access_keys was asked again and again it is asked once: it looks at what stands now.
        """
        asked: set[Trigger] = set()
        kept: list[Letter] = []
        try:
            for each in (each for queue in QUEUES for each in self._look(queue)):
                if wanted(each) and each.can_go_back:
                    self._send_again(each, asked)
                    yield each
                else:
                    kept.append(each)
        finally:
            self._show_again(kept)

    def _look(self, queue: str) -> Iterator[Letter]:
        """Each once, however long it takes to go through them."""
        url = self._url(f"{queue}-dead")
        seen: set[str] = set()
        while messages := self._receive(url):
            fresh = [message for message in messages if message["MessageId"] not in seen]
            if not fresh:
                return
            seen.update(message["MessageId"] for message in fresh)
            yield from (letter(queue, message) for message in fresh)

    def _receive(self, url: str) -> list[MessageTypeDef]:
        with _sentences():
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_LOOK_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return answer.get("Messages", [])

    def _show_again(self, letters: Iterable[Letter]) -> None:
        """Those that came back by themselves meanwhile are visible already."""
        for each in letters:
            url = self._url(f"{each.queue}-dead")
            with suppress(ClientError):
                self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each.receipt, VisibilityTimeout=0)

    def _send_again(self, dead: Letter, asked: set[Trigger]) -> None:
        """Sent first, removed after: a fault in between leaves two, and the ledger delivers one."""
        with _sentences():
            if dead.message:
                self._to_outbox(dead, dead.message)
            elif dead.trigger:
                self._ask_again(dead, dead.trigger, asked)
            else:
                self._sqs.send_message(QueueUrl=self._url("events"), MessageBody=dead.body)
            self._sqs.delete_message(QueueUrl=self._url(f"{dead.queue}-dead"), ReceiptHandle=dead.receipt)

    def _to_outbox(self, dead: Letter, message: Message) -> None:
        self._ledger.revive(message.key)
        self._sqs.send_message(
            QueueUrl=self._url("outbox"),
            MessageBody=dead.body,
            MessageGroupId=message.destination,
            MessageDeduplicationId=deduplication_id(f"{message.key}#{dead.message_id}"),
        )

    def _ask_again(self, dead: Letter, trigger: Trigger, asked: set[Trigger]) -> None:
        """There is no queue before this function: Lambda keeps the event, and puts it here again if it fails again."""
        if trigger not in asked:
            self._aws.functions.invoke(
                FunctionName=f"gatewatch-{self._stage}-access_keys", InvocationType="Event", Payload=dead.body.encode()
            )
            asked.add(trigger)

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
