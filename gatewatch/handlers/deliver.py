"""From the outbox to the destinations: in order and at the pace of each, never lost, never twice.

A message is settled when its destination said yes, or when it is in the dead-letter queue with the reason and on
its way to the fallback. Until then it stays in the outbox, and what is behind it in its group waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.aws import metrics as meter
from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.ledger import Entry, State
from gatewatch.delivery.outbox import Queued, queued, read_message
from gatewatch.delivery.rate_limit import TIME_FOR_ONE_POST, TooEarlyError, backoff, is_exhausted, next_try
from gatewatch.delivery.rollup import FEWEST, foldable, folded
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UndecodableError

if TYPE_CHECKING:
    from logging import Logger

    from types_boto3_sqs import SQSClient

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.dead_lettering import Burial
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.rate_limit import Clock, Pace, Post
    from gatewatch.model.message import Message

TimeLeft = Callable[[], float]
Group = Sequence[Queued]
SideBySide = Callable[[Callable[[Group], list[str]], Sequence[Group]], Iterable[list[str]]]

_TRIES = 3  # what fails by our own fault, a bug, is not tried for hours: its whole group waits behind it


def in_threads(work: Callable[[Group], list[str]], groups: Sequence[Group]) -> list[list[str]]:
    with ThreadPoolExecutor(max(1, len(groups)), "destination") as pool:
        return list(pool.map(work, groups))


@dataclass(frozen=True)
class DeliverStage:
    """`trouble` says why the settings are not those of the files, if they are not."""

    settings: Settings
    post: Post
    ledger: Ledger
    burial: Burial
    sqs: SQSClient
    outbox_url: str
    pace: Pace
    clock: Clock
    log: Logger
    meter: Meter
    side_by_side: SideBySide = in_threads
    trouble: str = ""

    def handle(self, event: dict[str, Any], time_left: TimeLeft) -> dict[str, Any]:
        """An SQS FIFO batch -> the ids to bring again.

        A batch may hold several groups (Lambda developer guide, SQS scaling): each goes its own way at the same
        time, so that a channel that says "wait" holds up nobody else.
        """
        groups: dict[str, list[Queued]] = {}
        for each in map(queued, event["Records"]):
            groups.setdefault(each.group, []).append(each)
        if self.trouble:
            self.meter.count(meter.CONFIGURATION_BROKEN)
        failed = self.side_by_side(lambda group: self._group(group, time_left), list(groups.values()))
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
        """Those that were told as one, or the seconds to wait; neither when the first has to go alone."""
        if not self._is_slack(group[0]) or time_left() < TIME_FOR_ONE_POST:
            return (), None
        try:
            readable = _readable(group)
            together = [(group[place], readable[place]) for place in foldable(readable)]
            fresh = [(each, message) for each, message in together if self.ledger.look(message.key) is None]
            if len(fresh) < FEWEST or fresh[0][0] is not group[0]:
                return (), None
            answer = self._posted(folded([message for _, message in fresh]), time_left)
            for _, message in fresh:
                self._delivered(message, answer)
        except TransientDeliveryError as error:
            if is_exhausted(group[0].first_received, group[0].received, self.clock.since_1970()):
                return (), None
            return (), self._later(group[0], str(error), next_try(error, group[0].received))
        except Exception:
            self.log.exception("not rolled up", extra={"destination": group[0].group})
            return (), None
        return [each for each, _ in fresh], None

    def _is_slack(self, each: Queued) -> bool:
        """A topic has no pace to keep, and its subscribers no blocks to fold."""
        return isinstance(self.settings.destinations.get(each.group), SlackApp | SlackWebhook)

    def _attempt(self, each: Queued, time_left: TimeLeft) -> int | None:
        """None when the message is settled, else the seconds after which to bring it again."""
        if time_left() < TIME_FOR_ONE_POST:
            return 0
        try:
            self._settle(each, time_left)
        except TransientDeliveryError as error:
            return self._later(each, str(error), next_try(error, each.received))
        except Exception:
            self.log.exception("failed", extra={"message_id": each.message_id})
            return self._later(each, "gatewatch failed on it", backoff(each.received))
        return None

    def _later(self, each: Queued, reason: str, seconds: int) -> int:
        facts = {"message_id": each.message_id, "destination": each.group, "received": each.received}
        self.log.warning("postponed", extra={**facts, "reason": reason, "seconds": seconds})
        self.meter.count(meter.RETRIED)
        return seconds

    def _settle(self, each: Queued, time_left: TimeLeft) -> None:
        """Delivered, skipped as a repeat, or buried; otherwise it raises and the message stays."""
        try:
            message = read_message(each.body)
        except UndecodableError as error:
            self.burial.bury_unreadable(each, str(error))
            return
        entry = self.ledger.look(message.key)
        if entry is None:
            self._deliver_or_bury(message, each, time_left)
        elif entry.state is State.GIVING_UP:
            self.burial.bury(message, each, entry.answer)
        else:
            self.log.info("duplicate", extra=_facts(message))
            self.meter.count(meter.DUPLICATE)

    def _deliver_or_bury(self, message: Message, each: Queued, time_left: TimeLeft) -> None:
        try:
            answer = self._posted(message, time_left)
        except PermanentDeliveryError as error:
            self.burial.bury(message, each, str(error))
        except TransientDeliveryError as error:
            is_over = is_exhausted(each.first_received, each.received, self.clock.since_1970())
            if isinstance(error, TooEarlyError) or not is_over:
                raise
            self.burial.bury(message, each, f"given up after {each.received} attempts: {error}")
        except Exception as error:
            if each.received < _TRIES:
                raise
            self.log.exception("given up", extra=_facts(message))
            self.burial.bury(message, each, f"gatewatch failed on it: {type(error).__name__}")
        else:
            self._delivered(message, answer)

    def _posted(self, message: Message, time_left: TimeLeft) -> str:
        destination = self.settings.destinations.get(message.destination)
        if destination is None:
            raise PermanentDeliveryError(f"policy.yaml has no destination {message.destination}")
        return self.pace.persist(message, destination, self.post, time_left).answer

    def _delivered(self, message: Message, answer: str) -> None:
        self.ledger.owe(message.key, Entry(State.DELIVERED, answer))
        self.log.info("delivered", extra={**_facts(message), "part": message.part, "parts": message.parts})
        self.meter.count(meter.DELIVERED)
        if message.event_time is not None:
            self.meter.seconds(meter.AGE_SECONDS, max(0.0, self.clock.since_1970() - message.event_time))

    def _postpone(self, each: Queued, seconds: int) -> None:
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
