"""From the outbox to the destinations: in order and at the pace of each, never lost, never twice.

A message is settled when its destination said yes, or when it is in the dead-letter queue with the reason and on
its way to the fallback. Until then it stays in the outbox, and what is behind it in its group waits.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch import meter
from gatewatch.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError, UndecodableError
from gatewatch.model import Message
from gatewatch.outbox import read_message
from gatewatch.pace import TIME_FOR_ONE_POST
from gatewatch.settings import HUB_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from types_boto3_sqs import SQSClient

    from gatewatch.dead_letters import DeadLetters
    from gatewatch.ledger import Ledger
    from gatewatch.meter import Meter
    from gatewatch.outbox import Outbox
    from gatewatch.pace import Clock, Pace, Post
    from gatewatch.settings import Destination, Settings

GIVE_UP_SECONDS = 4 * 3600
_GIVE_UP_RECEIVES = 150  # the queue itself gives up, without a reason, at 200
_FIRST_BACKOFF = 5
_LONGEST_BACKOFF = 900


@dataclass(frozen=True)
class DeliverStage:
    settings: Settings
    post: Post
    ledger: Ledger
    outbox: Outbox
    dead: DeadLetters
    sqs: SQSClient
    outbox_url: str
    pace: Pace
    clock: Clock
    log: Logger
    meter: Meter

    def handle(self, event: dict[str, Any], time_left: Callable[[], float]) -> dict[str, Any]:
        """An SQS FIFO batch -> the ids to bring again.

        A batch may hold several groups (Lambda developer guide, SQS scaling): each goes its own way at the same
        time, so that a channel that says "wait" holds up nobody else.
        """
        groups: dict[str, list[dict[str, Any]]] = {}
        for record in event["Records"]:
            groups.setdefault(record["attributes"]["MessageGroupId"], []).append(record)
        with ThreadPoolExecutor(max(1, len(groups)), "destination") as pool:
            failed = [
                each for ids in pool.map(lambda one: self._group(one, time_left), groups.values()) for each in ids
            ]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _group(self, records: list[dict[str, Any]], time_left: Callable[[], float]) -> list[str]:
        """In order; after a failure the rest of the group waits behind it."""
        for position, record in enumerate(records):
            delay = self._attempt(record, time_left)
            if delay is not None:
                for waiting in records[position:]:
                    self._postpone(waiting, delay)
                return [waiting["messageId"] for waiting in records[position:]]
        return []

    def _attempt(self, record: dict[str, Any], time_left: Callable[[], float]) -> int | None:
        """None when the message is settled, else the seconds after which to bring it again."""
        if time_left() < TIME_FOR_ONE_POST:
            return 0
        received = int(record["attributes"].get("ApproximateReceiveCount", 1))
        try:
            self._settle(record, received, time_left)
        except DeliveryError as error:
            wait = getattr(error, "retry_after", None) or backoff(received)
            return self._later(record, str(error), wait, received)
        except Exception:
            self.log.exception("failed", extra={"message_id": record["messageId"]})
            return self._later(record, "gatewatch failed on it", backoff(received), received)
        return None

    def _later(self, record: dict[str, Any], reason: str, wait: float, received: int) -> int:
        seconds = int(min(wait, _LONGEST_BACKOFF))
        facts = {"message_id": record["messageId"], "reason": reason, "seconds": seconds, "received": received}
        self.log.warning("postponed", extra=facts)
        self.meter.count(meter.RETRIED)
        return seconds

    def _settle(self, record: dict[str, Any], received: int, time_left: Callable[[], float]) -> None:
        """Delivered, skipped as a repeat, or buried; otherwise it raises and the message stays."""
        try:
            message = read_message(record["body"])
        except UndecodableError as error:
            self._keep_dead(record["body"], str(error), record["messageId"])
            return
        if self.ledger.has(message.key):
            self.log.info("duplicate", extra=_facts(message))
            self.meter.count(meter.DUPLICATE)
            return
        try:
            self._deliver(message, time_left)
        except PermanentDeliveryError as error:
            self._bury(message, record, str(error))
        except TransientDeliveryError as error:
            if not self._is_exhausted(record, received):
                raise
            self._bury(message, record, f"given up after {received} attempts: {error}")

    def _is_exhausted(self, record: dict[str, Any], received: int) -> bool:
        sent = int(record["attributes"].get("SentTimestamp", 0)) / 1000
        return received >= _GIVE_UP_RECEIVES or self.clock.since_1970() - sent > GIVE_UP_SECONDS

    def _deliver(self, message: Message, time_left: Callable[[], float]) -> None:
        destination = self._destination(message)
        receipt = self.pace.persist(message, destination, self.post, time_left)
        self.ledger.record(message.key, receipt.answer)
        self.log.info("delivered", extra={**_facts(message), "part": message.part, "parts": message.parts})
        self.meter.count(meter.DELIVERED)
        if message.event_time is not None:
            self.meter.seconds(meter.AGE_SECONDS, max(0.0, self.clock.since_1970() - message.event_time))

    def _destination(self, message: Message) -> Destination:
        destination = self.settings.destinations.get(message.destination)
        if destination is None:
            raise PermanentDeliveryError(f"policy.yaml has no destination {message.destination}")
        return destination

    def _bury(self, message: Message, record: dict[str, Any], reason: str) -> None:
        """The fallback first: whatever dies on the way, somebody is told. The ledger makes a repeat harmless."""
        if message.instead_of is None:
            self.outbox.put([self._instead(message)])
        self._keep_dead(record["body"], reason, message.key)
        self.ledger.record(message.key, "dead")

    def _instead(self, message: Message) -> Message:
        destination = self.settings.destinations.get(message.destination)
        fallback = destination.fallback if destination else HUB_TOPIC
        return Message(
            key=f"{message.key}#instead",
            destination=fallback,
            body=message.body,
            event_id=message.event_id,
            account_id=message.account_id,
            severity=message.severity,
            part=message.part,
            parts=message.parts,
            event_time=message.event_time,
            instead_of=message.destination,
        )

    def _keep_dead(self, body: str, reason: str, key: str) -> None:
        self.dead.keep(body, reason, key)
        self.log.error("dead", extra={"reason": reason, "key": key})
        self.meter.count(meter.DEAD)

    def _postpone(self, record: dict[str, Any], seconds: int) -> None:
        """When this fails the message comes back by itself, after the queue's own visibility timeout."""
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.outbox_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:
            self.log.warning("not postponed", extra={"reason": type(error).__name__})


def backoff(received: int) -> int:
    """5, 10, 20 … 900 seconds by the number of times a message was received."""
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(max(received, 1) - 1, 10)))


def _facts(message: Message) -> dict[str, str]:
    return {"event_id": message.event_id, "account_id": message.account_id, "destination": message.destination}
