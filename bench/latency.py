"""Latency inside the hub, from an event on the bus to the moment when Slack accepts its message."""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING

import msgspec

from bench import corpus
from bench.measures import Row, SimulatedClock, Turns, load_pipeline, messages_of_call, rolled_up
from gatewatch.delivery.rate_limit import Clock, RateLimiter
from gatewatch.local.aws.server import HUB_REGION
from gatewatch.model.message import Receipt, contained_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatewatch.local.demo.deployment import Deployment
    from gatewatch.local.slack.inbox import Inbox
    from gatewatch.model.message import Content

_DESTINATION = "sec-all"
_BATCH = 10
_TIMEOUT_SECONDS = 120
_EVENTS_BY_RATE = {1: 15, 10: 60}  # events a second -> events


def in_local_pipeline(
    deployed: Deployment, inbox: Inbox, events_by_rate: dict[int, int] | None = None
) -> Iterator[Row]:
    """Publish events at a steady rate while the functions are polled, as `gatewatch up` does."""
    stop = threading.Event()
    polling = threading.Thread(target=deployed.poller.run, args=(stop,))
    with redirect_stdout(StringIO()):  # Powertools prints metrics
        polling.start()
        try:
            rows = [_at_rate(deployed, inbox, *each) for each in (events_by_rate or _EVENTS_BY_RATE).items()]
        finally:
            stop.set()
            polling.join()
    yield from rows


def _at_rate(deployed: Deployment, inbox: Inbox, rate: int, count: int) -> Row:
    published: dict[str, datetime] = {}
    start, before = time.monotonic(), len(inbox.received)
    for number in range(count):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        event_id = f"latency-{rate}-{number:04}-{time.time_ns()}"
        published[event_id] = datetime.now(UTC)
        record = msgspec.json.decode(corpus.call_with_rules(1)) | {"eventID": event_id}
        deployed.cloud.publish("111122223333", HUB_REGION, record)
    seconds = _seconds_until_shown(inbox, published, before)
    return _row(f"{rate} event{'s' if rate > 1 else ''} a second, local pipeline", seconds, count)


def _seconds_until_shown(inbox: Inbox, published: dict[str, datetime], before: int) -> list[float]:
    """Seconds of each event until a message names it. Raises `TimeoutError`."""
    found: dict[str, float] = {}
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while len(found) < len(published):
        for each in inbox.received[before:]:
            text = msgspec.json.encode(each.message).decode()
            for event_id in published.keys() - found.keys():
                if event_id in text:
                    found[event_id] = (each.at - published[event_id]).total_seconds()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(published) - len(found)} of {len(published)} events were not shown")
        time.sleep(0.2)
    return list(found.values())


def by_simulated_clock(rate: int, count: int) -> Iterator[Row]:
    """Events at a rate that moto does not reach: real roll-ups and rate limit of one webhook, on a simulated clock."""
    pipeline, clock = load_pipeline(), SimulatedClock()
    limiter = RateLimiter(Clock(clock.time, clock.time, clock.sleep), Turns())
    pace = pipeline.settings.destinations[_DESTINATION].pace
    call = corpus.call_with_rules(1)
    names = [f"bench-1-{number:04}" for number in range(count)]
    waiting = [(number / rate, names[number]) for number in range(count)]
    seconds: list[float] = []
    while waiting:
        clock.now = max(clock.now, waiting[0][0])
        batch = [each for each in waiting[:_BATCH] if each[0] <= clock.now]
        waiting = waiting[len(batch) :]
        texts = [call.replace(b'"bench-1"', msgspec.json.encode(name)) for _, name in batch]
        messages = [each for text in texts for each in messages_of_call(text, pipeline)]
        arrived = {name: at for at, name in batch}
        for content in rolled_up(messages):
            limiter.send(_DESTINATION, pace, lambda: Receipt(_DESTINATION, "ok"), lambda: 900.0)
            seconds += [clock.now - arrived[event_id] for event_id in _event_ids(content)]
    yield _row(f"{rate} events a second for {count / rate:.0f} s, one webhook, simulated clock", seconds, count)


def _event_ids(content: Content) -> list[str]:
    return [each.notification.event_id for each in contained_messages(content)]


def _row(what: str, seconds: Sequence[float], count: int) -> Row:
    median, highest = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    figure = f"median {median:.1f} s, 99th percentile {highest:.1f} s"
    return Row(f"bus to Slack's yes, {what}", "", f"{count} events", figure, "", None, median)
