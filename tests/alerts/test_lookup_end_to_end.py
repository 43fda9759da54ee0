"""Looks into real accounts of the embedded AWS, by the roles that the template makes; and a hub that makes none."""

import json
import logging
import os
import subprocess
import sys

import pytest

from gatewatch.alerts.lookup.client import Surveyor
from gatewatch.aws.clients import Aws, credentials_of
from gatewatch.config.accounts import READ_ROLE
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, Cloud
from gatewatch.local.demo.resources import PLOTS, furnish, with_ids
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.model.network_interfaces import Thing
from support.lookup import Counts, alert
from support.paths import ROOT

MEMBER = ROOT / "eventbridge" / "member.yaml"
BUS = f"arn:aws:events:{HUB_REGION}:{HUB_ACCOUNT}:event-bus/gatewatch-prod"
CALLER = f"arn:aws:iam::{HUB_ACCOUNT}:role/gatewatch-prod-AlertRole-1A2B3C4D5E6F"
GLOBAL = "us-east-1"


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        cloud.deploy(MEMBER_ACCOUNTS[0], GLOBAL, MEMBER, {"HubBusArn": BUS, "SurveyorArn": CALLER})
        cloud.deploy(MEMBER_ACCOUNTS[1], GLOBAL, MEMBER, {"HubBusArn": BUS})
        cloud.deploy(MEMBER_ACCOUNTS[1], HUB_REGION, MEMBER, {"HubBusArn": BUS, "SurveyorArn": CALLER})
        yield cloud


@pytest.fixture(scope="module")
def groups(cloud):
    return furnish(cloud)


@pytest.fixture
def survey(cloud):
    """With more time than a function has: other tests may keep this machine busy."""
    learnt, aws = [], Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    log = logging.getLogger("survey")
    surveyor = Surveyor(aws, lambda *rules: learnt.append(rules), log, Counts(), seconds=60)
    return lambda made: (surveyor.look(made), learnt)


def opened(build, account, region, group_id):
    request = build.request(build.item(v4=["0.0.0.0/0"])) | {"groupId": group_id}
    return alert(build.record("AuthorizeSecurityGroupIngress", request, recipientAccountId=account, awsRegion=region))


def test_the_role_is_made_where_it_is_asked_for_once_an_account(cloud):
    def named(account):
        roles = cloud.session(account, GLOBAL).client("iam").list_roles(PathPrefix="/gatewatch/")["Roles"]
        return [role for role in roles if role["RoleName"] == READ_ROLE.rpartition("/")[2]]

    (role,) = named(MEMBER_ACCOUNTS[0])
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{HUB_ACCOUNT}:root"}
    assert trust["Condition"]["ArnLike"] == {"aws:PrincipalArn": CALLER}
    assert named(MEMBER_ACCOUNTS[1]) == []


def test_each_account_is_asked_in_its_own_region(build, survey, groups):
    web, old = PLOTS
    seen, learnt = survey(opened(build, web.account, web.region, groups[web.group_id]))
    assert seen.group.name == "payments-web"
    assert seen.group.vpc_id.startswith("vpc-")
    assert (seen.attached.interfaces, seen.attached.public) == (3, 1)
    assert seen.attached.things == (
        Thing("instance", "web-1", is_public=True),
        Thing("instance", "batch-1"),
        Thing("instance", "batch-2"),
    )
    ((account, rules, _),) = learnt
    assert account == web.account
    assert [rule.direction for rule in rules.values()] == ["egress"]
    seen, _ = survey(opened(build, old.account, old.region, groups[old.group_id]))
    assert (seen.group.name, seen.attached.interfaces) == ("old-remote-desktop", 0)


def test_a_group_of_another_account_is_not_there(build, survey, groups):
    web, old = PLOTS
    seen, _ = survey(opened(build, old.account, web.region, groups[web.group_id]))
    assert (seen.group.id, seen.attached) == (None, None)


def test_an_ipv6_address_of_the_internet_is_a_public_one(build, survey, cloud):
    account, region = MEMBER_ACCOUNTS[0], "eu-west-1"
    ec2 = cloud.session(account, region).client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = ec2.create_security_group(GroupName="six", Description="x", VpcId=subnet["VpcId"])["GroupId"]
    addresses = [{"Ipv6Address": "2600:1f18:1234:5600::9"}]
    ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[group], Ipv6Addresses=addresses)
    seen, _ = survey(opened(build, account, region, group))
    assert (seen.attached.interfaces, seen.attached.public) == (1, 1)


def test_credentials_of_a_role_are_those_of_its_account(cloud):
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        aws = Aws()
        role = f"arn:aws:iam::{MEMBER_ACCOUNTS[0]}:role/{READ_ROLE}"
        credentials = credentials_of(aws.brief_sts, role, "gatewatch-survey")
        own = aws.ec2_of(credentials, "ap-northeast-2").describe_vpcs()["Vpcs"][0]["OwnerId"]
    assert own == MEMBER_ACCOUNTS[0]
    assert credentials.secret_key not in repr(credentials)


def test_the_story_is_told_of_the_groups_that_are_there(groups):
    for plot in PLOTS:
        told = with_ids({"groupId": plot.group_id, "other": "sg-0"}, groups)
        assert told == {"groupId": groups[plot.group_id], "other": "sg-0"}


COMPOSE = """
import json, sys
from functions import alert
stage = alert.compose()
print(json.dumps([stage.hub.look is not None, *(name in sys.modules for name in
    ("gatewatch.alerts.lookup.client", "gatewatch.alerts.lookup.ec2_queries",
     "gatewatch.alerts.lookup.network_interfaces", "concurrent.futures.thread"))]))
"""


@pytest.mark.parametrize(
    ("accounts", "is_asking"), [("accounts: {}", False), (f"defaults: {{read_role: {READ_ROLE}}}", True)]
)
def test_a_hub_that_asks_nothing_does_not_even_import_what_could(tmp_path, accounts, is_asking):
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
        "GATEWATCH_BOOK": "book",
        "GATEWATCH_OUTBOX_URL": "https://sqs.eu-west-1.amazonaws.com/999988887777/outbox.fifo",
        "GATEWATCH_EVENTS_DEAD_URL": "https://sqs.eu-west-1.amazonaws.com/999988887777/dead",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    ran = subprocess.run(
        [sys.executable, "-c", COMPOSE], env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == [is_asking] * 5
