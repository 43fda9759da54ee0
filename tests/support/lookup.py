"""A fake EC2 of a member account, a lookup that uses it, and alerts to look up."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
from botocore.exceptions import ClientError

from gatewatch.alerts.lookup.client import GroupLookup
from gatewatch.alerts.pipeline import AlertPipeline, Assessor, assess_call, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.destinations import HUB_TOPIC, Route, SecretRef, SlackWebhook, SnsTopic
from gatewatch.config.settings import load_settings
from gatewatch.events.decoding import decode
from gatewatch.events.files import read_file
from support.limits import GUARD_SECONDS
from support.paths import ROOT
from support.resource_shares import Ram

CALL_TIME = datetime(2026, 1, 24, 3, 45, 49, tzinfo=UTC)
GROUP = "sg-0aaaaaaaaaaaaaaa1"
SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


def client_error(code, operation="AssumeRole"):
    return ClientError({"Error": {"Code": code, "Message": "arn:aws:iam::111122223333:user/secret"}}, operation)


def interface(number, **fields):
    return {"NetworkInterfaceId": f"eni-{number:017x}", "InterfaceType": "interface"} | fields


def instance(number, *, public=False, **fields):
    """The interface of an instance."""
    own = {"Attachment": {"InstanceId": f"i-{number:017x}", "Status": "attached"}}
    address = {"Association": {"PublicIp": f"203.0.113.{number}"}} if public else {}
    return interface(number, **own, **address, **fields)


class Ec2:
    """`answers` by method: a response, an exception to raise, a function of the request, or a list of these in turn."""

    def __init__(self, *, supported_parameters=(), **answers):
        self.requested = []
        group = {"GroupId": GROUP, "GroupName": "web", "VpcId": "vpc-0ddddddddddddddd4"}
        self.answers = {
            "describe_security_groups": {"SecurityGroups": [group]},
            "describe_network_interfaces": {"NetworkInterfaces": []},
            "describe_security_group_rules": {"SecurityGroupRules": []},
            "describe_tags": {"Tags": []},
            "describe_instance_status": {"InstanceStatuses": []},
        } | answers
        members = dict.fromkeys(("Filters", "MaxResults", "NextToken", *supported_parameters))
        shape = SimpleNamespace(input_shape=SimpleNamespace(members=members))
        self.meta = SimpleNamespace(service_model=SimpleNamespace(operation_model=lambda _: shape))

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)
        return lambda **request: self._answer(name, request)

    def _answer(self, name, request):
        self.requested.append((name, request))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def requests(self, name):
        return [request for each, request in self.requested if each == name]


class FakeAws:
    """`Aws` as far as the lookup needs it: `assume_role` calls `wait` and raises `error`."""

    def __init__(self, ec2=None, error=None, wait=lambda: None, lifetime=3600.0, ram=None):
        self.ram = ram or Ram()
        self.ec2, self.error, self.wait, self.lifetime = ec2 or Ec2(), error, wait, lifetime
        self.roles, self.clients = [], []
        self.sts_short_timeout = self

    def partition(self, region):
        return "aws-cn" if region.startswith("cn-") else "aws"

    def assume_role(self, **request):
        self.roles.append(request)
        self.wait()
        if self.error:
            raise self.error
        until = datetime.fromtimestamp(Clock.START + self.lifetime, UTC)
        keys = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "sEcReT", "SessionToken": "tOkEn"}
        return {"Credentials": keys | {"Expiration": until}}

    def member_ram_client(self, _credentials, _region):
        return self.ram

    def member_ec2_client(self, credentials, region):
        self.clients.append((credentials.access_key, region))
        return self.ec2


class Clock:
    """Seconds since 1970, starting 15 seconds after the call."""

    START = (CALL_TIME + timedelta(seconds=15)).timestamp()

    def __init__(self):
        self.now = self.START

    def __call__(self):
        return self.now


class FakeMetrics(dict):
    def count(self, name, value=1):
        self[name] = self.get(name, 0) + value


class LookupHarness:
    """A `GroupLookup` with its fake dependencies, whose answers it awaits for `seconds`."""

    def __init__(self, ec2=None, seconds=GUARD_SECONDS, **aws):
        self.ec2 = ec2 or Ec2()
        self.aws = FakeAws(self.ec2, **aws)
        self.clock, self.counts, self.recorded = Clock(), FakeMetrics(), []
        self.lookup = GroupLookup(
            self.aws,
            lambda *rules: self.recorded.append(rules),
            logging.getLogger("lookup"),
            self.counts,
            self.clock,
            self.clock,
            seconds,
        )

    def fetch(self, alert):
        return self.lookup.fetch(alert)


def messages(folder, settings):
    """The messages for the calls in `event.json` when lookups are enabled, by destination: a Slack channel and a topic.

    `ec2.json` holds the responses of EC2, twelve seconds after the last call.
    """
    calls = [call for document in read_file(folder / "event.json") for call in decode(document.content, document.where)]
    harness = LookupHarness(Ec2(**json.loads((folder / "ec2.json").read_text("utf-8"))))
    harness.clock.now = calls[-1].time.timestamp() + 12
    accounts = {
        each: msgspec.structs.replace(account, read_role=LOOKUP_ROLE) for each, account in settings.accounts.items()
    }
    destinations = {"channel": SlackWebhook(url=SecretRef(ssm="/gatewatch/channel")), HUB_TOPIC: SnsTopic()}
    routed = msgspec.structs.replace(
        settings, accounts=accounts, destinations=destinations, routes=(Route(to=("channel", HUB_TOPIC)),)
    )
    pipeline = AlertPipeline(routed, InMemoryRuleHistory(), lookup=harness.fetch)
    sent = [message for call in calls for message in run_pipeline(call, pipeline).messages]
    return {name: [each for each in sent if each.destination == name] for name in destinations}


def alert_with_lookup_role(record, role=LOOKUP_ROLE, rule_history=None):
    """The alert of a CloudTrail record in an account that has a lookup role."""
    (call,) = decode(json.loads(json.dumps(record)), "event")
    alert = assess_call(call, Assessor(SETTINGS, rule_history or InMemoryRuleHistory()))
    account = msgspec.structs.replace(alert.account, read_role=role)
    return msgspec.structs.replace(alert, account=account)
