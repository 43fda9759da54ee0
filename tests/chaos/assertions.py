"""The invariant, and the table: every part of every message is delivered, or dead-lettered and sent to the fallback."""

import json
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from chaos.faults import Peace
from chaos.harness import secret_parts
from chaos.queues import named
from chaos.scenario import CLOSED
from chaos.services import DynamoDb
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.routing import route
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.destinations import HUB_TOPIC, SnsTopic
from gatewatch.delivery.attempts import MAX_UNCERTAIN_POSTS, MAX_WITHOUT_FALLBACK
from gatewatch.delivery.ledger import part_key
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import decode, parse
from gatewatch.local.demo.expectations import rule_headings
from gatewatch.model.api_call import ApiCall
from gatewatch.model.message import FallbackReason
from support.rendering import blocks_of


@dataclass
class Verdict:
    violations: list = field(default_factory=list)
    outcomes: dict = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)

    def blame(self, kind, what):
        self.violations.append(f"{kind}: {what}")
        self.counts[f"VIOLATED: {kind}"] += 1


class Messages:
    """Every message that the outbox accepted, by key, and what became of it."""

    def __init__(self, harness):
        self.harness = harness
        accepted = list(harness.messages())
        self.by_key = {each.key: each for each in accepted}
        self.late = {each.key for each in accepted if each.fallback_reason is FallbackReason.LATE}
        self.dead_letters = Counter(named(sent.body) for sent in harness.outbox_dlq.messages.values())
        self._cuts = {}

    def cut(self, key):
        """Empty for a destination that the policy does not have."""
        if key not in self._cuts:
            message = self.by_key[key]
            destination = self.harness.settings.destinations.get(message.destination)
            self._cuts[key] = self.harness.deliver.channels.cut(message, destination) if destination else ()
        return self._cuts[key]

    def parts(self, key):
        return [part_key(key, number) for number in range(1, len(self.cut(key)) + 1)]

    def rules(self, part):
        """How many rules a part shows."""
        key, _, number = part.rpartition("#")
        cut, number = (0, *self.cut(key)), int(number)
        return cut[number] - cut[number - 1]

    def fallback(self, key):
        """The key of the message that was sent because this one was given up; None when there is none."""
        message = self.by_key[key]
        for other, each in self.by_key.items():
            is_same = other != key and each.notification.key == message.notification.key
            is_next = not message.fallback_for or each.destination == HUB_TOPIC
            if is_same and is_next and each.fallback_for == (message.fallback_for or message.destination):
                return other
        return None


def judge(harness, arrivals):
    verdict, messages = Verdict(), Messages(harness)
    _dead_letters(harness, messages, verdict)
    expected = _expected(harness, arrivals, messages, verdict)
    _unreadable(harness, verdict, arrivals, messages)
    notices = [key for key, each in messages.by_key.items() if key.startswith("unreadable-") and not each.fallback_for]
    for key in [*expected, *notices]:
        _resolve(key, messages, harness, verdict)
    _posts(harness, messages, verdict)
    for part, times in harness.deliveries.copies.items():
        _at_most(part, times, harness, verdict)
    order(harness, verdict)
    _exposures(harness, expected, messages, verdict)
    _secrets(harness, verdict)
    if harness.events.messages or harness.outbox.messages:
        verdict.blame("left in a queue", len(harness.events.messages) + len(harness.outbox.messages))
    verdict.counts["parts to deliver"] = sum(len(messages.parts(key)) for key in expected)
    return verdict


def _dead_letters(harness, messages, verdict):
    for sent in harness.outbox_dlq.messages.values():
        if not sent.attributes.get("reason"):
            verdict.blame("dead-lettered without a reason", sent.body[:200])
    for key, times in messages.dead_letters.items():
        faults = sum(_faults(harness, each).total() for each in [key, *(part_key(key, part) for part in range(1, 6))])
        if times > 1 + faults:
            verdict.blame("dead-lettered too often", key)


def _faults(harness, key):
    return harness.fate.touched.get(key, Counter())


def _expected(harness, arrivals, messages, verdict):
    """By the pipeline's own decision: the keys of the messages of every event."""
    expected = {}
    for arrival in arrivals:
        for call in calls_of(arrival.body):
            alert = assess_call(call, Assessor(harness.settings, InMemoryRuleHistory()))
            if alert is not None:
                for name in route(alert, harness.settings):
                    expected[f"{call.delivery_key}#{name}"] = len(alert.changes)
    for key, changes in expected.items():
        if key not in messages.by_key:
            verdict.blame("never reached the outbox", key)
        elif messages.by_key[key].notification.alert.change_count != changes:
            verdict.blame("changes left out", key)
    return [key for key in expected if key in messages.by_key]


def calls_of(body):
    try:
        return [each for each in decode(parse(body)) if isinstance(each, ApiCall)]
    except UndecodableError:
        return []


def _posts(harness, messages, verdict):
    """Every post to Slack shows the rules of all of its parts."""
    copies = Counter()
    for name, posts in harness.deliveries.posts.items():
        is_topic = isinstance(harness.settings.destinations.get(name.removesuffix("#critical")), SnsTopic)
        for keys in posts:
            text = harness.deliveries.texts[keys[0]][copies[keys[0]]]
            copies.update(keys)
            rules = sum(map(messages.rules, keys))
            verdict.counts["rules shown"] += rules
            if not is_topic and len(rule_headings(json.loads(text))) != rules:
                verdict.blame("changes left out", f"of a post to {name}: {keys}")


def _unreadable(harness, verdict, arrivals, messages):
    kept = list(harness.events_dlq.messages.values())
    malformed = Counter(each.body for each in arrivals if not calls_of(each.body))
    verdict.counts["malformed events"] = malformed.total()
    for body, times in malformed.items():
        if len({each.attributes.get("message_id") for each in kept if each.body == body}) != times:
            verdict.blame("malformed and not dead-lettered", body)
    for each in kept:
        if not each.attributes.get("reason"):
            verdict.blame("event dead-lettered without a reason", each.body[:200])
        elif f"unreadable-{each.attributes['message_id']}#sec-all" not in messages.by_key:
            verdict.blame("event dead-lettered without a notice", each.body[:200])


def _resolve(key, messages, harness, verdict):
    """Every part delivered, or the message dead-lettered and sent to the fallback: exactly one of the two."""
    copies, parts, dead_letters = harness.deliveries.copies, messages.parts(key), messages.dead_letters[key]
    delivered = bool(parts) and all(copies[part] for part in parts)
    excused = sum(harness.deliveries.lost_answers[part] + harness.deliveries.lost_to_kills[part] for part in parts)
    fallback = messages.fallback(key)
    given_up = dead_letters or (fallback and fallback not in messages.late)
    if delivered and given_up and not excused:
        verdict.blame("both delivered and dead-lettered", key)
    if not delivered and not dead_letters:
        verdict.blame("lost", key)
    if dead_letters and not _reached_fallback(key, messages, harness):
        verdict.blame("dead-lettered without fallback", key)
    twice = any(copies[part] > 1 for part in parts)
    outcome = "dead-lettered, sent to fallback" if dead_letters else "delivered twice" if twice else "delivered once"
    for each in [key, *parts]:
        verdict.outcomes[each] = outcome
    verdict.counts[outcome] += 1


def _reached_fallback(key, messages, harness):
    """The hub topic has no fallback; there the alarm on the dead-letter queue notifies."""
    fallback = messages.fallback(key)
    if fallback is None:
        return messages.by_key[key].destination == HUB_TOPIC
    delivered = all(harness.deliveries.copies[part] for part in messages.parts(fallback))
    return delivered or (bool(messages.dead_letters[fallback]) and _reached_fallback(fallback, messages, harness))


def _at_most(part, times, harness, verdict):
    by_kill, by_silence = harness.deliveries.lost_to_kills[part], harness.deliveries.lost_answers[part]
    verdict.counts["delivered again because of a kill"] += min(times - 1, by_kill)
    verdict.counts["delivered again because the response was lost"] += max(0, times - 1 - by_kill)
    is_last = f"#{HUB_TOPIC}#" in part
    most = min(MAX_WITHOUT_FALLBACK, MAX_UNCERTAIN_POSTS + by_kill) if is_last else MAX_UNCERTAIN_POSTS
    if times > min(most, 1 + by_kill + by_silence):
        verdict.blame("delivered too often", f"{part}: {times} times")


def order(harness, verdict):
    """In the order of a message group, except for roll-ups; and these overtake nothing about the same group."""
    for name, bodies in harness.outbox.accepted.items():
        place, notifications = {}, {}
        for number, body in enumerate(bodies):
            place.setdefault(named(body), number)
            notifications[named(body)] = decode_message(body).notification
        seen, alone = set(), []
        for parts in harness.deliveries.posts[name]:
            keys = [part.rpartition("#")[0] for part in parts]
            alone += [keys[0]] if keys[0] not in seen else []
            seen.update(keys)
        places = [place[key] for key in alone]
        if places != sorted(places):
            verdict.blame("out of order", name)
        delivered = dict.fromkeys(part.rpartition("#")[0] for parts in harness.deliveries.posts[name] for part in parts)
        for key, other in _overtaken(delivered, place, notifications):
            verdict.blame("overtaken", f"{other} by {key} in {name}")


def _overtaken(keys, place, notifications):
    """Within an account: alerts of one group, and alerts without a group with all others."""
    latest = defaultdict(lambda: ("", -1))
    for key in keys:
        account, group = notifications[key].account_id, getattr(notifications[key], "group_key", "")
        before = [latest[account, group], latest[account, ""]] if group else [latest[account, "any"]]
        yield from ((key, other) for other, at in before if at > place[key])
        for name in (group, "any"):
            latest[account, name] = max(latest[account, name], (key, place[key]), key=lambda each: each[1])


def _exposures(harness, expected, messages, verdict):
    """At a destination of an opening and of its closing, one of the two messages says that they belong together.

    With an app the message of the opening ends as closed, unless it cannot be found or Slack refused the update.
    """
    store = ThreadStore(
        HubTable(DynamoDb(Peace(), harness.deliveries, harness.aws.dynamodb.rows), "gatewatch-prod", lambda: 0.0)
    )
    delivered = {key for key in expected if not messages.dead_letters[key] and not key.endswith(f"#{HUB_TOPIC}")}
    for key in delivered:
        event, _, name = key.rpartition("#")
        closing = f"{event}{CLOSED}#{name}"
        if closing not in delivered:
            continue
        verdict.counts["exposures closed"] += 1
        texts = [(text, event) for text in harness.deliveries.texts[part_key(key, 1)]]
        texts += [(text, event + CLOSED) for text in harness.deliveries.texts[part_key(closing, 1)]]
        if not any(_shows_state(json.loads(text), of) for text, of in texts):
            verdict.blame("a closing without its opening", key)
        if name == "payments":
            _updated(store, key, event, harness, verdict)


def _updated(store, key, event, harness, verdict):
    parent = store.parent("payments", key)
    parent = store.parent("payments", parent.inside or key) if parent else None
    verdict.counts["exposures whose message is unknown"] += parent is None
    if parent is None or parent.ts in harness.http.unedited:
        return
    verdict.counts["exposures whose message ends as closed"] += 1
    if not _shows_state(harness.http.shown[parent.ts], event):
        verdict.blame("closed without an update of the opening", key)


def _shows_state(message, event):
    """Whether the alert of an event has a line about its state; in a roll-up each has a section with small text."""
    blocks = blocks_of(message)
    is_rollup, shown = " · +" in blocks[0]["text"]["text"], ""
    for block in blocks:
        if block["type"] == "section" and "text" in block and not (is_rollup and block["text"]["text"][0] in "✅☑"):
            shown += block["text"]["text"]
        elif block["type"] == "context" and f"`{event}`" in block["elements"][0]["text"]:
            return "✅" in shown
        elif block["type"] == "context" and is_rollup:
            shown = ""
    return False


def _secrets(harness, verdict):
    for place, texts in everything_written(harness).items():
        verdict.counts[f"texts searched for secrets: {place}"] = len(texts)
        for text in texts:
            if any(secret in text for secret in secret_parts()):
                verdict.blame("a secret", f"in {place}: {text[:300]}")


def everything_written(harness):
    queues = (harness.events_dlq, harness.outbox_dlq)
    accepted = [body for group in harness.outbox.accepted.values() for body in group]
    return {
        "log lines": harness.lines.lines,
        "metrics": [str(harness.counts.counted)],
        "dead letters": [f"{sent.body} {sent.attributes}" for queue in queues for sent in queue.messages.values()],
        "messages": [text for texts in harness.deliveries.texts.values() for text in texts],
        "outbox": [str(decode_message(body)) for body in accepted],
        "table rows": [str(_unpacked(row)) for row in harness.aws.dynamodb.rows.values()],
    }


def _unpacked(row):
    return {name: zlib.decompress(value["B"]).decode() if "B" in value else value for name, value in row.items()}


def table(harness, verdict):
    """Injected faults, and the outcome of the messages that they affected."""
    outcomes = ("delivered once", "delivered twice", "dead-lettered, sent to fallback")
    met = defaultdict(Counter)
    for key, faults in harness.fate.touched.items():
        for fault in faults:
            met[fault][verdict.outcomes.get(key, "")] += 1
    lines = [f"{'fault':<42}{'injected':>9}" + "".join(f"{each:>32}" for each in outcomes)]
    for fault, times in sorted(harness.fate.injected.items()):
        lines.append(f"{fault:<42}{times:>9}" + "".join(f"{met[fault][each]:>32}" for each in outcomes))
    return "\n".join(lines)
