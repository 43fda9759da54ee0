"""The real handlers between fakes of everything that they use; a day of Lambda in some seconds."""

import json
import logging
import tempfile
from functools import cache
from pathlib import Path

import yaml

from chaos.clock import START, VirtualClock
from chaos.deliveries import Deliveries
from chaos.faults import Dice, Killed
from chaos.queues import Fifo, Sent, Sqs, Standard, named
from chaos.scenario import ACCOUNTS
from chaos.services import DynamoDb, FakeAws, Sns, Ssm
from chaos.slack import WEBHOOK, MisbehavingSlack
from gatewatch.alerts.pipeline import AlertPipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.delivery.attempts import Attempts
from gatewatch.delivery.channels import Channels
from gatewatch.delivery.dead_letter_queue import DeadLetterQueue
from gatewatch.delivery.dead_lettering import DeadLettering
from gatewatch.delivery.escalations import ESCALATIONS, DeliveryDeadlines, Escalations
from gatewatch.delivery.http import HttpClient
from gatewatch.delivery.ledger import Ledger
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.message_visibility import MessageVisibility
from gatewatch.delivery.outbox import Outbox
from gatewatch.delivery.rate_limit import Clock, RateLimiter
from gatewatch.delivery.secrets import SecretStore
from gatewatch.delivery.slack import Slack
from gatewatch.delivery.sns import Sns as SnsClient
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import GatewatchError
from gatewatch.handlers.alert import AlertHandler
from gatewatch.handlers.batch import partial_response
from gatewatch.handlers.deliver import DeliveryHandler
from gatewatch.handlers.escalate import EscalateHandler
from gatewatch.rendering.slack import SlackRenderer
from gatewatch.rendering.sns import SnsRenderer
from gatewatch.rendering.templates import load_templates
from support.paths import TEMPLATES

TIMEOUT = 60.0
# Visibility timeout in seconds and maxReceiveCount, as in eventbridge/hub.yaml.
EVENTS = {"visibility": 60, "receives": 15}
OUTBOX = {"visibility": 75, "receives": 1000}
MINUTE = 60.0
HUB_TOPIC = "arn:aws:sns:eu-west-1:999988887777:gatewatch-prod-alerts"
POLICY = {
    "destinations": {
        "sec-all": {"kind": "slack_webhook", "url": {"ssm": "/gatewatch/sec-all"}},
        "sec-prod": {"kind": "slack_webhook", "url": {"ssm": "/gatewatch/sec-prod"}},
        "oncall": {"kind": "slack_webhook", "url": {"ssm": "/gatewatch/oncall"}, "fallback": "sec-prod"},
        "payments": {"kind": "slack_app", "channel": "C0123456789", "token": {"ssm": "/gatewatch/token"}},
    },
    "routes": [
        {"to": ["sec-all"]},
        {"match": {"environment": "prod"}, "to": ["sec-prod"]},
        {"match": {"environment": "prod", "min_severity": "high"}, "to": ["oncall"]},
        {"match": {"min_severity": "high"}, "to": ["alerts"]},
    ],
}
SECRETS = {
    "/gatewatch/sec-all": f"{WEBHOOK}T00000000/B00000001/sEcReTaLl0000000000000001",
    "/gatewatch/sec-prod": f"{WEBHOOK}T00000000/B00000002/sEcReTpRoD000000000000002",
    "/gatewatch/oncall": f"{WEBHOOK}T00000000/B00000003/sEcReToNcAlL0000000000003",
    "/gatewatch/token": "xoxb-sEcReTtOkEn-000000000004",
}
ROTATED = {
    "/gatewatch/token": "xoxb-sEcReTtOkEn-000000000005",
    "/gatewatch/sec-prod": f"{WEBHOOK}T00000000/B00000002/sEcReTpRoD000000000000006",
}


def secret_parts():
    """What must be nowhere: the tail of every secret there ever was."""
    return {value.rpartition("/")[2] for value in [*SECRETS.values(), *ROTATED.values()]}


@cache
def chaos_templates():
    return load_templates(TEMPLATES)


@cache
def chaos_settings():
    accounts = {
        account: {
            "alias": f"account-{number:02d}",
            "environment": "prod" if number % 2 else "dev",
            "destinations": ["payments"] if number % 4 == 0 else [],
            "language": ("en", "ko", "ja")[number % 3],
        }
        for number, account in enumerate(ACCOUNTS[:-1])
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "accounts.yaml", Path(folder) / "policy.yaml"
        for path, content in zip(paths, ({"accounts": accounts}, POLICY), strict=True):
            path.write_text(yaml.safe_dump(content))
        return load_settings(*paths)


def _address(secret):
    return secret if secret.startswith("https") else f"Bearer {secret}"


class Lines(logging.Handler):
    """Every log line as it would be printed, tracebacks included."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        facts = {name: str(value) for name, value in vars(record).items() if name not in {"msg", "args"}}
        self.lines.append(json.dumps(facts | {"text": self.format(record)}))


class Counts:
    def __init__(self):
        self.counted = {}

    def count(self, name, value=1):
        self.counted[name] = self.counted.get(name, 0) + value

    def seconds(self, name, value):
        assert value >= 0
        self.counted.setdefault(name, 0)


class RecordingThreads(Threads):
    """Records what is about to be posted, so that the fakes know which messages a request carries."""

    def __init__(self, deliveries, *parts):
        super().__init__(*parts)
        self._deliveries = deliveries

    def post(self, content, presentation, destination):
        self._deliveries.posting(content, presentation)
        return super().post(content, presentation, destination)


class Harness:
    """`weather(harness, channel, key)`: what Slack does at this time; None takes the message."""

    def __init__(self, fate, weather=None, *, settings=None, handler=DeliveryHandler, ghost=0.0):
        dice = fate if isinstance(fate, Dice) else None
        self.fate, self.clock = fate, VirtualClock()
        self.deliveries = Deliveries(self.clock.time)
        self.settings = settings or chaos_settings()
        self.events_dlq, self.outbox_dlq = Standard(self.clock), Fifo(self.clock)
        self.events = Standard(self.clock, dice, **EVENTS, dead_letters=self.events_dlq, ghost=ghost)
        self.outbox = Fifo(self.clock, dice, **OUTBOX, dead_letters=self.outbox_dlq)
        queues = {
            "events": self.events,
            "events-dlq": self.events_dlq,
            "outbox.fifo": self.outbox,
            "outbox-dlq.fifo": self.outbox_dlq,
        }
        self.secrets = dict(SECRETS)
        self.channels = {
            **{url: name.rpartition("/")[2] for name, url in SECRETS.items() if url.startswith("https")},
            f"Bearer {SECRETS['/gatewatch/token']}": "payments",
        }
        self.aws = FakeAws(
            Sqs(self.clock, fate, queues),
            DynamoDb(fate, self.deliveries),
            Sns(fate, self.deliveries),
            Ssm(fate, self.secrets),
        )
        weather = weather or (lambda harness, channel, key: harness.fate.slack(channel, key))
        self.http = MisbehavingSlack(
            fate, self.deliveries, self.channels, lambda *where: weather(self, *where), self.clock.sleep
        )
        self.lines, self.counts, self.kills, self.batches = Lines(), Counts(), 0, 0
        self.log = logging.Logger("chaos", logging.INFO)  # noqa: LOG001  one of its own
        self.log.addHandler(self.lines)
        self._handler = handler
        self._next_minute = self.clock.now + MINUTE
        self.compose()

    def compose(self):
        """A new process: nothing in memory."""
        clock = Clock(self.clock.time, self.clock.monotonic, self.clock.sleep)
        table = HubTable(self.aws.dynamodb, "gatewatch-prod", self.clock.time)
        ledger, escalations = Ledger(table), Escalations(table)
        outbox = Outbox(self.aws.sqs, "outbox.fifo")
        pipeline = AlertPipeline(self.settings, InMemoryRuleHistory())
        events_dlq = DeadLetterQueue(self.aws.sqs, "events-dlq")
        watch = DeliveryDeadlines(escalations, outbox, self.settings).watch
        self.alert = AlertHandler(pipeline, outbox, events_dlq, self.log, self.counts, watch=watch)
        store = ThreadStore(table)
        self.escalate = EscalateHandler(escalations, ledger, outbox, self.clock.time, self.log, self.counts, store)
        outbox_dlq = DeadLetterQueue(self.aws.sqs, "outbox-dlq.fifo")
        channels = Channels(
            Slack(HttpClient(self.http), SecretStore(self.aws)),
            SlackRenderer(chaos_templates(), self.settings.colors),
            SnsClient(self.aws.sns, HUB_TOPIC),
            SnsRenderer(chaos_templates(), self.settings.colors),
        )
        updates = MessageUpdates(channels, store, self.log, self.clock.monotonic)
        self.deliver = self._handler(
            settings=self.settings,
            channels=channels,
            threads=RecordingThreads(self.deliveries, channels, updates, store),
            ledger=ledger,
            attempts=Attempts(ledger, self.clock.time),
            dead_lettering=DeadLettering(self.settings, ledger, outbox, outbox_dlq, self.log, self.counts),
            visibility=MessageVisibility(self.aws.sqs, "outbox.fifo", self.log),
            rate_limiter=RateLimiter(clock, table),
            clock=clock,
            log=self.log,
            meter=self.counts,
            run_concurrently=self.clock.run_concurrently,
        )

    def messages(self):
        """Every message that the outbox accepted, each as often as it was accepted."""
        return (decode_message(body) for group in self.outbox.accepted.values() for body in group)

    def dead_letters(self):
        """The reasons of dead-lettered messages by message key."""
        return {named(sent.body): sent.attributes["reason"] for sent in self.outbox_dlq.messages.values()}

    def arrive(self, arrivals):
        for each in arrivals:
            self.events.send(Sent(each.body, START + each.at, START + each.at))

    def rotate(self):
        """Slack gives a new webhook and a new token, and no longer knows the old ones."""
        for name, secret in ROTATED.items():
            old = self.secrets[name]
            self.channels[_address(secret)] = self.channels.pop(_address(old))
            self.secrets[name] = secret

    def run(self, until=None):
        """Until both queues are empty, or until a time."""
        while (now := self._next_time()) is not None and (until is None or now < until):
            self.clock.now = max(self.clock.now, now)
            self._serve(self.events, self._alert)
            self._serve(self.outbox, self._deliver)
            self._run_schedule()
        self.clock.now = max(self.clock.now, until or 0)

    def _next_time(self):
        times = [self.events.next_time, self.outbox.next_time, self._next_minute if self._has_escalations() else None]
        return min((time for time in times if time is not None), default=None)

    def _has_escalations(self):
        rows = self.aws.dynamodb.rows
        return any(len(rows.get(f"due#{shard:02}", ())) > 1 for shard in range(ESCALATIONS.shards))

    def _run_schedule(self):
        """EventBridge invokes functions/escalate once a minute; a run that fails is not repeated."""
        if self.clock.now < self._next_minute:
            return
        self._next_minute = self.clock.now + MINUTE
        try:
            self.escalate.run()
        except Killed:
            self._die()
        except GatewatchError:
            self.counts.count("escalation failed")

    def _serve(self, queue, function):
        """All that is there, at the same time: Lambda runs as many as there are."""
        start, ends = self.clock.now, [self.clock.now]
        while batch := queue.receive():
            self._invoke(queue, batch, function)
            ends.append(self.clock.now)
            self.clock.now = start
        self.clock.now = max(ends)

    def _invoke(self, queue, batch, function):
        self.batches += 1
        receipts = {sent.message_id: sent.receipt for sent in batch}
        try:
            answer = function({"Records": [sent.record for sent in batch]})
            self.fate.strike("return", "")
        except Killed:
            self._die()
            return
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        assert failed <= receipts.keys()
        for message_id, receipt in receipts.items():
            if message_id not in failed:
                queue.delete(receipt)

    def _die(self):
        self.kills += 1
        self.deliveries.killed()
        self.compose()

    def _alert(self, event):
        return partial_response(event, self.alert.handle, self.log)

    def _deliver(self, event):
        end = self.clock.now + TIMEOUT
        answer = self.deliver.handle(event, lambda: end - self.clock.now)
        assert self.clock.now <= end, "Lambda would have stopped it"
        return answer
