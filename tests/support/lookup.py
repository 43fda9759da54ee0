"""A member's EC2 that answers what it is told to, and an AWS whose doors lead to it; alerts to look around for."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
from botocore.exceptions import ClientError

from gatewatch.alerts.lookup.client import Surveyor
from gatewatch.alerts.pipeline import Hub, Judge, alert_of, worded
from gatewatch.alerts.rule_history import RecentRules
from gatewatch.config.accounts import READ_ROLE
from gatewatch.config.destinations import HUB_TOPIC, Route, SecretRef, SlackWebhook, SnsTopic
from gatewatch.config.settings import load_settings
from gatewatch.events.decode import decode
from gatewatch.events.files import documents_of_file
from support.paths import ROOT

CALLED = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
GROUP = "sg-0aaaaaaaaaaaaaaa1"
SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


def refused(code, operation="AssumeRole"):
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:iam::111122223333:user/secret"}}, operation)


def interface(number, **fields):
    return {"NetworkInterfaceId": f"eni-{number:017x}", "InterfaceType": "interface"} | fields


def instance(number, *, public=False, **fields):
    """The interface of an instance."""
    own = {"Attachment": {"InstanceId": f"i-{number:017x}", "Status": "attached"}}
    address = {"Association": {"PublicIp": f"203.0.113.{number}"}} if public else {}
    return interface(number, **own, **address, **fields)


class Ec2:
    """`answers` by the method: an answer, an error to raise, a function of the request, or a list of these in turn."""

    def __init__(self, *, knows=(), **answers):
        self.asked = []
        group = {"GroupId": GROUP, "GroupName": "web", "VpcId": "vpc-0ddddddddddddddd4"}
        self.answers = {
            "describe_security_groups": {"SecurityGroups": [group]},
            "describe_network_interfaces": {"NetworkInterfaces": []},
            "describe_security_group_rules": {"SecurityGroupRules": []},
            "describe_tags": {"Tags": []},
        } | answers
        members = dict.fromkeys(("Filters", "MaxResults", "NextToken", *knows))
        shape = SimpleNamespace(input_shape=SimpleNamespace(members=members))
        self.meta = SimpleNamespace(service_model=SimpleNamespace(operation_model=lambda _: shape))

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)
        return lambda **request: self._answer(name, request)

    def _answer(self, name, request):
        self.asked.append((name, request))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def requests(self, name):
        return [request for each, request in self.asked if each == name]


class Doors:
    """`Aws`, as far as the surveyor needs it. `fault` is raised when a role is assumed; `slow` is waited for."""

    def __init__(self, ec2=None, fault=None, slow=0.0, lifetime=3600.0):
        self.ec2, self.fault, self.slow, self.lifetime = ec2 or Ec2(), fault, slow, lifetime
        self.roles, self.clients = [], []
        self.brief_sts = self

    def partition(self, region):
        return "aws-cn" if region.startswith("cn-") else "aws"

    def assume_role(self, **request):
        self.roles.append(request)
        time.sleep(self.slow)
        if self.fault:
            raise self.fault
        until = datetime.fromtimestamp(Clock.START + self.lifetime, UTC)
        keys = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "sEcReT", "SessionToken": "tOkEn"}
        return {"Credentials": keys | {"Expiration": until}}

    def ec2_of(self, credentials, region):
        self.clients.append((credentials.access_key, region))
        return self.ec2


class Clock:
    """Seconds since 1970, a quarter of a minute after the call."""

    START = (CALLED + timedelta(seconds=15)).timestamp()

    def __init__(self):
        self.now = self.START

    def __call__(self):
        return self.now


class Counts(dict):
    def count(self, name, value=1):
        self[name] = self.get(name, 0) + value


class Survey:
    """A surveyor with all that it touches."""

    def __init__(self, ec2=None, **doors):
        self.ec2 = ec2 or Ec2()
        self.doors = Doors(self.ec2, **doors)
        self.clock, self.counts, self.learnt = Clock(), Counts(), []
        self.monotonic = None
        self.surveyor = Surveyor(
            self.doors,
            lambda *learnt: self.learnt.append(learnt),
            logging.getLogger("survey"),
            self.counts,
            self.clock,
            lambda: time.monotonic() + self.clock.now - Clock.START,
        )

    def look(self, alert):
        return self.surveyor.look(alert)


def messages(folder, settings, templates):
    """What a hub that asks tells of the calls in `event.json`, by destination: a Slack channel and a topic.

    `ec2.json` holds what EC2 answers, twelve seconds after the last call.
    """
    calls = [
        call
        for document in documents_of_file(folder / "event.json")
        for call in decode(document.content, document.where)
    ]
    survey = Survey(Ec2(**json.loads((folder / "ec2.json").read_text("utf-8"))))
    survey.clock.now = calls[-1].time.timestamp() + 12
    accounts = {
        each: msgspec.structs.replace(account, read_role=READ_ROLE) for each, account in settings.accounts.items()
    }
    destinations = {"room": SlackWebhook(url=SecretRef(ssm="/gatewatch/room")), HUB_TOPIC: SnsTopic()}
    heard = msgspec.structs.replace(
        settings, accounts=accounts, destinations=destinations, routes=(Route(to=("room", HUB_TOPIC)),)
    )
    hub = Hub(heard, RecentRules(), templates, look=survey.look)
    told = [message for call in calls for message in worded(call, hub).messages]
    return {name: [each.body for each in told if each.destination == name] for name in destinations}


def alert(record, role=READ_ROLE, memory=None):
    """The alert of a CloudTrail record in an account that has a read role."""
    (call,) = decode(json.loads(json.dumps(record)), "event")
    made = alert_of(call, Judge(SETTINGS, memory or RecentRules()))
    account = msgspec.structs.replace(made.account, read_role=role)
    return msgspec.structs.replace(made, account=account)
