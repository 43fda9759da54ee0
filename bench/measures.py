"""The measurements, each with a floor to compare with. Every function yields rows of the table."""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from bench import corpus
from bench.harness import Ratio, children_time, paired, python, slope
from gatewatch.alerts.pipeline import AlertPipeline, assess_call, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.cli.comply import print_groups
from gatewatch.cli.comply_input import evaluate_group, groups_of_file
from gatewatch.cli.options import ListFormat
from gatewatch.config.settings import Colors, load_settings
from gatewatch.delivery.rate_limit import Clock, RateLimiter
from gatewatch.delivery.rollup import plan_rollup
from gatewatch.events.decoding import decode, parse
from gatewatch.local.demo import scenario
from gatewatch.model.api_call import ApiCall
from gatewatch.model.message import Receipt, Rollup
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.templates import load_templates
from tools.package import copy_sources
from tools.precompile import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gatewatch.config.ingress import IngressPolicy
    from gatewatch.model.message import Content, OutboxMessage

ROOT = corpus.ROOT


_LAPS = 10


class Row(Struct, frozen=True):
    """One row of the table. `met` is None without a goal."""

    what: str
    floor: str
    subject: str
    figure: str
    goal: str
    met: bool | None
    value: float


_RENDERER = SlackRenderer(load_templates(ROOT / "templates"), Colors())


def load_pipeline() -> AlertPipeline:
    return AlertPipeline(load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), InMemoryRuleHistory())


def process_event(text: bytes, pipeline: AlertPipeline) -> list[OutboxMessage]:
    """Run the whole pipeline for one event, and render its Slack message."""
    messages = _alerted(text, pipeline)
    for message in messages[:1]:
        list(_RENDERER.messages(message))
    return messages


def per_event(rounds: int) -> Iterator[Row]:
    """The alert stage and the rendering by processor time, each against json.loads of the same events."""
    texts, pipeline = corpus.events(), load_pipeline()
    alert = paired(
        lambda: _all(json.loads, texts),
        lambda: _all(lambda text: _alerted(text, pipeline), texts),
        rounds,
        time.process_time,
    )
    yield _event_row("functions/alert: decode → assess → route → notification, per event", alert, len(texts), 9)
    shown = [(text, message) for text in texts for message in _alerted(text, pipeline)[:1]]
    rendered = paired(
        lambda: _all(lambda each: json.loads(each[0]), shown),
        lambda: _all(lambda each: list(_RENDERER.messages(each[1])), shown),
        rounds,
        time.process_time,
    )
    yield _event_row("functions/deliver: notification → payload of Slack, per message", rendered, len(shown), 12)


def _event_row(what: str, ratio: Ratio, count: int, goal: float) -> Row:
    each = _LAPS * count
    return _row(what, f"json.loads {_micro(ratio.floor / each)}", _micro(ratio.subject / each), ratio.ratio, goal)


def _alerted(text: bytes, pipeline: AlertPipeline) -> list[OutboxMessage]:
    """What functions/alert puts on the outbox for an event."""
    results = [run_pipeline(each, pipeline) for each in decode(parse(text)) if isinstance(each, ApiCall)]
    return [message for result in results if result for message in result.messages]


def _all(work: Callable[[Any], object], inputs: list[Any]) -> None:
    """Call `work` with every input and discard the results, as a function does."""
    for _ in range(_LAPS):
        for each in inputs:
            work(each)


def _assessed(text: bytes, pipeline: AlertPipeline) -> list[Any]:
    return [assess_call(each, pipeline) for each in decode(parse(text)) if isinstance(each, ApiCall)]


# Both exit without interpreter shutdown, because a function does not end.
_FLOOR = """
import os, boto3
session = boto3.Session(region_name="us-east-1")
for service in {services}: session.client(service)
os._exit(0)
"""
# Of each function: the clients that its first event needs, and how much longer than creating them it may take.
_CLIENTS = {"alert": (("sqs", "dynamodb"), 1.3), "deliver": (("dynamodb", "sqs", "ssm"), 1.5)}
_HANDLE = """
import base64, json, os, sys, zlib
from functions import {name} as function
class Context:
    function_name, memory_limit_in_mb = "{name}", "256"
    invoked_function_arn, aws_request_id = "arn:aws:lambda:us-east-1:111122223333:function:{name}", "1"
    @staticmethod
    def get_remaining_time_in_millis(): return 60000
def renamed(body, name="b%06d" % (os.getpid() % 1000000)):
    # A new event in every process; a message of the outbox is compressed, and the name as long as before.
    if not body.startswith("1:"):
        return body.replace("bench-1", name)
    packed = zlib.decompress(base64.b64decode(body[2:])).replace(b"bench-1", name.encode())
    return "1:" + base64.b64encode(zlib.compress(packed)).decode()
event = json.loads(os.environ["BENCH_EVENT"])
event["Records"][0]["body"] = renamed(event["Records"][0]["body"])
answer = function.handler(event, Context)
assert answer == {{"batchItemFailures": []}}, answer
os._exit(0)
"""


def cold_start(rounds: int, environment_of: Callable[[str], dict[str, str]]) -> Iterator[Row]:
    """Measure cold starts of the packaged functions, by processor time.

    The floor is the AWS SDK with the clients that the event needs. `environment_of(name)` has an event in BENCH_EVENT.
    """
    with TemporaryDirectory() as name:
        tree = Path(name)
        _lay_out(tree)
        for function, (services, goal) in _CLIENTS.items():
            variables = environment_of(function)
            code = _HANDLE.format(name=function)
            floor = python(_FLOOR.format(services=services), tree, variables)
            ratio = paired(floor, python(code, tree, variables), rounds, children_time)
            yield _row(
                f"functions/{function}: process start to the first handled event",
                f"import boto3, clients of {' and '.join(services)}: {_milli(ratio.floor)}",
                _milli(ratio.subject),
                ratio.ratio,
                goal,
            )


_RUNTIME = """
import hmac, http.client, json, logging, logging.config, os, sys, time, traceback, warnings
"""  # what Lambda's runtime has imported before a handler (awslambdaric), and hmac
_REFUSED = {
    "floor": "def handler(event, context): return {'statusCode': 401}\n",
    "subject": "from functions.actions import handler\n",
}
_REFUSE = "assert handler({'headers': {}}, None) == {'statusCode': 401}\nos._exit(0)\n"
_CLICK = """
import hashlib, urllib.parse
from functions.actions import handler
payload = json.dumps(json.loads(os.environ["BENCH_CLICK"]) | {"trigger_id": str(time.time_ns())})
body, at = urllib.parse.urlencode({"payload": payload}), str(int(time.time()))
signed = hmac.new(os.environ["BENCH_SECRET"].encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
headers = {"x-slack-request-timestamp": at, "x-slack-signature": f"v0={signed}"}
answer = handler({"headers": headers, "body": body, "isBase64Encoded": False}, None)
assert answer == {"statusCode": 200}, answer
os._exit(0)
"""


def first_click(rounds: int, variables: dict[str, str]) -> Iterator[Row]:
    """Measure functions/actions from the start of a process, by processor time: a request of nobody, and a click.

    `variables` have a payload of Slack in BENCH_CLICK and its secret in BENCH_SECRET.
    """
    with TemporaryDirectory() as name:
        tree = Path(name)
        _lay_out(tree)
        refused = [python(f"{_RUNTIME}{_REFUSED[each]}{_REFUSE}", tree, variables) for each in ("floor", "subject")]
        ratio = paired(*refused, rounds, children_time)
        floor = f"an empty handler with hmac: {_milli(ratio.floor)}"
        what = "functions/actions: process start to the first unsigned request"
        yield _row(what, floor, _milli(ratio.subject), ratio.ratio, 1.2)
        clients = python(_FLOOR.format(services=("sqs", "dynamodb", "ssm")), tree, variables)
        ratio = paired(clients, python(f"{_RUNTIME}{_CLICK}", tree, variables), rounds, children_time)
        floor = f"import boto3, clients of sqs, dynamodb and ssm: {_milli(ratio.floor)}"
        what = "functions/actions: process start to the first click on the queue"
        yield _row(what, floor, _milli(ratio.subject), ratio.ratio, 1.3)


def _lay_out(tree: Path) -> None:
    """Lay out the files of the zip in a folder, with the configuration of the demo but without lookups."""
    copy_sources(tree)
    accounts = yaml.safe_load(scenario.ACCOUNTS.read_text("utf-8"))
    del accounts["defaults"]["read_role"]
    (tree / "accounts.yaml").write_text(yaml.safe_dump(accounts), "utf-8")
    shutil.copyfile(scenario.POLICY, tree / "policy.yaml")
    prepare(tree, f"{sys.version_info.major}.{sys.version_info.minor}")


def comply(rounds: int) -> Iterator[Row]:
    """`gatewatch comply` over a file of 200 groups with ten permissions each, without the start of the program."""
    with TemporaryDirectory() as name:
        path = Path(name) / "groups.json"
        text = corpus.security_groups(200)
        path.write_bytes(text)
        settings, now = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml"), datetime.now(UTC)
        ratio = paired(lambda: json.loads(text), lambda: _evaluate(path, settings.ingress, now), rounds)
    yield _row(
        f"comply of 200 groups with 2,000 permissions, {len(text) / 1e6:.1f} MB",
        f"json.loads {_milli(ratio.floor)}",
        _milli(ratio.subject),
        ratio.ratio,
        10,
    )


def _evaluate(path: Path, ingress: IngressPolicy, now: datetime) -> None:
    groups = [evaluate_group(group, rules, ingress, now) for group, rules in groups_of_file(path)]
    with redirect_stdout(StringIO()):
        print_groups(groups, ListFormat.TABLE)


def growth(largest: int) -> Iterator[Row]:
    pipeline = load_pipeline()
    texts = corpus.events()
    sizes = [size for size in (100, 1_000, 10_000, 100_000, 1_000_000) if size <= largest]
    _many(texts, 500, pipeline)
    costs = [
        min(_seconds(lambda size=size: _many(texts, size, pipeline)) for _ in range(_again(size))) / size
        for size in sizes
    ]
    flat = slope(sizes, costs)
    yield Row(
        f"cost per event from {sizes[0]:,} to {sizes[-1]:,} events",
        _micro(costs[0]),
        _micro(costs[-1]),
        f"exponent {flat:+.2f}",
        "flat (0)",
        abs(flat) < 0.1,
        flat,
    )
    rules = [1, 10, 100, 1_000]
    calls = [corpus.call_with_rules(count) for count in rules]
    process_event(calls[0], pipeline)
    times = [min(_seconds(lambda call=call: process_event(call, pipeline)) for _ in range(5)) for call in calls]
    linear = slope(rules[1:], times[1:])
    yield Row(
        "cost of a call from 10 to 1,000 rules",
        _micro(times[1]),
        _micro(times[-1]),
        f"exponent {linear:.2f}",
        "linear (≤ 1)",
        linear < 1.1,
        linear,
    )


def _again(size: int) -> int:
    """Return how often to repeat a run; short runs are repeated more."""
    return max(1, 10_000 // size) if size > 100 else 50


def _many(texts: list[bytes], count: int, pipeline: AlertPipeline) -> None:
    for number in range(count):
        _assessed(texts[number % len(texts)], pipeline)


def burst() -> Iterator[Row]:
    """Deliver a thousand changes to one webhook at one message per second, on a simulated clock.

    Messages are rolled up in batches of ten, the batch size of Lambda.
    """
    pipeline = load_pipeline()
    call = corpus.call_with_rules(10)
    calls = [call.replace(b"bench-10", f"bench-{number}".encode()) for number in range(100)]
    messages = list(rolled_up([message for each in calls for message in messages_of_call(each, pipeline)]))
    clock = SimulatedClock()
    limiter = RateLimiter(Clock(clock.time, clock.time, clock.sleep), Turns())
    destination = pipeline.settings.destinations["sec-all"]
    for _ in messages:
        limiter.send("sec-all", destination.pace, lambda: Receipt("sec-all", "ok"), lambda: 900.0)
    yield Row(
        "1,000 changes in 100 calls, one Slack webhook",
        "",
        f"{len(messages)} messages",
        f"{clock.now:.0f} s at Slack's rate limit",
        "",
        None,
        clock.now,
    )


def messages_of_call(text: bytes, pipeline: AlertPipeline) -> list[OutboxMessage]:
    return [each for each in process_event(text, pipeline) if each.destination == "sec-all"]


def rolled_up(waiting: list[OutboxMessage]) -> Iterator[Content]:
    while waiting:
        batch, waiting = waiting[:10], waiting[10:]
        while batch:
            chosen = plan_rollup(batch, lambda each: len(_RENDERER.cut(each)) == 1, _RENDERER.fits) or (0,)
            yield Rollup(tuple(batch[each] for each in chosen)) if len(chosen) > 1 else batch[0]
            batch = [each for number, each in enumerate(batch) if number not in chosen]


class SimulatedClock:
    """A clock on which only sleeping takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Turns:
    """Stands for the hub's table, which holds the time of the next post."""

    def __init__(self) -> None:
        self.value: Any = None

    def modify(self, _kind: object, _key: str, change: Callable[[Any], Any]) -> Any:
        self.value = change(self.value)
        return self.value


def _row(what: str, floor: str, subject: str, ratio: float, goal: float | None = None) -> Row:
    return Row(
        what, floor, subject, f"{ratio:.2f} ×", f"≤ {goal:g} ×" if goal else "", ratio <= goal if goal else None, ratio
    )


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.01 else _milli(seconds)


def _milli(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"
