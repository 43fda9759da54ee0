"""SQS in memory, by its documentation: visibility, receive counts, groups, deduplication for five minutes, redrive."""

# ruff: noqa: N803  the names are those of AWS
import heapq
import itertools
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from gatewatch.delivery.wire import decode_message
from gatewatch.errors import UndecodableError

DEDUPLICATION_SECONDS = 300
LARGEST = 1024 * 1024
BATCH = 10
_NUMBERS = itertools.count(1)


@dataclass
class Sent:
    body: str
    sent: float
    visible_at: float
    attributes: dict = field(default_factory=dict)
    group: str = ""
    message_id: str = field(default_factory=lambda: f"message-{next(_NUMBERS):08d}")
    number: int = 0
    received: int = 0
    first_received: float = 0.0
    receipt: str = ""

    def take(self, now, visibility):
        self.received += 1
        self.first_received = self.first_received or now
        self.receipt = f"{self.message_id}/{self.received}"
        self.visible_at = now + visibility

    @property
    def record(self):
        """As Lambda hands it over."""
        attributes = {
            "ApproximateReceiveCount": str(self.received),
            "SentTimestamp": str(int(self.sent * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int(self.first_received * 1000)),
        }
        fifo = {"MessageGroupId": self.group} if self.group else {}
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": attributes | fifo,
        }


class Standard:
    """In any order, at least once: `ghost` is the share of deleted messages that come once more."""

    def __init__(self, clock, dice=None, *, visibility=0, receives=None, dead_letters=None, ghost=0.0):
        self.clock, self.dice = clock, dice
        self.visibility, self.receives, self.dead_letters, self.ghost = visibility, receives, dead_letters, ghost
        self.messages = {}
        self._visible, self._waiting = [], []

    def send(self, sent):
        self.messages[sent.message_id] = sent
        heapq.heappush(self._waiting, (sent.visible_at, sent.message_id))

    def receive(self):
        self._refresh()
        batch = []
        while self._visible and len(batch) < BATCH:
            index = self.dice.number(0, len(self._visible) - 1) if self.dice else 0
            self._visible[index], self._visible[-1] = self._visible[-1], self._visible[index]
            sent = self.messages.get(self._visible.pop())
            if sent is None or sent.visible_at > self.clock.now:
                continue
            if self.receives and sent.received >= self.receives:
                self._give_up(sent)
                continue
            sent.take(self.clock.now, self.visibility)
            heapq.heappush(self._waiting, (sent.visible_at, sent.message_id))
            batch.append(sent)
        return batch

    def delete(self, receipt):
        sent = self.messages.pop(receipt.partition("/")[0], None)
        if sent and self.ghost and self.dice.happens(self.ghost):
            self.dice.note("event redelivered by SQS", sent.message_id)
            sent.visible_at = self.clock.now + self.dice.number(1, 900)
            self.send(sent)

    @property
    def next_time(self):
        """When the next message can be received; None when there is none."""
        self._refresh()
        if any(each in self.messages for each in self._visible):
            return self.clock.now
        while self._waiting and self._waiting[0][1] not in self.messages:
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def _refresh(self):
        while self._waiting and self._waiting[0][0] <= self.clock.now:
            _, message_id = heapq.heappop(self._waiting)
            if message_id in self.messages and self.messages[message_id].visible_at <= self.clock.now:
                self._visible.append(message_id)

    def _give_up(self, sent):
        del self.messages[sent.message_id]
        self.dead_letters.send(sent)


class Fifo:
    """A group with a message in flight gives no other; what was sent twice within five minutes is there once."""

    def __init__(self, clock, dice=None, *, visibility=0, receives=None, dead_letters=None):
        self.clock, self.dice = clock, dice
        self.visibility, self.receives, self.dead_letters = visibility, receives, dead_letters
        self.groups = defaultdict(OrderedDict)
        self.accepted = defaultdict(list)
        self._flying = defaultdict(dict)
        self._by_receipt = {}
        self._deduplicated = {}
        self._count = 0

    @property
    def messages(self):
        return {sent.message_id: sent for group in self.groups.values() for sent in group.values()}

    def send(self, sent, deduplication_id=None):
        at = self._deduplicated.get((sent.group, deduplication_id))
        if deduplication_id and at is not None and self.clock.now - at < DEDUPLICATION_SECONDS:
            return
        self._deduplicated[sent.group, deduplication_id] = self.clock.now
        self._count += 1
        sent.number = self._count
        self.groups[sent.group][sent.number] = sent
        self.accepted[sent.group].append(sent.body)

    def receive(self):
        batch = []
        for group in sorted(self.groups, key=self._first):
            if not self._is_locked(group):
                self._take(group, batch)
            if len(batch) >= BATCH:
                break
        return batch

    def delete(self, receipt):
        sent = self._by_receipt.pop(receipt, None)
        if sent is not None and sent.receipt == receipt:
            self.groups[sent.group].pop(sent.number, None)
            self._flying[sent.group].pop(sent.number, None)

    def change_visibility(self, receipt, seconds):
        sent = self._by_receipt.get(receipt)
        if sent is None or sent.receipt != receipt or sent.visible_at <= self.clock.now:
            raise ClientError({"Error": {"Code": "MessageNotInflight"}}, "ChangeMessageVisibility")
        sent.visible_at = self.clock.now + seconds

    @property
    def next_time(self):
        times = [self._unlocked_at(group) for group, waiting in self.groups.items() if waiting]
        return min(times, default=None)

    def _first(self, group):
        return next(iter(self.groups[group]), self._count + 1)

    def _unlocked_at(self, group):
        return max((sent.visible_at for sent in self._flying[group].values()), default=self.clock.now)

    def _is_locked(self, group):
        if self._unlocked_at(group) > self.clock.now:
            return True
        self._flying[group].clear()
        return False

    def _take(self, group, batch):
        room = BATCH - len(batch)
        share = self.dice.number(1, room) if self.dice else room
        for sent in list(self.groups[group].values())[:share]:
            if self.receives and sent.received >= self.receives:
                self._give_up(sent)
                continue
            self._by_receipt.pop(sent.receipt, None)
            sent.take(self.clock.now, self.visibility)
            self._by_receipt[sent.receipt] = sent
            self._flying[group][sent.number] = sent
            batch.append(sent)

    def _give_up(self, sent):
        del self.groups[sent.group][sent.number]
        self.dead_letters.send(sent)


class Sqs:
    """The calls that gatewatch makes. A queue's URL is its name."""

    def __init__(self, clock, fate, queues):
        self.clock, self.fate, self.queues = clock, fate, queues

    def send_message_batch(self, *, QueueUrl, Entries):
        keys = [named(entry["MessageBody"]) for entry in Entries]
        assert len(Entries) <= BATCH
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= LARGEST
        self.fate.strike("outbox.send", keys[0])
        for entry in Entries:
            self._send(QueueUrl, entry)
        self.fate.strike("outbox.send done", keys[0])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def send_message(self, *, QueueUrl, **entry):
        key = named(entry["MessageBody"])
        self.fate.strike("dlq.put", key)
        for attribute in entry.get("MessageAttributes", {}).values():
            assert attribute["StringValue"]
        self._send(QueueUrl, entry)
        self.fate.strike("dlq.put done", key)
        return {}

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):
        assert 0 <= VisibilityTimeout <= 43_200
        self.fate.strike("visibility.change", "")
        self.queues[QueueUrl].change_visibility(ReceiptHandle, VisibilityTimeout)
        self.fate.strike("visibility.change done", "")

    def change_message_visibility_batch(self, *, QueueUrl, Entries):
        assert 1 <= len({entry["Id"] for entry in Entries}) == len(Entries) <= BATCH
        self.fate.strike("visibility.change", "")
        failed = [each for each in Entries if not self._has_claimed(QueueUrl, each)]
        self.fate.strike("visibility.change done", "")
        return {"Failed": [{"Id": each["Id"], "SenderFault": True, "Code": "MessageNotInflight"} for each in failed]}

    def _has_claimed(self, url, entry):
        assert 0 < entry["VisibilityTimeout"] <= 43_200
        try:
            self.queues[url].change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"])
        except ClientError:
            return False
        return True

    def _send(self, url, entry):
        assert "\ufffe" not in entry["MessageBody"]
        assert "\uffff" not in entry["MessageBody"]
        attributes = {name: value["StringValue"] for name, value in entry.get("MessageAttributes", {}).items()}
        now = self.clock.now
        sent = Sent(entry["MessageBody"], now, now, attributes, entry.get("MessageGroupId", ""))
        if isinstance(self.queues[url], Fifo):
            self.queues[url].send(sent, entry["MessageDeduplicationId"])
        else:
            self.queues[url].send(sent)


def named(body):
    """The key of a message of the outbox; empty for any other body."""
    try:
        return decode_message(body).key
    except UndecodableError:
        return ""
