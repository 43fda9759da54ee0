"""Tampering in a member account of the local cloud, while canaries go on: an alert for each change."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from functions import heartbeat
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.local.aws.server import MEMBERS
from gatewatch.local.demo.deployment import deploy
from gatewatch.local.slack.inbox import Inbox
from gatewatch.monitoring.forwarding.check import ForwardingCheck

pytestmark = pytest.mark.slow
ACCOUNT, REGION = next(member for member in MEMBERS if member[1] == "us-east-1")
ROLE = f"gatewatch-forward-{REGION}"
RULE = "gatewatch-security-group"
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


class Steps:
    """What each step of the scenario sent to Slack, as headlines and texts."""

    def __init__(self, deployed, inbox):
        self.deployed, self.inbox, self.seen = deployed, inbox, 0
        session = deployed.cloud.session(ACCOUNT, REGION)
        self.events, self.iam = session.client("events"), session.client("iam")

    def check(self):
        """Canaries arrive, then the scheduled comparison runs; returns the new messages."""
        for member in MEMBERS:
            self.deployed.cloud.run_scheduled_rules(*member)
        self.deployed.poller.drain()
        heartbeat.compose_forwarding().run()
        self.deployed.poller.drain()
        new = [one.message["attachments"][0] for one in self.inbox.received[self.seen :]]
        self.seen = len(self.inbox.received)
        return [(each["fallback"], json.dumps(each["blocks"], ensure_ascii=False)) for each in new]

    def targets(self, rule):
        return self.events.list_targets_by_rule(Rule=rule)["Targets"]


@pytest.fixture(scope="module")
def steps():
    with Inbox() as inbox, deploy(inbox) as deployed:
        heartbeat.compose_forwarding.cache_clear()
        yield Steps(deployed, inbox)


def test_the_scenario(steps):
    """One deployment serves the whole scenario, because it takes most of the time."""
    assert steps.check() == [], "moto lets the hub assume any role, also one that was not created"

    steps.events.put_rule(Name=RULE, EventPattern='{"source": ["aws.nothing"]}', State="ENABLED")
    ((headline, text),) = steps.check()
    assert "payments-prod" in headline
    assert f"{RULE} has a different pattern" in text
    assert steps.check() == []

    kept = {rule: steps.targets(rule) for rule in (*rule_patterns(), "gatewatch-canary")}
    for rule in rule_patterns():
        steps.events.remove_targets(Rule=rule, Ids=[each["Id"] for each in kept[rule]])
    ((_, text),) = steps.check()
    assert all(f"{rule} has no target on the hub" in text for rule in rule_patterns())
    assert "gatewatch-canary" not in text

    for rule in rule_patterns():
        steps.events.put_targets(Rule=rule, Targets=kept[rule])
    steps.events.put_rule(Name=RULE, EventPattern=json.dumps(rule_patterns()[RULE]), State="ENABLED")
    ((headline, _),) = steps.check()
    assert "as deployed again" in headline

    steps.iam.put_role_policy(RoleName=ROLE, PolicyName="x", PolicyDocument=json.dumps(DENY))
    ((_, text),) = steps.check()
    assert text.count("has no role that may put events") == len(rule_patterns()) + 1
    steps.iam.delete_role_policy(RoleName=ROLE, PolicyName="x")
    steps.check()

    for restrict, restore in restrictions(steps.iam):
        restrict()
        ((_, text),) = steps.check()
        assert "has no role that may put events" in text
        restore()
        assert [headline for headline, _ in steps.check()] == ["✅ Forwarding is as deployed again"]

    steps.events.disable_rule(Name="gatewatch-hub")
    ((_, text),) = steps.check()
    assert "gatewatch-hub is disabled" in text
    assert steps.deployed.dead_letter_count() == 0


def restrictions(iam):
    """Other ways to take the permission away from the forwarding role, and how to give it back."""
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    other = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    nobody = {"Version": "2012-10-17", "Statement": [other]}
    denying = iam.create_policy(PolicyName="deny", PolicyDocument=json.dumps(DENY))["Policy"]["Arn"]
    yield (
        lambda: iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=denying),
        lambda: iam.delete_role_permissions_boundary(RoleName=ROLE),
    )
    yield (
        lambda: iam.attach_role_policy(RoleName=ROLE, PolicyArn=denying),
        lambda: iam.detach_role_policy(RoleName=ROLE, PolicyArn=denying),
    )
    yield (
        lambda: iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(nobody)),
        lambda: iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust)),
    )


@pytest.mark.usefixtures("steps")
def test_an_account_that_cannot_be_read_is_a_difference():
    handler = heartbeat.compose_forwarding()
    refused = ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

    def refuse(_member):
        raise refused

    members = sorted(handler.canaries.last_canaries())
    found = ForwardingCheck(handler.check.bus, refuse).differences(members)
    assert {each.account_id for each in found} == {each.account_id for each in members}
    assert {each.region for each in found} == {""}
    assert all("cannot be assumed: AccessDenied" in each.detail for each in found)
