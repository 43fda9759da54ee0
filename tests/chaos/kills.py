"""The run of killed processes, and its account."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass

from chaos.processes import BOOK, SlackServer, drain, running
from chaos.scenario import scenario
from gatewatch.delivery.wire import decode_message

SECRETS = {"sec-all": "sEcReTaLl00000000000000001", "closed": "sEcReTcLoSeD0000000000002"}
FAULTS = ("429 after 0", "429 after 1", "500", "503", "reset", "answer reset mid-body")


@dataclass
class Report:
    events: int
    killed: Counter
    injected: Counter
    delivered: Counter
    dead: int
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
            killed = drain(hub, seed, kills, seconds=120.0 + 2 * count)
            hub.end()
            return _report(arrivals, hub, slack, killed)


def _report(arrivals, hub, slack, killed):
    posts = [(channel, list(_calls_in(body))) for channel, body in slack.taken]
    delivered = Counter((channel, event) for channel, calls in posts for event, _ in calls)
    topic = [json.loads(body)["Message"] for body, _ in hub.bodies(hub.subscriber)]
    dead = hub.bodies("outbox-dlq.fifo")
    unread = hub.bodies("events-dlq")
    rows = hub.dynamodb.scan(TableName="gatewatch-prod")["Items"]
    violations = [
        *_too_often(posts, killed.total() + slack.unanswered),
        *_events(arrivals, delivered, topic, dead),
        *(f"no reason: {body[:100]}" for body, attributes in [*dead, *unread] if "reason" not in attributes),
        *(f"not in the day book: {shared}" for shared in _unbooked(arrivals, hub)),
        *(f"left unread: {each.body[:60]}" for each in arrivals if _lost_poison(each, unread)),
    ]
    everything = [*hub.written(), *topic, *map(str, [*dead, *unread, *rows]), *(body for _, body in slack.taken)]
    violations += [f"a secret: {each[:200]}" for each in everything for secret in SECRETS.values() if secret in each]
    return Report(len(arrivals), killed, slack.injected, delivered, len(dead), violations)


def _too_often(posts, excused):
    """A post of which anything was told again is one that nobody wrote down."""
    later, again = set(), 0
    for channel, calls in reversed(posts):
        keys = {(channel, *call) for call in calls}
        again += bool(keys & later)
        later |= keys
    if again > excused:
        yield f"{again} posts were told again, and there were only {excused} kills and lost answers"


def _events(arrivals, delivered, topic, dead):
    """Once each at the channel that is open; at the one that is not, dead and told by the topic."""
    for shared, record in _records(arrivals):
        if not delivered["sec-all", shared]:
            yield f"lost: {shared}"
        if record["awsRegion"] != "us-east-1":
            continue
        if not any(f"{shared}#closed" in decode_message(body).key for body, _ in dead):
            yield f"neither delivered nor dead: {shared}"
        if not any(record["eventID"] in text or shared in text for text in topic):
            yield f"dead and nobody told: {shared}"


def _unbooked(arrivals, hub):
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
    for block in json.loads(body)["attachments"][0]["blocks"]:
        if block["type"] == "context":
            line = block["elements"][0]["text"].split("\n")[-1].partition(" · <")[0]
            yield from re.findall(r"^`\w+` `([^`]+)`(.*)", line)
