"""The invariant, and the table: every message of every event is delivered, or dead with a reason and told elsewhere."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from chaos.fate import Peace
from chaos.queues import named
from chaos.services import DynamoDb
from chaos.story import CLOSED
from chaos.world import secret_parts
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.routing import route
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.errors import UndecodableError
from gatewatch.events.decoding import decode, parse
from gatewatch.local.demo.expectations import rule_headings
from gatewatch.model.api_call import ApiCall

INSTEAD = "#instead"


@dataclass
class Verdict:
    violations: list = field(default_factory=list)
    outcomes: dict = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)

    def blame(self, kind, what):
        self.violations.append(f"{kind}: {what}")
        self.counts[f"VIOLATED: {kind}"] += 1


def judge(world, arrivals):
    verdict = Verdict()
    bodies = {
        named(body): json.loads(body) for group in world.outbox.accepted.values() for body in group if named(body)
    }
    dead = _dead(world, verdict)
    expected = _expected(world, arrivals, bodies, verdict)
    _poison(world, verdict, arrivals, bodies)
    for key in [*expected, *(key for key in bodies if key.startswith("unreadable-") and INSTEAD not in key)]:
        _resolve(key, bodies, dead, world, verdict)
    _posts(world, bodies, verdict)
    for key, times in world.told.copies.items():
        _at_most(key, times, world, verdict)
    order(world, verdict)
    _gates(world, expected, dead, verdict)
    _secrets(world, verdict)
    if world.events.messages or world.outbox.messages:
        verdict.blame("left in a queue", len(world.events.messages) + len(world.outbox.messages))
    verdict.counts["keys that should be told"] = len(expected)
    return verdict


def _dead(world, verdict):
    dead = Counter()
    for sent in world.outbox_dead.messages.values():
        dead[named(sent.body)] += 1
        if not sent.attributes.get("reason"):
            verdict.blame("dead without a reason", sent.body[:200])
    for key, times in dead.items():
        if times > 1 + sum(world.fate.touched[key].values()):
            verdict.blame("buried too often", key)
    return dead


def _expected(world, arrivals, bodies, verdict):
    """By the pipeline's own decision, without its wording: the keys of every part at every destination."""
    pairs = {}
    for arrival in arrivals:
        for call in _calls(arrival.body):
            alert = assess_call(call, Assessor(world.settings, InMemoryRuleHistory()))
            if alert is not None:
                for name in route(alert, world.settings):
                    pairs[f"{call.delivery_key}#{name}"] = len(alert.changes)
    keys = []
    for pair, changes in pairs.items():
        parts = bodies[f"{pair}#1"]["parts"] if f"{pair}#1" in bodies else 0
        if not parts:
            verdict.blame("never reached the outbox", pair)
        found = [f"{pair}#{number}" for number in range(1, parts + 1)]
        _whole(pair, changes, [bodies[key] for key in found], verdict)
        keys.extend(found)
    return keys


def _calls(body):
    try:
        return [each for each in decode(parse(body)) if isinstance(each, ApiCall)]
    except UndecodableError:
        return []


def _whole(pair, changes, messages, verdict):
    """Every change of the event stands in one of its parts."""
    shown = sum(len(rule_headings(json.loads(message["body"]))) for message in messages)
    verdict.counts["changes told"] += shown
    if messages and shown != changes:
        verdict.blame("changes left out", f"{pair}: {shown} of {changes}")


def _posts(world, bodies, verdict):
    """Whatever was folded into a post, all of its rules stand in it."""
    copies = Counter()
    for group, posts in world.told.posts.items():
        for keys in posts:
            text = world.told.texts[keys[0]][copies[keys[0]]]
            copies.update(keys)
            rules = sum(len(rule_headings(json.loads(bodies[key]["body"]))) for key in keys) if group != "alerts" else 0
            if group != "alerts" and len(rule_headings(json.loads(text))) != rules:
                verdict.blame("changes left out", f"of a post to {group}: {keys}")


def _poison(world, verdict, arrivals, bodies):
    kept = list(world.events_dead.messages.values())
    malformed = Counter(each.body for each in arrivals if not _calls(each.body))
    verdict.counts["malformed events"] = malformed.total()
    for body, times in malformed.items():
        if len({each.attributes.get("message_id") for each in kept if each.body == body}) != times:
            verdict.blame("malformed and not kept", body)
    for each in kept:
        if not each.attributes.get("reason"):
            verdict.blame("event dead without a reason", each.body[:200])
        elif f"unreadable-{each.attributes['message_id']}#sec-all" not in bodies:
            verdict.blame("event dead and nobody told", each.body[:200])


def _resolve(key, bodies, dead, world, verdict):
    """Delivered, or dead and told by the fallback: exactly one of the two."""
    delivered, buried = world.told.copies[key], dead[key]
    excused = world.told.lost_answers[key] + world.told.lost_to_kills[key]
    if delivered and (buried or key + INSTEAD in bodies) and not excused:
        verdict.blame("both delivered and dead", key)
    if not delivered and not buried:
        verdict.blame("lost", key)
    if buried and not _told_elsewhere(key, bodies, dead, world):
        verdict.blame("dead and nobody told", key)
    outcome = "dead, told by fallback" if buried else "delivered twice" if delivered > 1 else "delivered once"
    verdict.outcomes[key] = outcome
    verdict.counts[outcome] += 1


def _told_elsewhere(key, bodies, dead, world):
    """The hub's own topic has nobody behind it; there the alarm on the dead-letter queue speaks."""
    instead = key + INSTEAD
    if instead not in bodies:
        return bodies[key]["destination"] == "alerts"
    return bool(world.told.copies[instead]) or (bool(dead[instead]) and _told_elsewhere(instead, bodies, dead, world))


def _at_most(key, times, world, verdict):
    by_kill, by_silence = world.told.lost_to_kills[key], world.told.lost_answers[key]
    verdict.counts["told again because of a kill"] += min(times - 1, by_kill)
    verdict.counts["told again because the answer was lost"] += max(0, times - 1 - by_kill)
    if times > 1 + by_kill + by_silence:
        verdict.blame("told too often", f"{key}: {times} times")


def order(world, verdict):
    """In the order of the queue, but for what a roll-up takes along; and that may not overtake what is of one piece."""
    for group, bodies in world.outbox.accepted.items():
        place, facts = {}, {}
        for number, body in enumerate(bodies):
            place.setdefault(named(body), number)
            facts[named(body)] = json.loads(body)
        seen, alone = set(), []
        for keys in world.told.posts[group]:
            alone += [keys[0]] if keys[0] not in seen else []
            seen.update(keys)
        places = [place[key] for key in alone]
        if places != sorted(places):
            verdict.blame("out of order", group)
        for key, other in _overtaken(dict.fromkeys(world.told.order[group]), place, facts):
            verdict.blame("overtaken", f"{other} by {key} in {group}")


def _overtaken(keys, place, facts):
    """Of one account: what is about one group, and what names none with everything."""
    latest = defaultdict(lambda: ("", -1))
    for key in keys:
        account, about = facts[key]["account_id"], facts[key].get("about", "")
        before = [latest[account, about], latest[account, ""]] if about else [latest[account, "any"]]
        yield from ((key, other) for other, at in before if at > place[key])
        for name in (about, "any"):
            latest[account, name] = max(latest[account, name], (key, place[key]), key=lambda each: each[1])


def _gates(world, expected, dead, verdict):
    """Who is told of an opening and of its closing is told that they belong together, by one of the two messages.

    With an app the message of the opening ends as closed, unless it cannot be found again or Slack refused the edit.
    """
    book = ThreadStore(DynamoDb(Peace(), world.told, world.aws.dynamodb.rows), "gatewatch-prod", lambda: 0.0)
    told = {key for key in expected if not dead[key] and key.endswith("#1") and "#alerts#" not in key}
    for key in told:
        event, _, rest = key.partition("#")
        closing = f"{event}{CLOSED}#{rest}"
        if closing not in told:
            continue
        verdict.counts["gates closed"] += 1
        texts = [*((text, event) for text in world.told.texts[key])]
        texts += [(text, event + CLOSED) for text in world.told.texts[closing]]
        if not any(_says_it(json.loads(text), of) for text, of in texts):
            verdict.blame("a closing that says nothing of its opening", key)
        if rest == "payments#1":
            _edited(book, key, event, world, verdict)


def _edited(book, key, event, world, verdict):
    root = book.root("payments", key)
    root = book.root("payments", root.within or key) if root else None
    verdict.counts["gates whose message is not known"] += root is None
    if root is None or root.ts in world.http.unedited:
        return
    verdict.counts["gates whose message ends as closed"] += 1
    if not _says_it(world.http.shown[root.ts], event):
        verdict.blame("closed and not said where it was opened", key)


def _says_it(message, event):
    """Where the message tells of the event; in a roll-up each alert has a section, and its line in small under it."""
    blocks = message["attachments"][0]["blocks"]
    is_rollup, said = " · +" in blocks[0]["text"]["text"], ""
    for block in blocks:
        if block["type"] == "section" and "text" in block and not (is_rollup and block["text"]["text"][0] in "✅☑"):
            said += block["text"]["text"]
        elif block["type"] == "context" and f"`{event}`" in block["elements"][0]["text"]:
            return "✅" in said
        elif block["type"] == "context" and is_rollup:
            said = ""
    return False


def _secrets(world, verdict):
    for place, texts in everything_written(world).items():
        verdict.counts[f"texts searched for secrets: {place}"] = len(texts)
        for text in texts:
            if any(secret in text for secret in secret_parts()):
                verdict.blame("a secret", f"in {place}: {text[:300]}")


def everything_written(world):
    queues = (world.events_dead, world.outbox_dead)
    return {
        "log lines": world.lines.lines,
        "metrics": [str(world.counts.counted)],
        "dead letters": [f"{sent.body} {sent.attributes}" for queue in queues for sent in queue.messages.values()],
        "messages": [text for texts in world.told.texts.values() for text in texts],
        "outbox": [body for group in world.outbox.accepted.values() for body in group],
        "ledger rows": [str(row) for row in world.aws.dynamodb.rows.values()],
    }


def table(world, verdict):
    """Faults injected, and what became of the messages they met."""
    outcomes = ("delivered once", "delivered twice", "dead, told by fallback")
    met = defaultdict(Counter)
    for key, faults in world.fate.touched.items():
        for fault in faults:
            met[fault][verdict.outcomes.get(key, "")] += 1
    lines = [f"{'fault':<42}{'injected':>9}" + "".join(f"{each:>24}" for each in outcomes)]
    for fault, times in sorted(world.fate.injected.items()):
        lines.append(f"{fault:<42}{times:>9}" + "".join(f"{met[fault][each]:>24}" for each in outcomes))
    return "\n".join(lines)
