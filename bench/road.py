"""The local road as a place to measure: a deployed hub, a Slack, and what a function finds in its environment."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import msgspec

from bench import corpus
from bench.measures import Row, hub, tell
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION
from gatewatch.local.demo import run as demo
from gatewatch.local.slack.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.local.demo.run import Road

_COUNT = 100


@contextmanager
def opened() -> Iterator[tuple[Road, Inbox]]:
    with Inbox() as inbox, demo.road(inbox) as deployed:
        yield deployed, inbox


def variables(deployed: Road, inbox: Inbox, name: str) -> dict[str, str]:
    """The environment of one function that finds its settings beside it, and an event it can handle to the end."""
    now = str(int(time.time() * 1000))
    body = {"alert": _alert_body, "deliver": _deliver_body}[name]()
    record: dict[str, Any] = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "ApproximateFirstReceiveTimestamp": now,
            "MessageGroupId": "sec-all",
        },
        "messageAttributes": {},
    }
    own = {"PATH": os.environ["PATH"], "BENCH_EVENT": msgspec.json.encode({"Records": [record]}).decode()}
    found = {**deployed.cloud.variables(HUB_ACCOUNT, HUB_REGION), **demo.variables(deployed.hub, inbox), **own}
    return {key: value for key, value in found.items() if key not in {"GATEWATCH_ACCOUNTS", "GATEWATCH_POLICY"}}


def _alert_body() -> str:
    return corpus.call_with_rules(1).decode()


def _deliver_body() -> str:
    told = tell(corpus.call_with_rules(1), hub())
    if told is None:
        raise RuntimeError("the corpus gave no message")
    message = next(each for each in told.messages if each.destination == "sec-all")
    return msgspec.json.encode(message).decode()


def events_a_second(deployed: Road, inbox: Inbox) -> Iterator[Row]:
    """From a member's bus to Slack's yes; moto's queues and bus are the limit, not the functions."""
    before = len(inbox.received)
    start = time.perf_counter()
    for number in range(_COUNT):
        record = msgspec.json.decode(corpus.call_with_rules(1)) | {"eventID": f"bench-{start}-{number}"}
        deployed.cloud.publish("111122223333", HUB_REGION, record)
    published = time.perf_counter()
    with redirect_stdout(StringIO()):  # Powertools prints a hundred metrics whatever it is told
        deployed.worker.drain()
    end = time.perf_counter()
    yield Row(
        "local road, member's bus to hub's queue",
        "",
        f"{_COUNT / (published - start):.0f} events/s",
        "moto is the limit",
        "",
        None,
        0,
    )
    yield Row(
        "local road, queue to Slack's yes",
        "",
        f"{_COUNT / (end - published):.0f} alerts/s in {len(inbox.received) - before} messages",
        "moto is the limit",
        "",
        None,
        0,
    )
