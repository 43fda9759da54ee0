"""SQS FIFO handler: outbox to destinations, in the order of each message group and within their rate limits.

A message is done when its destination accepted all of its parts, or when it is in the dead-letter queue and its
fallback message is sent. Until then it stays in the outbox and blocks its message group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gatewatch.aws import metrics
from gatewatch.config.destinations import SlackApp, SlackWebhook
from gatewatch.delivery.attempts import may_be_posted_with, most_posts
from gatewatch.delivery.ledger import DeliveryState, LedgerEntry, part_key
from gatewatch.delivery.outbox import QueuedMessage, queued_message
from gatewatch.delivery.rate_limit import TIME_FOR_ONE_POST, RateLimitedError, backoff, is_exhausted, retry_delay
from gatewatch.delivery.rollup import MIN_MESSAGES, plan_rollup
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UndecodableError
from gatewatch.model.message import Rollup
from gatewatch.rendering.presentation import Presentation

if TYPE_CHECKING:
    from logging import Logger

    from gatewatch.aws.metrics import Meter
    from gatewatch.config.destinations import Destination
    from gatewatch.config.settings import Settings
    from gatewatch.delivery.attempts import Attempts
    from gatewatch.delivery.channels import Channels
    from gatewatch.delivery.dead_lettering import DeadLettering
    from gatewatch.delivery.ledger import Ledger
    from gatewatch.delivery.message_visibility import MessageVisibility
    from gatewatch.delivery.rate_limit import Clock, RateLimiter
    from gatewatch.delivery.threads import Threads
    from gatewatch.model.message import Content, OutboxMessage
    from gatewatch.rendering.presentation import Cut

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
    channels: Channels
    threads: Threads
    ledger: Ledger
    attempts: Attempts
    dead_lettering: DeadLettering
    visibility: MessageVisibility
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
        received = [queued_message(each) for each in event["Records"]]
        lost = self.visibility.claim(received, time_left())
        groups: dict[str, list[QueuedMessage]] = {}
        for each in received:
            groups.setdefault(each.group, []).append(each)
        if self.configuration_error:
            self.meter.count(metrics.CONFIGURATION_ERRORS)
        failed = self.run_concurrently(lambda group: self._own_group(group, lost, time_left), list(groups.values()))
        return {"batchItemFailures": [{"itemIdentifier": each} for ids in failed for each in ids]}

    def _own_group(self, group: Group, lost: frozenset[str], time_left: TimeLeft) -> list[str]:
        """Deliver a group, unless another process may have received one of its messages again."""
        ids = [each.message_id for each in group]
        return self._group(group, time_left) if lost.isdisjoint(ids) else ids

    def _group(self, group: Group, time_left: TimeLeft) -> list[str]:
        """Deliver in order, except for roll-ups. After a failure the other messages of the group wait."""
        waiting = list(group)
        while waiting:
            done, delay = self._attempt_rollup(waiting, time_left)
            if not done and delay is None:
                done, delay = waiting[:1], self._attempt(waiting[0], time_left)
            if delay is not None:
                for each in waiting:
                    self.visibility.postpone(each, delay)
                return [each.message_id for each in waiting]
            waiting = [each for each in waiting if each not in done]
        return []

    def _attempt_rollup(self, group: Group, time_left: TimeLeft) -> tuple[Group, int | None]:
        """Deliver a roll-up. Returns its messages, or the seconds to wait; neither if the first goes alone."""
        destination = self.settings.destinations.get(group[0].group)  # None for critical ones, which are not rolled up
        # A topic has no rate limit, and its subscribers get one message per alert.
        if not isinstance(destination, SlackApp | SlackWebhook) or time_left() < TIME_FOR_ONE_POST:
            return (), None
        try:
            readable = _readable(group)
            planned = [(group[index], readable[index]) for index in self._planned(readable, destination)]
            parts = {message.key: self.ledger.get(part_key(message.key, 1)) for _, message in planned}
            first = planned[0][1].key if planned else ""
            pending = [pair for pair in planned if may_be_posted_with(parts[pair[1].key], parts[first])]
            if len(pending) < MIN_MESSAGES or pending[0][0] is not group[0]:
                return (), None
            rollup = Rollup(tuple(message for _, message in pending))
            whole = Presentation()
            posted = {part_key(message.key, 1): parts[message.key] for message in rollup.messages}
            response = self._post(rollup, posted, whole, destination, time_left)
            for message in rollup.messages:
                self._delivered(message, whole, response)
        except TransientDeliveryError as error:
            if is_exhausted(group[0].first_received, group[0].received, self.clock.now()):
                return (), None
            return (), self._retry_later(group[0], str(error), retry_delay(error, group[0].received))
        except Exception:
            self.log.exception("not rolled up", extra={"destination": group[0].group})
            return (), None
        return [each for each, _ in pending], None

    def _planned(self, messages: Sequence[OutboxMessage], destination: Destination) -> tuple[int, ...]:
        return plan_rollup(
            messages, lambda message: len(self.channels.cut(message, destination)) == 1, self.channels.fits
        )

    def _attempt(self, each: QueuedMessage, time_left: TimeLeft) -> int | None:
        """None when the message is done, else the seconds after which to retry it."""
        if time_left() < TIME_FOR_ONE_POST:
            return 0
        try:
            self._handle_message(each, time_left)
        except TransientDeliveryError as error:
            return self._retry_later(each, str(error), retry_delay(error, each.received))
        except Exception:
            self.log.exception("failed", extra={"message_id": each.message_id})
            return self._retry_later(each, "gatewatch failed on it", backoff(each.received))
        return None

    def _retry_later(self, each: QueuedMessage, reason: str, seconds: int) -> int:
        facts = {"message_id": each.message_id, "destination": each.group, "received": each.received}
        self.log.warning("postponed", extra={**facts, "reason": reason, "seconds": seconds})
        self.meter.count(metrics.RETRIED)
        return seconds

    def _handle_message(self, each: QueuedMessage, time_left: TimeLeft) -> None:
        """Deliver the remaining parts, or give up. Raises when the message has to stay in the outbox."""
        try:
            message = decode_message(each.body)
        except UndecodableError as error:
            self.dead_lettering.give_up_unreadable(each, str(error))
            return
        part = posted = 0
        cut: Cut = ()
        while part == 0 or part < len(cut):
            part += 1
            entry = self.ledger.get(part_key(message.key, part))
            cut = cut or entry.cut
            if entry.state is DeliveryState.GIVING_UP:
                self.dead_lettering.give_up(message, part_key(message.key, part), each, entry.detail)
                return
            if entry.state is DeliveryState.DEAD_LETTERED:
                break
            if entry.state is DeliveryState.STARTED:
                posted += 1
                cut = self._deliver_or_give_up(message, Presentation(part=part, cut=cut), entry, each, time_left)
        if not posted:
            self.log.info("duplicate", extra=_facts(message))
            self.meter.count(metrics.DUPLICATES)

    def _deliver_or_give_up(
        self,
        message: OutboxMessage,
        presentation: Presentation,
        entry: LedgerEntry,
        each: QueuedMessage,
        time_left: TimeLeft,
    ) -> Cut:
        """Deliver one part. Returns the cut of the message, which is made at part 1; empty after giving up."""
        key = part_key(message.key, presentation.part)
        try:
            destination = self._destination(message)
            cut = presentation.cut or self.channels.cut(message, destination)
            shown = replace(presentation, cut=cut)
            response = self._post(message, {key: entry}, shown, destination, time_left)
        except PermanentDeliveryError as error:
            reason = str(error)
        except TransientDeliveryError as error:
            is_over = is_exhausted(each.first_received, each.received, self.clock.now())
            if isinstance(error, RateLimitedError) or not is_over:
                raise
            reason = f"given up after {each.received} attempts: {error}"
        except Exception as error:
            if each.received < _TRIES:
                raise
            self.log.exception("given up", extra=_facts(message))
            reason = f"gatewatch failed on it: {type(error).__name__}"
        else:
            self._delivered(message, shown, response)
            return cut
        self.dead_lettering.give_up(message, key, each, reason)
        return ()

    def _destination(self, message: OutboxMessage) -> Destination:
        destination = self.settings.destinations.get(message.destination)
        if destination is None:
            raise PermanentDeliveryError(f"policy.yaml has no destination {message.destination}")
        return destination

    def _post(
        self,
        content: Content,
        parts: Mapping[str, LedgerEntry],
        presentation: Presentation,
        destination: Destination,
        time_left: TimeLeft,
    ) -> str:
        if time_left() < TIME_FOR_ONE_POST:
            raise RateLimitedError("no time is left for another part", 0.0)
        receipt = self.rate_limiter.send(
            content.destination,
            destination.pace,
            lambda: self.attempts.post(
                parts,
                presentation.cut,
                lambda mark: self.threads.post(content, replace(presentation, mark=mark), destination),
                most_posts(content, self.settings),
            ),
            time_left,
        )
        return receipt.response

    def _delivered(self, message: OutboxMessage, presentation: Presentation, response: str) -> None:
        key = part_key(message.key, presentation.part)
        self.ledger.write_later(key, LedgerEntry(DeliveryState.DELIVERED, response, presentation.cut))
        parts = {"part": presentation.part, "parts": presentation.parts}
        self.log.info("delivered", extra={**_facts(message), **parts})
        self.meter.count(metrics.DELIVERED)
        if message.notification.event_time is not None:
            age = self.clock.now() - message.notification.event_time
            self.meter.seconds(metrics.AGE_SECONDS, max(0.0, age))


def _readable(group: Group) -> list[OutboxMessage]:
    """The messages up to the first that cannot be decoded."""
    messages: list[OutboxMessage] = []
    for each in group:
        try:
            messages.append(decode_message(each.body))
        except UndecodableError:
            break
    return messages


def _facts(message: OutboxMessage) -> dict[str, str]:
    notification = message.notification
    facts = {"event_id": notification.event_id, "account_id": notification.account_id}
    return {**facts, "destination": message.destination}
