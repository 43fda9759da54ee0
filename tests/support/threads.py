"""A Slack channel, a table and alerts of one security group, for the tests of threads and roll-ups."""

import json
import logging
import re
import zlib
from datetime import UTC, datetime
from itertools import takewhile

from botocore.exceptions import ClientError

from gatewatch.aws.hub_table import HubTable
from gatewatch.config.destinations import SecretRef, SlackApp, SlackWebhook
from gatewatch.config.settings import Colors
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.account import Account
from gatewatch.model.alert import Alert, AssessedChange, Links
from gatewatch.model.api_call import AccessMethod, Actor, ApiCall
from gatewatch.model.change import Action, Change, Family, Outcome
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.message import OutboxMessage, Receipt
from gatewatch.model.notification import AlertNotification
from gatewatch.model.severity import Assessment, Severity
from gatewatch.rendering.presentation import Presentation
from support.rendering import SLACK, blocks_of

APP, WEBHOOK = SlackApp("C0123456789", SecretRef(ssm="/token")), SlackWebhook(SecretRef(ssm="/url"))
GREEN, RED, ORANGE, BLUE = Colors().resolved, Colors().critical, Colors().high, Colors().addition
SSH, RDP = RuleRef("sgr-1", "ingress tcp 22-22 0.0.0.0/0"), RuleRef("sgr-2", "ingress tcp 3389-3389 0.0.0.0/0")
_HEADER = re.compile(r"(\S+) (?:\w+ · )?\w+: (\S+) .*?((?: · \+\d+)?(?: 🧵 \+\d+)?)$", re.DOTALL)


class Table:
    """The requests of DynamoDB that the thread store makes; `faults` throttles the next ones."""

    def __init__(self):
        self.rows, self.faults, self.refused = {}, [], []

    def get_item(self, *, TableName, Key, ConsistentRead):  # noqa: N803
        assert (TableName, ConsistentRead) == ("gatewatch-test", True)
        self._throttle()
        row = self.rows.get(Key["pk"]["S"])
        return {"Item": row} if row else {}

    def put_item(self, *, TableName, Item, ConditionExpression="", **condition):  # noqa: N803
        assert TableName
        self._throttle(Item["pk"]["S"])
        row = self.rows.get(Item["pk"]["S"])
        if ConditionExpression == "#body = :before":
            self._check(row["body"] == condition["ExpressionAttributeValues"][":before"])
        elif ConditionExpression:
            assert ConditionExpression == "attribute_not_exists(pk)"
            self._check(row is None)
        self.rows[Item["pk"]["S"]] = Item
        return {}

    @staticmethod
    def _check(is_met):
        if not is_met:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")

    def update_item(self, *, TableName, Key, **_):  # noqa: N803
        """The list of the alerts of a day, which these tests do not read."""
        assert (TableName, Key["pk"]["S"].partition("#")[0]) == ("gatewatch-test", "action-day")
        return {}

    def _throttle(self, written=""):
        if self.faults and self.faults.pop(0):
            self.refused += filter(None, [written])
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "any")


class Channel:
    """Stands for `Channels`: what a Slack channel shows, by `ts`, as last updated, and the thread of each message."""

    def __init__(self):
        self.shown, self.threads, self.refusals = {}, {}, []

    def post(self, content, presentation, destination, thread_ts=""):
        if self.refusals:
            raise self.refusals.pop(0)
        ts = f"1712345678.{len(self.shown):06d}"
        self.shown[ts] = (name_of(content), SLACK.render(content, presentation))
        self.threads[ts] = thread_ts
        identity = ("C0123456789", ts) if isinstance(destination, SlackApp) else ("", "")
        return Receipt(content.destination, "ok", *identity)

    def update(self, parent, destination):
        assert (parent.channel, destination) == ("C0123456789", APP)
        if self.refusals:
            raise self.refusals.pop(0)
        payload = SLACK.render(parent.content, Presentation(cut=parent.cut, state=parent.state))
        self.shown[parent.ts] = (self.shown[parent.ts][0], payload)

    def names(self):
        return [name for name, _ in self.shown.values()]

    def of(self, name):
        (payload,) = [payload for known, payload in self.shown.values() if known == name]
        return payload

    def header(self, name):
        """`🔵 n1 · +2 🧵 +3`: the mark, the name of the event and the counts of a headline."""
        text = self.of(name)["attachments"][0]["blocks"][0]["text"]["text"]
        return "{} {}{}".format(*_HEADER.match(text).groups())

    def line(self, name):
        """The lines about the state below the headline."""
        sections = (block for block in blocks_of(self.of(name)) if block["type"] == "section" and "text" in block)
        lines = next(sections)["text"]["text"].split("\n")
        return "\n".join(takewhile(lambda line: line[:1] in "✅☑", lines))

    def lines(self, name):
        """In a roll-up, the line below the headline of each alert."""
        blocks = blocks_of(self.of(name))
        texts = [block["text"]["text"] for block in blocks if block.get("text", {}).get("text", "").startswith("*")]
        heads = [(text.split("\n")[0].strip("*"), text.split("\n")[1]) for text in texts if "\n" in text]
        return {_HEADER.match(head)[2]: line for head, line in heads if line[:1] in "✅☑"}

    def color(self, name):
        return self.of(name)["attachments"][0]["color"]

    def thread(self, name):
        """The name of the message that this one answers."""
        (ts,) = [ts for ts, (known, _) in self.shown.items() if known == name]
        parent = self.threads[ts]
        return self.shown[parent][0] if parent else ""


def name_of(content):
    return content.key.replace("#sec-app", "")


def threads_of(channel, store, clock=lambda: 0.0):
    return Threads(channel, MessageUpdates(channel, store, logging.getLogger("test"), clock), store)


class Deliveries:
    """Threads over a table and a channel; each message is delivered by a new process.

    `lost`: the rows that a process had still to write when it ended, after it posted its message.
    """

    def __init__(self, destination=APP):
        self.table, self.channel, self.destination = Table(), Channel(), destination
        self.now, self.lost = 1000.0, []

    def post(self, *contents, cut=()):
        for content in contents:
            self.table.refused = []
            store = ThreadStore(HubTable(self.table, "gatewatch-test", lambda: self.now))
            threads_of(self.channel, store).post(content, Presentation(cut=cut), self.destination)
            self.lost += self.table.refused
        return self.channel

    def after(self, seconds):
        self.now += seconds
        return self

    def has_parent(self, name):
        """Whether the message that shows an alert can be found."""
        store = ThreadStore(HubTable(self.table, "gatewatch-test", lambda: self.now))
        parent = store.parent("sec-app", f"{name}#sec-app")
        return parent is not None and store.parent("sec-app", parent.inside or f"{name}#sec-app") is not None

    def rows(self, *kinds):
        """The rows of some kinds, without the identity of messages, which depends on the order."""
        rows = {
            name: json.loads(zlib.decompress(row["body"]["B"]))
            for name, row in self.table.rows.items()
            if name.partition("#")[0] in (kinds or {"exposures", "parent"})
        }
        return {name: {key: value for key, value in row.items() if key != "ts"} for name, row in rows.items()}


def alert(
    name,
    severity=Severity.LOW,
    *,
    at=0.0,
    caller="terraform",
    actor=None,
    account_id="1",
    group_key="1/eu-west-1/sg-1",
    destination="sec-app",
    **exposures,
):
    """The message of an alert whose headline begins with `name`. `actor` is who opened or closed the `exposures`."""
    call = ApiCall(
        event_id=f"event-{name}",
        event_name=name.replace(" ", "-"),
        event_source="ec2.amazonaws.com",
        time=datetime.fromtimestamp(at, UTC),
        account_id=account_id,
        region="eu-west-1",
        actor=Actor(caller, "IAMUser"),
        via=AccessMethod.CLI,
        source_ip=None,
        error_code=None,
    )
    change = Change(family=Family.SECURITY_GROUP, action=Action.AUTHORIZE, outcome=Outcome.APPLIED)
    account = Account(id=account_id, alias=f"account-{account_id}", timezone="UTC", language="en")
    exposure_change = ExposureChange(
        event_id=f"event-{name}", group_key=group_key, at=at, actor=actor or caller, **exposures
    )
    notification = AlertNotification(
        key=name,
        alert=Alert(
            call=call,
            account=account,
            changes=(AssessedChange(change, Assessment(severity)),),
            links=Links(event="https://console.example/event"),
        ),
        exposure_change=exposure_change if exposures else None,
        group_key=group_key,
    )
    return OutboxMessage(destination=destination, notification=notification)


def exposure(name, at, actor="alice", **facts):
    """A critical alert, which is never grouped with others."""
    return alert(name, Severity.CRITICAL, at=at, actor=actor, **facts)


OPENED = exposure("opened", 0.0, "bob", opened=(SSH,))
CLOSED = exposure("closed", 14 * 60.0, closed=(SSH,))
OWN = exposure("chg-1", 60.7, "gatewatch", closed=(SSH,))
EVENT = exposure("event", 61.0, "gatewatch-config-rule (gatewatch-remediation)", closed=(RuleRef("sgr-1"),))
STORY = (
    OPENED,
    exposure("closed", 60.0, closed=(RuleRef("", SSH.shape),)),
    exposure("again", 120.0, "carol", opened=(RuleRef("sgr-3", SSH.shape), RDP)),
    exposure("narrowed", 180.0, "dave", narrowed=(RuleRef("sgr-2"),)),
    exposure("deleted", 240.0, "erin", closes_others=True),
)
END = {
    "opened": "✅ Closed after 1 min by `alice`",
    "again": "✅ Closed after 2 min by `erin`",
}


class Once:
    """Stands for the ledger: a message that was posted is not posted again, one that failed is."""

    def __init__(self, deliveries):
        self.deliveries, self.done = deliveries, set()

    def __call__(self, content):
        if content.key in self.done:
            return
        for _ in range(40):  # more often than a test throttles
            try:
                self.deliveries.post(content)
            except TransientDeliveryError:
                continue
            self.done.add(content.key)
            return
        raise AssertionError("not posted")
