"""The pipeline deployed to the local AWS: environment of its functions, and its throughput."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from bench import corpus
from bench.measures import Row, load_pipeline, process_event
from bench.measures import first_click as first_click_of
from gatewatch.delivery.wire import encode_message
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION
from gatewatch.local.demo import deployment, scenario
from gatewatch.local.slack.inbox import Inbox
from gatewatch.local.slack.workspace import APP, SIGNING_SECRET, TEAM
from gatewatch.model.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.local.demo.deployment import Deployment

_COUNT = 100


@contextmanager
def deployed_pipeline() -> Iterator[tuple[Deployment, Inbox]]:
    with Inbox() as inbox, deployment.deploy(inbox) as deployed:
        yield deployed, inbox


def variables(deployed: Deployment, inbox: Inbox, name: str) -> dict[str, str]:
    """Return the environment of a packaged function, with an event for it in BENCH_EVENT."""
    now = str(int(time.time() * 1000))
    body = {"alert": _alert_body, "deliver": _deliver_body}[name]()
    queue, receipt_handle = _received_message(deployed) if name == "deliver" else ({}, "1")
    record: dict[str, Any] = {
        "messageId": "1",
        "receiptHandle": receipt_handle,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "ApproximateFirstReceiveTimestamp": now,
            "MessageGroupId": "sec-all",
        },
        "messageAttributes": {},
    }
    event = msgspec.json.encode({"Records": [record]}).decode()
    own = {"PATH": os.environ["PATH"], "BENCH_EVENT": event, **queue}
    found = {
        **deployed.cloud.variables(HUB_ACCOUNT, HUB_REGION),
        **deployment.function_variables(deployed.hub, inbox, deployed.receivers),
        **own,
    }
    return {key: value for key, value in found.items() if key not in {"GATEWATCH_ACCOUNTS", "GATEWATCH_POLICY"}}


def _received_message(deployed: Deployment) -> tuple[dict[str, str], str]:
    """Return the receipt handle of a message that functions/deliver may claim, and the variable with its queue."""
    sqs = deployed.cloud.client(HUB_ACCOUNT, HUB_REGION, "sqs")
    url = sqs.create_queue(QueueName="bench")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="bench")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    return {"GATEWATCH_OUTBOX_URL": url}, message["ReceiptHandle"]


def first_click(deployed: Deployment, inbox: Inbox, rounds: int) -> Iterator[Row]:
    """Measure functions/actions with clicks on an alert that does not exist; they are worked off afterwards."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U0ALICE", "username": "alice", "team_id": TEAM},
        "team": {"id": TEAM},
        "api_app_id": APP,
        "container": {"channel_id": "C0123456789", "message_ts": "1712345678.000100"},
        "actions": [{"action_id": "gatewatch.acknowledge", "value": "0" * 32}],
    }
    own = {"BENCH_CLICK": msgspec.json.encode(payload).decode(), "BENCH_SECRET": SIGNING_SECRET}
    yield from first_click_of(rounds, variables(deployed, inbox, "alert") | own)
    with redirect_stdout(StringIO()):
        deployed.poller.drain()


def _alert_body() -> str:
    return corpus.call_with_rules(1).decode()


def _deliver_body() -> str:
    messages = process_event(corpus.call_with_rules(1), load_pipeline())
    return encode_message(next(each for each in messages if each.destination == "sec-all"))


def events_per_second(deployed: Deployment, inbox: Inbox) -> Iterator[Row]:
    """Measure from a member's bus to the delivery; moto is the limit, not the functions."""
    before = len(inbox.received)
    start = time.perf_counter()
    for number in range(_COUNT):
        record = msgspec.json.decode(corpus.call_with_rules(1)) | {"eventID": f"bench-{start}-{number}"}
        deployed.cloud.publish("111122223333", HUB_REGION, record)
    published = time.perf_counter()
    with redirect_stdout(StringIO()):  # Powertools prints metrics
        deployed.poller.drain()
    end = time.perf_counter()
    yield Row(
        "member's bus to the hub's queue",
        "",
        f"{_COUNT / (published - start):.0f} events/s",
        "moto is the limit",
        "",
        None,
        0,
    )
    yield Row(
        "queue to delivery in Slack",
        "",
        f"{_COUNT / (end - published):.0f} alerts/s in {len(inbox.received) - before} messages",
        "moto is the limit",
        "",
        None,
        0,
    )


def time_to_first_message(deployed: Deployment, inbox: Inbox) -> Iterator[Row]:
    """Publish the calls of the demo one after the other; measure until the first message of each is in a channel.

    Every channel answers. How long a severe alert takes to a fallback is simulated by `make chaos`.
    """
    seconds: dict[str, list[float]] = {}
    for event in scenario.load_scenario():
        before, start = len(inbox.received), time.time()
        deployed.publish([event])
        with redirect_stdout(StringIO()):
            deployed.poller.drain()
        if found := inbox.received[before:]:
            seconds.setdefault(event.expected.severity, []).append(found[0].at.timestamp() - start)
    for severity in Severity:
        if times := seconds.get(severity):
            figure = f"median {median(times):.1f} s, worst {max(times):.1f} s"
            what = f"event on a member's bus to its first message, {severity}, every channel answers"
            yield Row(what, "", f"{len(times)} calls", figure, "", None, max(times))
