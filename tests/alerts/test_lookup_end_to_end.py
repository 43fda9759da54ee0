"""Lookups in member accounts of the local AWS, by the roles of the template; and a hub without lookups."""

import json
import logging
import os
import subprocess
import sys

import pytest

from gatewatch.alerts.lookup.client import GroupLookup
from gatewatch.aws.clients import Aws
from gatewatch.aws.roles import assume_role_credentials
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, Cloud
from gatewatch.local.demo.resources import GROUPS, create_groups, with_group_ids
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.network_interfaces import AttachedResource
from support.lookup import FakeMetrics, alert_with_lookup_role
from support.paths import ROOT

MEMBER = ROOT / "eventbridge" / "member.yaml"
BUS = f"arn:aws:events:{HUB_REGION}:{HUB_ACCOUNT}:event-bus/gatewatch-prod"
CALLER = f"arn:aws:iam::{HUB_ACCOUNT}:role/gatewatch-prod-AlertRole-1A2B3C4D5E6F"
GLOBAL = "us-east-1"


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        cloud.deploy(MEMBER_ACCOUNTS[0], GLOBAL, MEMBER, {"HubBusArn": BUS, "LookupRoleArn": CALLER})
        cloud.deploy(MEMBER_ACCOUNTS[1], GLOBAL, MEMBER, {"HubBusArn": BUS})
        cloud.deploy(MEMBER_ACCOUNTS[1], HUB_REGION, MEMBER, {"HubBusArn": BUS, "LookupRoleArn": CALLER})
        yield cloud


@pytest.fixture(scope="module")
def groups(cloud):
    return create_groups(cloud)


@pytest.fixture
def harness(cloud):
    """A lookup with a longer time limit, because the machine may be busy with other tests."""
    recorded, aws = [], Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    log = logging.getLogger("harness")
    lookup = GroupLookup(aws, lambda *rules: recorded.append(rules), log, FakeMetrics(), seconds=60)
    return lambda made: (lookup.fetch(made), recorded)


def opened(build, account, region, group_id):
    request = build.request(build.item(v4=["0.0.0.0/0"])) | {"groupId": group_id}
    return alert_with_lookup_role(
        build.record("AuthorizeSecurityGroupIngress", request, recipientAccountId=account, awsRegion=region)
    )


def test_the_role_is_created_once_per_account_where_it_is_configured(cloud):
    def named(account):
        roles = cloud.session(account, GLOBAL).client("iam").list_roles(PathPrefix="/gatewatch/")["Roles"]
        return [role for role in roles if role["RoleName"] == LOOKUP_ROLE.rpartition("/")[2]]

    (role,) = named(MEMBER_ACCOUNTS[0])
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{HUB_ACCOUNT}:root"}
    callers = trust["Condition"]["ArnLike"]["aws:PrincipalArn"]
    assert [each for each in callers if each] == [CALLER]  # moto keeps an absent value as null
    assert named(MEMBER_ACCOUNTS[1]) == []


def test_each_account_is_queried_in_its_own_region(build, harness, groups):
    web, old, *_ = GROUPS
    seen, recorded = harness(opened(build, web.account, web.region, groups[web.group_id]))
    assert seen.group.name == "payments-web"
    assert seen.group.vpc_id.startswith("vpc-")
    assert (seen.network_interfaces.interfaces, seen.network_interfaces.public) == (3, 1)
    assert seen.network_interfaces.resources == (
        AttachedResource("instance", "web-1", is_public=True),
        AttachedResource("instance", "batch-1"),
        AttachedResource("instance", "batch-2"),
    )
    ((account, rules, _),) = recorded
    assert account == web.account
    assert [rule.direction for rule in rules.values()] == ["egress"]
    seen, _ = harness(opened(build, old.account, old.region, groups[old.group_id]))
    assert (seen.group.name, seen.network_interfaces.interfaces) == ("old-remote-desktop", 0)


def test_a_group_of_another_account_is_not_found(build, harness, groups):
    web, old, *_ = GROUPS
    seen, _ = harness(opened(build, old.account, web.region, groups[web.group_id]))
    assert (seen.group.id, seen.network_interfaces) == (None, None)


def test_a_global_ipv6_address_is_public(build, harness, cloud):
    account, region = MEMBER_ACCOUNTS[0], "eu-west-1"
    ec2 = cloud.session(account, region).client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(GroupName="six", Description="x", VpcId=subnet["VpcId"])["GroupId"]
    addresses = [{"Ipv6Address": "2600:1f18:1234:5600::9"}]
    ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[group], Ipv6Addresses=addresses)
    seen, _ = harness(opened(build, account, region, group))
    assert (seen.network_interfaces.interfaces, seen.network_interfaces.public) == (1, 1)


def test_the_credentials_belong_to_the_account_of_the_role(cloud):
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        aws = Aws()
        role = f"arn:aws:iam::{MEMBER_ACCOUNTS[0]}:role/{LOOKUP_ROLE}"
        credentials = assume_role_credentials(aws.sts_short_timeout, role, "gatewatch-lookup")
        own = aws.member_ec2_client(credentials, "ap-northeast-2").describe_vpcs()["Vpcs"][0]["OwnerId"]
    assert own == MEMBER_ACCOUNTS[0]
    assert credentials.secret_key not in repr(credentials)


def test_the_groups_of_the_demo_scenario_exist(groups):
    for plot in GROUPS:
        replaced = with_group_ids({"groupId": plot.group_id, "other": "sg-0"}, groups)
        assert replaced == {"groupId": groups[plot.group_id], "other": "sg-0"}


COMPOSE = """
import json, sys
from functions import alert
stage = alert.compose()
print(json.dumps([stage.pipeline.lookup is not None, *(name in sys.modules for name in
    ("gatewatch.alerts.lookup.client", "gatewatch.alerts.lookup.ec2_queries",
     "gatewatch.alerts.lookup.network_interfaces", "concurrent.futures.thread"))]))
"""


@pytest.mark.parametrize(
    ("accounts", "is_asking"), [("accounts: {}", False), (f"defaults: {{read_role: {LOOKUP_ROLE}}}", True)]
)
def test_without_a_read_role_the_lookup_client_is_not_imported(tmp_path, accounts, is_asking):
    (tmp_path / "accounts.yaml").write_text(accounts)
    (tmp_path / "policy.yaml").write_text("routes: [{to: [alerts]}]")
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "GATEWATCH_ACCOUNTS": str(tmp_path / "accounts.yaml"),
        "GATEWATCH_POLICY": str(tmp_path / "policy.yaml"),
        "GATEWATCH_TABLE": "table",
        "GATEWATCH_ACTIVITY_TABLE": "book",
        "GATEWATCH_OUTBOX_URL": "https://sqs.eu-west-1.amazonaws.com/999988887777/outbox.fifo",
        "GATEWATCH_EVENTS_DLQ_URL": "https://sqs.eu-west-1.amazonaws.com/999988887777/dlq",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    ran = subprocess.run(
        [sys.executable, "-c", COMPOSE],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == [is_asking] * 5
