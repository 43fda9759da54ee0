"""The run of killed processes, and its account."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass

from chaos.processes import BOOK, SlackServer, drain, running
from chaos.scenario import scenario
from gatewatch.delivery.wire import decode_message
from support.rendering import blocks_of

SECRETS = {"sec-all": "sEcReTaLl00000000000000001", "closed": "sEcReTcLoSeD0000000000002"}
FAULTS = ("429 after 0", "429 after 1", "500", "503", "reset", "answer reset mid-body")


@dataclass
class Report:
    events: int
    killed: Counter
    injected: Counter
    delivered: Counter
    dead_letters: int
    violations: list


def run(folder, count, kills, seed):
    dice = random.Random(seed)  # noqa: S311  a seed is the point

    def answers(channel):
        if channel == "closed":
            return "404"
        return dice.choice(FAULTS) if dice.random() < 0.08 else None

    destinations = {
        name: {"kind": "slack_webhook", "url": {"ssm": f"/gatewatch/{name}"}, "pace": 0.0} for name in SECRETS
    }
    policy = {
        "destinations": destinations,
        "routes": [{"to": ["sec-all"]}, {"match": {"region": "us-east-1"}, "to": ["closed"]}],
        "digest": {"to": ["sec-all"]},
    }
    arrivals = scenario(count, seed)
    with SlackServer(answers) as slack:
        secrets = {f"/gatewatch/{name}": slack.url(name, secret) for name, secret in SECRETS.items()}
        with running(folder, policy, secrets) as hub:
            hub.send(*(each.body for each in arrivals if each.body))
            killed = drain(hub, seed, kills)
            hub.end()
            return _report(arrivals, hub, slack, killed)


def _report(arrivals, hub, slack, killed):
    posts = [(channel, list(_calls_in(body))) for channel, body in slack.taken]
    delivered = Counter((channel, event) for channel, calls in posts for event, _ in calls)
    topic = [json.loads(body)["Message"] for body, _ in hub.bodies(hub.subscriber)]
    dead_letters = hub.bodies("outbox-dlq.fifo")
    unread = hub.bodies("events-dlq")
    rows = hub.dynamodb.scan(TableName="gatewatch-prod")["Items"]
    violations = [
        *_too_often(posts, killed.total() + slack.unanswered),
        *_events(arrivals, delivered, topic, dead_letters),
        *(f"no reason: {body[:100]}" for body, attributes in [*dead_letters, *unread] if "reason" not in attributes),
        *(f"not in the activity log: {shared}" for shared in _not_recorded(arrivals, hub)),
        *(f"left unread: {each.body[:60]}" for each in arrivals if _lost_poison(each, unread)),
    ]
    everything = [
        *hub.written(),
        *topic,
        *map(str, [*dead_letters, *unread, *rows]),
        *(body for _, body in slack.taken),
    ]
    violations += [f"a secret: {each[:200]}" for each in everything for secret in SECRETS.values() if secret in each]
    return Report(len(arrivals), killed, slack.injected, delivered, len(dead_letters), violations)


def _too_often(posts, excused):
    """A message that was posted again is one whose first post was not recorded."""
    later, again = set(), 0
    for channel, calls in reversed(posts):
        keys = {(channel, *call) for call in calls}
        again += bool(keys & later)
        later |= keys
    if again > excused:
        yield f"{again} messages were posted again, and there were only {excused} kills and lost answers"


def _events(arrivals, delivered, topic, dead_letters):
    """At the open channel, unless every post was killed; for the closed one, dead-lettered and sent to the topic."""
    keys = {decode_message(body).key for body, _ in dead_letters}
    for shared, record in _records(arrivals):
        given_up = {name for name in SECRETS if f"{shared}#{name}" in keys}
        if not delivered["sec-all", shared] and "sec-all" not in given_up:
            yield f"lost: {shared}"
        if record["awsRegion"] == "us-east-1" and "closed" not in given_up:
            yield f"neither delivered nor dead_letters: {shared}"
        if given_up and not any(record["eventID"] in text or shared in text for text in topic):
            yield f"dead-lettered and not sent to the fallback: {shared}"


def _not_recorded(arrivals, hub):
    rows = hub.dynamodb.scan(TableName=BOOK)["Items"]
    booked = {json.loads(row["value"]["S"])["key"] for row in rows if row["pk"]["S"].startswith("day#")}
    return {shared for shared, _ in _records(arrivals)} - booked


def _records(arrivals):
    """Each action once, by the name that Slack sees: the event id of the copy that came first is not known."""
    seen = {}
    for each in arrivals:
        if each.kind == "event":
            record = json.loads(each.body)["detail"]
            if "sharedEventID" not in record:
                seen[record["eventID"]] = record
    return seen.items()


def _lost_poison(arrival, unread):
    return arrival.kind == "malformed" and arrival.body and arrival.body not in {body for body, _ in unread}


def _calls_in(body):
    """Event ids and parts, in the last line of a message or, in a roll-up, of each alert; a notice has none."""
    for block in blocks_of(json.loads(body)):
        if block["type"] == "context":
            line = block["elements"][0]["text"].split("\n")[-1].partition(" · <")[0]
            yield from re.findall(r"^`\w+` `([^`]+)`(.*)", line)
