"""Ten thousand events of twenty accounts: opened, closed, refused, many rules at once; duplicated, shuffled, broken.

Of the rules that are open to the internet four in five are removed again.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime

ACCOUNTS = tuple(f"{number:012d}" for number in range(100_000_000_001, 100_000_000_021))
SPAN = 3 * 3600  # seconds from the first event to the last
PEERS = ("0.0.0.0/0", "203.0.113.7/32", "10.0.0.0/8", "198.51.100.0/24")
PORTS = (22, 80, 443, 3306, 3389, 5432, 8080, 27017)
NAMES = ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
CLOSED = "-closed"
BROKEN = (
    "",
    "no JSON at all",
    '{"detail": {"eventName": "Authori',
    "[]]",
    "null",
    '{"detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": 7}',
    '{"detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": {"eventName": 5}}',
    '{"hello": "harness"}',
    '"\\ud800"',
)


@dataclass(frozen=True)
class Arrival:
    """What one SQS message holds, and when it comes, in seconds from the beginning."""

    at: float
    body: str
    kind: str


def scenario(count, seed):
    """The arrivals in no order, each event at least once."""
    dice = random.Random(seed)  # noqa: S311
    arrivals = []
    for number in range(count):
        at = dice.uniform(0, SPAN)
        if dice.random() < 0.01:
            arrivals.append(Arrival(at, dice.choice(BROKEN), "malformed"))
            continue
        record = _record(number, at, dice)
        arrivals.append(Arrival(at, json.dumps(_event(record)), "event"))
        arrivals.extend(_copies(record, at, dice))
        if _opens_to_the_world(record) and dice.random() < 0.8:
            arrivals.extend(_closing(record, at, dice))
    dice.shuffle(arrivals)
    return arrivals


def flood(count):
    """Seconds and events: refused calls of one actor within a minute, each with a thousand rules."""
    permissions = [
        {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": f"203.{a}.{b}.0/24"}]}}
        for a in range(4)
        for b in range(250)
    ]
    for number in range(count):
        at = 60 * number / count
        record = _record(0, at, random.Random(number))  # noqa: S311
        yield (
            at,
            _event(
                record
                | {
                    "eventName": NAMES[0],
                    "eventID": f"flood-{number:06d}",
                    "eventTime": _time(SPAN / 2 + at),
                    "userIdentity": record["userIdentity"] | {"accountId": ACCOUNTS[0], "userName": "mallory"},
                    "recipientAccountId": ACCOUNTS[0],
                    "requestParameters": {"groupId": "sg-f100d", "ipPermissions": {"items": permissions}},
                    "responseElements": None,
                    "errorCode": "Client.UnauthorizedOperation",
                    "errorMessage": "no",
                }
            ),
        )


def _copies(record, at, dice):
    """EventBridge delivers at least once; CloudTrail gives both accounts of a cross-account call a record."""
    if dice.random() < 0.05:
        later = at + dice.choice((1, 200, 299, 301, 2000))
        yield Arrival(later, json.dumps(_event(record)), "duplicate")
    if "sharedEventID" in record:
        other = record | {"eventID": f"{record['eventID']}-b"}
        yield Arrival(at + dice.uniform(0, 60), json.dumps(_event(other)), "second copy of CloudTrail's")


def _opens_to_the_world(record):
    rules = record["requestParameters"]["ipPermissions"]["items"]
    is_world = all(rule["ipRanges"]["items"][0]["cidrIp"] == "0.0.0.0/0" for rule in rules)
    return record["eventName"] == NAMES[0] and is_world and not record.keys() & {"errorCode", "sharedEventID"}


def _closing(opening, at, dice):
    """The rule is removed later; the two events may arrive in either order."""
    later = at + dice.choice((1, 60, 3000))
    closed = {
        "eventName": NAMES[1],
        "eventID": f"{opening['eventID']}{CLOSED}",
        "eventTime": _time(later),
        "userIdentity": opening["userIdentity"] | {"userName": dice.choice(("alice", "bob"))},
    }
    yield Arrival(max(0, later + dice.choice((-100, 0, 0))), json.dumps(_event(opening | closed)), "event")


def _time(at):
    return datetime.fromtimestamp(1_769_225_149 + at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record(number, at, dice):
    account = dice.choice(ACCOUNTS)
    rules = 1 if dice.random() < 0.97 else dice.randint(20, 120)
    permissions = [_permission(dice) for _ in range(rules)]
    refused = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": "no"} if dice.random() < 0.05 else {}
    shared = {"sharedEventID": f"shared-{number:06d}"} if dice.random() < 0.03 else {}
    return (
        {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "accountId": account,
                "userName": dice.choice(("alice", "bob", "<!here>")),
            },
            "eventTime": _time(at),
            "eventSource": "ec2.amazonaws.com",
            "eventName": dice.choice(NAMES),
            "awsRegion": dice.choice(("eu-west-1", "us-east-1", "ap-northeast-2")),
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.18.17",
            "requestParameters": {"groupId": f"sg-{number:017x}", "ipPermissions": {"items": permissions}},
            "responseElements": None if refused else {"_return": True},
            "eventID": f"event-{number:06d}",
            "eventType": "AwsApiCall",
            "recipientAccountId": account,
        }
        | refused
        | shared
    )


def _permission(dice):
    port = dice.choice(PORTS)
    description = dice.choice(("", "\uffff\ufffe", "temporary & <b>bold</b>", "한국어 설명"))
    peer = {"cidrIp": f"10.{dice.randint(0, 255)}.{dice.randint(0, 255)}.0/24", "description": description}
    peer = peer if dice.random() < 0.3 else {"cidrIp": dice.choice(PEERS)}
    return {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": [peer]}}


def _event(record):
    return {
        "version": "0",
        "id": f"envelope-{record['eventID']}",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }
