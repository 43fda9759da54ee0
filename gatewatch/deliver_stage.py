"""From the outbox to the destinations: in order and at the pace of each, never lost, never twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gatewatch.errors import (
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
    UndecodableError,
)
from gatewatch.outbox import deduplication_id, read_message

if TYPE_CHECKING:
    from logging import Logger

    from types_boto3_sqs import SQSClient

    from gatewatch.ledger import Ledger
    from gatewatch.model import Message, Receipt
    from gatewatch.settings import Destination, Settings

_SHORT_WAIT = 5.0
_ATTEMPTS_IN_PLACE = 3
_TIME_FOR_ONE_POST = 12.0  # connect, read, ledger
_FIRST_BACKOFF = 5
_LONGEST_BACKOFF = 900


class Clock(Struct, frozen=True):
    """Seconds that only grow, and a way to let some pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Queues:
    sqs: SQSClient
    outbox_url: str
    dead_url: str


class DeliverStage:
    def __init__(
        self,
        settings: Settings,
        post: Callable[[Message, Destination], Receipt],
        ledger: Ledger,
        queues: Queues,
        log: Logger,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._post = post
        self._ledger = ledger
        self._queues = queues
        self._log = log
        self._clock = clock or Clock()
        self._last_post: dict[str, float] = {}

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
        received = int(record["attributes"].get("ApproximateReceiveCount", 1))
        try:
            message = read_message(record["body"])
            self._deliver(message, time_left)
        except (PermanentDeliveryError, UndecodableError) as error:
            self._bury(record, str(error))
        except DeliveryError as error:
            wait = getattr(error, "retry_after", None) or _backoff(received)
            self._log.warning("postponed", extra={"reason": str(error), "seconds": int(wait), "received": received})
            return int(min(wait, _LONGEST_BACKOFF))
        return None

    def _deliver(self, message: Message, time_left: Callable[[], float]) -> None:
        facts = {"event_id": message.event_id, "account_id": message.account_id, "destination": message.destination}
        if self._ledger.has(message.key):
            self._log.info("duplicate", extra=facts)
            return
        receipt = self._persist(message, time_left)
        self._ledger.record(message.key, receipt)
        self._log.info("delivered", extra={**facts, "part": message.part, "parts": message.parts})

    def _persist(self, message: Message, time_left: Callable[[], float]) -> Receipt:
        """Post, and after a short wait that the destination asks for, post again."""
        destination = self._destination(message)
        for attempt in range(1, _ATTEMPTS_IN_PLACE + 1):
            self._keep_pace(message.destination, destination.pace)
            try:
                return self._post(message, destination)
            except TransientDeliveryError as error:
                wait = error.retry_after if error.retry_after is not None else float(attempt)
                if wait > _SHORT_WAIT or time_left() < wait + _TIME_FOR_ONE_POST:
                    raise
                self._clock.sleep(wait)
        raise TransientDeliveryError(f"{_ATTEMPTS_IN_PLACE} attempts in a row failed")

    def _destination(self, message: Message) -> Destination:
        destination = self._settings.destinations.get(message.destination)
        if destination is None:
            raise PermanentDeliveryError(f"policy.yaml no longer has a destination {message.destination}")
        return destination

    def _keep_pace(self, name: str, pace: float) -> None:
        """Slack takes one message a second per channel (Slack, rate limits)."""
        last = self._last_post.get(name)
        if last is not None and (early := last + pace - self._clock.now()) > 0:
            self._clock.sleep(early)
        self._last_post[name] = self._clock.now()

    def _bury(self, record: dict[str, Any], reason: str) -> None:
        """What no retry can mend goes to the dead-letter queue with the reason, and is settled here."""
        self._queues.sqs.send_message(
            QueueUrl=self._queues.dead_url,
            MessageBody=record["body"],
            MessageGroupId=record["attributes"]["MessageGroupId"],
            MessageDeduplicationId=deduplication_id(record["messageId"]),
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1000]}},
        )
        self._log.error("dead", extra={"reason": reason, "message_id": record["messageId"]})

    def _postpone(self, record: dict[str, Any], seconds: int) -> None:
        self._queues.sqs.change_message_visibility(
            QueueUrl=self._queues.outbox_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )


def _backoff(received: int) -> int:
    """5, 10, 20 … 900 seconds by the number of times a message was received."""
    return int(min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2 ** min(received - 1, 10)))
