"""A channel, a table and messages of one group, for the tests of threads and roll-ups."""

import json
import logging
import time

from botocore.exceptions import ClientError

from gatewatch.config.destinations import SecretRef, SlackApp, SlackWebhook
from gatewatch.delivery.message_edits import Edits
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.exposure import ExposureChange, RuleRef
from gatewatch.model.message import Message, Receipt

APP, WEBHOOK = SlackApp("C0123456789", SecretRef(ssm="/token")), SlackWebhook(SecretRef(ssm="/url"))


GREEN = "#2b8a3e"


WORDS = {
    "closed": "Closed after {time} by {actor}",
    "narrowed": "Narrowed after {time} by {actor}",
    "partly_closed": "{closed} of {all} closed",
    "was_open": "Was open for {time}, opened by {actor}",
    "seconds": "{count} s",
    "minutes": "{count} min",
    "hours": "{count} h",
    "days": "{count} d",
}


SSH, RDP = RuleRef("sgr-1", "ingress tcp 22-22 0.0.0.0/0"), RuleRef("sgr-2", "ingress tcp 3389-3389 0.0.0.0/0")


class Table:
    def __init__(self):
        self.rows, self.faults, self.refused = {}, [], []

    def get_item(self, *, TableName, Key, ConsistentRead):  # noqa: N803
        assert (TableName, ConsistentRead) == ("gatewatch-test", True)
        self._strike()
        row = self.rows.get(Key["pk"]["S"])
        return {"Item": row} if row else {}

    def put_item(self, *, TableName, Item):  # noqa: N803
        assert TableName
        self._strike(Item["pk"]["S"])
        self.rows[Item["pk"]["S"]] = Item

    def _strike(self, written=""):
        if self.faults and self.faults.pop(0):
            self.refused += filter(None, [written])
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "any")


class Workspace:
    """What the channel shows: messages by ts, as last edited, with the thread they stand in."""

    def __init__(self):
        self.shown, self.threads, self.refusals = {}, {}, []

    def post(self, message, destination):
        if self.refusals:
            raise self.refusals.pop(0)
        body = json.loads(message.body)
        ts = f"1712345678.{len(self.shown):06d}"
        self.shown[ts] = (message.key, body)
        self.threads[ts] = body.get("thread_ts", "")
        name = ("C0123456789", ts) if isinstance(destination, SlackApp) else ("", "")
        return Receipt(message.destination, "ok", *name)

    def update(self, channel, ts, body, destination):
        assert (channel, destination) == ("C0123456789", APP)
        if self.refusals:
            raise self.refusals.pop(0)
        self.shown[ts] = (self.shown[ts][0], json.loads(body))

    def of(self, key):
        (body,) = [body for known, body in self.shown.values() if known == key]
        return body

    def line(self, key):
        """What stands under the headline."""
        blocks = self.of(key)["attachments"][0]["blocks"]
        return blocks[1]["text"]["text"] if len(blocks) > 1 else ""

    def color(self, key):
        return self.of(key)["attachments"][0]["color"]

    def thread(self, key):
        """The key of the message that this one answers."""
        (ts,) = [ts for ts, (known, _) in self.shown.items() if known == key]
        parent = self.threads[ts]
        return self.shown[parent][0] if parent else ""


def threads_of(workspace, book, clock=time.monotonic):
    return Threads(workspace.post, Edits(workspace, book, GREEN, logging.getLogger("test"), clock), book)


class Told:
    """Threads over a table and a workspace; each message is told by a new process.

    `lost`: the rows that a process still owed when it died, which is after it told its message.
    """

    def __init__(self, destination=APP):
        self.table, self.workspace, self.destination = Table(), Workspace(), destination
        self.now, self.lost = 1000.0, []

    def tell(self, *messages):
        for message in messages:
            self.table.refused = []
            book = ThreadStore(self.table, "gatewatch-test", lambda: self.now)
            threads = threads_of(self.workspace, book)
            threads.post(message, self.destination)
            self.lost += self.table.refused
        return self.workspace

    def knows(self, key):
        """Whether the message that holds an alert can be found."""
        book = ThreadStore(self.table, "gatewatch-test", lambda: self.now)
        root = book.root("sec-app", key)
        return root is not None and book.root("sec-app", root.within or key) is not None

    def rows(self):
        """The story, and how each message that can be edited was last edited; without the order of arrival."""
        kept = {name: json.loads(row["kept"]["S"]) for name, row in self.table.rows.items()}
        return {name: {key: value for key, value in row.items() if key != "ts"} for name, row in kept.items()}


def body(title):
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    return json.dumps({"attachments": [{"color": "#8b0000", "fallback": title, "blocks": [header]}]})


def message(key, at, who="alice", place="1/eu-west-1/sg-1", **facts):
    gate = ExposureChange(key=key, thread=f"event-{key}", place=place, at=at, who=who, words=WORDS, **facts)
    return Message(key=key, destination="sec-app", body=body(key), gates=(gate,), event_time=at)


OPENED = message("opened", 0.0, "bob", opened=(SSH,))


CLOSED = message("closed", 14 * 60.0, closed=(SSH,))


OWN = message("chg-1", 60.7, "gatewatch", closed=(SSH,))


EVENT = message("event", 61.0, "gatewatch-config-rule (gatewatch-remediation)", closed=(RuleRef("sgr-1"),))


STORY = (
    OPENED,
    message("closed", 60.0, closed=(RuleRef("", SSH.shape),)),
    message("again", 120.0, "carol", opened=(RuleRef("sgr-3", SSH.shape), RDP)),
    message("narrowed", 180.0, "dave", narrowed=(RuleRef("sgr-2"),)),
    message("deleted", 240.0, "erin", is_group_deleted=True),
)


END = {
    "opened": "✅ Closed after 1 min by `alice`",
    "again": "✅ Closed after 2 min by `erin`",
}


def story_of(rows):
    return [row for name, row in rows.items() if name.startswith("thread#")]


class Once:
    """The ledger: what was told is not told again, what failed is."""

    def __init__(self, told):
        self.told, self.done = told, set()

    def __call__(self, message):
        if message.key in self.done:
            return
        for _ in range(40):  # more often than a test throttles
            try:
                self.told.tell(message)
            except TransientDeliveryError:
                continue
            self.done.add(message.key)
            return
        raise AssertionError("never told")
