"""SQS FIFO handler: outbox to destinations, in order and within the rate limit of each.

A message is done when its destination accepted it, or when it is in the dead-letter queue and its fallback message is
sent. Until then it stays in the outbox and blocks its message group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws import metrics
from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.ledger import DeliveryState, LedgerEntry
from gatewatch.delivery.outbox import QueuedMessage, queued_message, read_message
from gatewatch.delivery.rate_limit import TIME_FOR_ONE_POST, RateLimitedError, backoff, is_exhausted, retry_delay
from gatewatch.delivery.rollup import FEWEST, foldable, folded
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UndecodableError

if TYPE_CHECKING:
    from logging import Logger

    from types_boto3_sqs import SQSClient

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.dead_lettering import DeadLettering
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.rate_limit import Clock, Post, RateLimiter
    from gatewatch.model.message import Message

TimeLeft = Callable[[], float]
Group = Sequence[QueuedMessage]
RunConcurrently = Callable[[Callable[[Group], list[str]], Sequence[Group]], Iterable[list[str]]]

_TRIES = 3  # an unexpected error, a bug, is not retried for hours: it blocks its whole group


def in_threads(work: Callable[[Group], list[str]], groups: Sequence[Group]) -> list[list[str]]:
    with ThreadPoolExecutor(max(1, len(groups)), "destination") as pool:
        return list(pool.map(work, groups))


@dataclass(frozen=True)
class DeliveryHandler:
    """`configuration_error` says why the settings are not those of the files, if they are not."""

    settings: Settings
    post: Post
    ledger: Ledger
    dead_lettering: DeadLettering
    sqs: SQSClient
    outbox_url: str
    rate_limiter: RateLimiter
    clock: Clock
    log: Logger
    meter: Meter
    run_concurrently: RunConcurrently = in_threads
    configuration_error: str = ""

    def handle(self, event: dict[str, Any], time_left: TimeLeft) -> dict[str, Any]:
        """Deliver an SQS FIFO batch; return the ids to retry.

        A batch can hold several message groups (Lambda developer guide, SQS scaling). They are handled concurrently,
        so that a slow channel does not delay the others.
        """
        groups: dict[str, list[QueuedMessage]] = {}
        for each in map(queued_message, event["Records"]):
            groups.setdefault(each.group, []).append(each)
        if self.configuration_error:
            self.meter.count(metrics.CONFIGURATION_ERRORS)
        failed = self.run_concurrently(lambda group: self._group(group, time_left), list(groups.values()))
        return {"batchItemFailures": [{"itemIdentifier": each} for ids in failed for each in ids]}

    def _group(self, group: Group, time_left: TimeLeft) -> list[str]:
        """In order, but for what is rolled up; after a failure the rest of the group waits behind it."""
        waiting = list(group)
        while waiting:
            settled, delay = self._attempt_together(waiting, time_left)
            if not settled and delay is None:
                settled, delay = waiting[:1], self._attempt(waiting[0], time_left)
            if delay is not None:
                for each in waiting:
                    self._postpone(each, delay)
                return [each.message_id for each in waiting]
            waiting = [each for each in waiting if each not in settled]
        return []

    def _attempt_together(self, group: Group, time_left: TimeLeft) -> tuple[Group, int | None]:
        """Deliver a roll-up. Returns its messages, or the seconds to wait; neither if the first goes alone."""
        if not self._is_slack(group[0]) or time_left() < TIME_FOR_ONE_POST:
            return (), None
        try:
            readable = _readable(group)
            together = [(group[place], readable[place]) for place in foldable(readable)]
            fresh = [(each, message) for each, message in together if self.ledger.get(message.key) is None]
            if len(fresh) < FEWEST or fresh[0][0] is not group[0]:
                return (), None
            answer = self._posted(folded([message for _, message in fresh]), time_left)
            for _, message in fresh:
                self._delivered(message, answer)
        except TransientDeliveryError as error:
            if is_exhausted(group[0].first_received, group[0].received, self.clock.now()):
                return (), None
            return (), self._later(group[0], str(error), retry_delay(error, group[0].received))
        except Exception:
            self.log.exception("not rolled up", extra={"destination": group[0].group})
            return (), None
        return [each for each, _ in fresh], None

    def _is_slack(self, each: QueuedMessage) -> bool:
        """A topic has no pace to keep, and its subscribers no blocks to fold."""
        return isinstance(self.settings.destinations.get(each.group), SlackApp | SlackWebhook)

    def _attempt(self, each: QueuedMessage, time_left: TimeLeft) -> int | None:
        """None when the message is settled, else the seconds after which to bring it again."""
        if time_left() < TIME_FOR_ONE_POST:
            return 0
        try:
            self._settle(each, time_left)
        except TransientDeliveryError as error:
            return self._later(each, str(error), retry_delay(error, each.received))
        except Exception:
            self.log.exception("failed", extra={"message_id": each.message_id})
            return self._later(each, "gatewatch failed on it", backoff(each.received))
        return None

    def _later(self, each: QueuedMessage, reason: str, seconds: int) -> int:
        facts = {"message_id": each.message_id, "destination": each.group, "received": each.received}
        self.log.warning("postponed", extra={**facts, "reason": reason, "seconds": seconds})
        self.meter.count(metrics.RETRIED)
        return seconds

    def _settle(self, each: QueuedMessage, time_left: TimeLeft) -> None:
        """Deliver, skip as a duplicate, or give up. Raises when the message has to stay in the outbox."""
        try:
            message = read_message(each.body)
        except UndecodableError as error:
            self.dead_lettering.give_up_unreadable(each, str(error))
            return
        entry = self.ledger.get(message.key)
        if entry is None:
            self._deliver_or_give_up(message, each, time_left)
        elif entry.state is DeliveryState.GIVING_UP:
            self.dead_lettering.give_up(message, each, entry.answer)
        else:
            self.log.info("duplicate", extra=_facts(message))
            self.meter.count(metrics.DUPLICATES)

    def _deliver_or_give_up(self, message: Message, each: QueuedMessage, time_left: TimeLeft) -> None:
        try:
            answer = self._posted(message, time_left)
        except PermanentDeliveryError as error:
            self.dead_lettering.give_up(message, each, str(error))
        except TransientDeliveryError as error:
            is_over = is_exhausted(each.first_received, each.received, self.clock.now())
            if isinstance(error, RateLimitedError) or not is_over:
                raise
            self.dead_lettering.give_up(message, each, f"given up after {each.received} attempts: {error}")
        except Exception as error:
            if each.received < _TRIES:
                raise
            self.log.exception("given up", extra=_facts(message))
            self.dead_lettering.give_up(message, each, f"gatewatch failed on it: {type(error).__name__}")
        else:
            self._delivered(message, answer)

    def _posted(self, message: Message, time_left: TimeLeft) -> str:
        destination = self.settings.destinations.get(message.destination)
        if destination is None:
            raise PermanentDeliveryError(f"policy.yaml has no destination {message.destination}")
        return self.rate_limiter.send(message, destination, self.post, time_left).answer

    def _delivered(self, message: Message, answer: str) -> None:
        self.ledger.write_later(message.key, LedgerEntry(DeliveryState.DELIVERED, answer))
        self.log.info("delivered", extra={**_facts(message), "part": message.part, "parts": message.parts})
        self.meter.count(metrics.DELIVERED)
        if message.event_time is not None:
            self.meter.seconds(metrics.AGE_SECONDS, max(0.0, self.clock.now() - message.event_time))

    def _postpone(self, each: QueuedMessage, seconds: int) -> None:
        """When this fails the message comes back by itself, after the queue's own visibility timeout."""
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.outbox_url, ReceiptHandle=each.receipt_handle, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:
            self.log.warning("not postponed", extra={"reason": type(error).__name__})


def _readable(group: Group) -> list[Message]:
    """Up to the first that no outbox wrote."""
    messages: list[Message] = []
    for each in group:
        try:
            messages.append(read_message(each.body))
        except UndecodableError:
            break
    return messages


def _facts(message: Message) -> dict[str, str]:
    return {"event_id": message.event_id, "account_id": message.account_id, "destination": message.destination}
