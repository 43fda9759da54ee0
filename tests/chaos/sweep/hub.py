"""The hub: its table, the queue of the sweep, and the outbox; any of them can be where a process ends."""

# ruff: noqa: N803  the names are those of AWS
import heapq
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace

from botocore.exceptions import ClientError

ITEM_BYTES = 400 * 1024
VISIBILITY, RECEIVES, RETENTION = 1800, 3, 86_400  # of the queue (eventbridge/hub.yaml)
DAY = 24 * 3600
TWICE = 0.01  # a message that is received again after its success


class Table:
    """`units`: read and write request units of the on-demand mode, by kind of row."""

    def __init__(self, fate):
        self.fate, self.rows, self.units = fate, {}, Counter()

    def get_item(self, *, TableName, Key, ConsistentRead):
        assert (TableName, ConsistentRead) == ("hub", True)
        return {"Item": row} if (row := self._read(Key["pk"]["S"])) else {}

    def batch_get_item(self, *, RequestItems):
        request = RequestItems["hub"]
        assert request["ConsistentRead"]
        assert len(request["Keys"]) <= 100
        found = [self._read(each["pk"]["S"]) for each in request["Keys"]]
        return {"Responses": {"hub": [each for each in found if each]}}

    def put_item(self, *, TableName, Item, ConditionExpression=None, **condition):
        assert TableName == "hub"
        row = self.rows.get(Item["pk"]["S"])
        if ConditionExpression == "attribute_not_exists(pk)":
            is_met = row is None
        else:
            values = condition.get("ExpressionAttributeValues")
            is_met = not values or (row and row["body"] == values[":before"])
        if not is_met:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self._write(Item)
        return {}

    def batch_write_item(self, *, RequestItems):
        requests = RequestItems["hub"]
        assert len(requests) <= 25
        for each in requests:
            if "PutRequest" in each:
                self._write(each["PutRequest"]["Item"])
            else:
                self.rows.pop(each["DeleteRequest"]["Key"]["pk"]["S"], None)
        return {}

    def _read(self, key):
        row = self.rows.get(key)
        self.units["read", _prefix(key)] += -(-_size(row) // 4096) if row else 1
        return dict(row) if row else None

    def _write(self, item):
        assert _size(item) <= ITEM_BYTES
        self.fate.strike("table", item["pk"]["S"])
        self.rows[item["pk"]["S"]] = item
        self.units["write", _prefix(item["pk"]["S"])] += -(-_size(item) // 1024)
        self.fate.strike("table done", item["pk"]["S"])


def _prefix(key):
    return key.partition("#")[0]


def _size(row):
    return sum(len(name) + len(value) for name, each in row.items() for value in each.values())


@dataclass(order=True)
class Message:
    visible_at: float
    number: int
    body: str = field(compare=False)
    sent_at: float = field(compare=False)
    received: int = field(compare=False, default=0)


class SweepQueue:
    """A standard queue: messages are delayed, received again after a failure, and now and then after a success."""

    def __init__(self, clock, fate):
        self.clock, self.fate = clock, fate
        self.waiting, self.given_up, self.requests = [], [], 0
        self._numbers = count()

    def send_message_batch(self, *, QueueUrl, Entries):
        assert QueueUrl == "sweep"
        assert len(Entries) <= 10
        self.requests += 1
        for each in Entries:
            assert 0 <= each["DelaySeconds"] <= 900
            self.fate.strike("queue", each["MessageBody"])
            self.put(
                Message(self.clock.now + each["DelaySeconds"], next(self._numbers), each["MessageBody"], self.clock.now)
            )
        self.fate.strike("queue done", "")
        return {}

    def put(self, message):
        heapq.heappush(self.waiting, message)

    def handle_next(self, handle):
        """Receive the next message, and put it back if `handle` returns False."""
        message = heapq.heappop(self.waiting)
        self.requests += 2
        message.received += 1
        started = max(self.clock.now, message.visible_at)
        self.clock.now = started
        if message.received > RECEIVES or started - message.sent_at > RETENTION:
            self.given_up.append(message)
        elif not handle({"body": message.body}):
            self._again(message, started + VISIBILITY)
        elif self.fate.happens(TWICE):
            self.fate.note("task received twice", message.body)
            self._again(message, self.clock.now + self.fate.number(1, 900))

    def _again(self, message, at):
        message.visible_at = at
        self.put(message)


class SilentOutbox:
    """Keeps the notices; a notice whose key is known is no second message."""

    def __init__(self, fate):
        self.fate, self.notices, self.copies = fate, {}, 0

    def put(self, messages):
        for each in messages:
            self.fate.strike("outbox", each.key)
            self.copies += each.key in self.notices
            self.notices.setdefault(each.key, each.notification)
            self.fate.strike("outbox done", each.key)


LOG = SimpleNamespace(**dict.fromkeys(("info", "warning", "exception", "debug"), lambda *_text, **_extra: None))
