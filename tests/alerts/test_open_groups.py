"""A group that is known to open sensitive ports raises what it is set on; and what an entry of a network ACL was."""

import logging

import msgspec
import pytest
from botocore.exceptions import ClientError

from gatewatch.alerts.open_groups import InMemoryOpenGroups
from gatewatch.alerts.open_groups_table import DynamoOpenGroups
from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.model.exposure import RuleRef
from tools.example_calls import call_of, settings

SSH, WEB = (22, 22), (443, 443)
RULE_IN_RESPONSE = {
    "groupId": "sg-1",
    "securityGroupRuleId": "sgr-1",
    "isEgress": False,
    "ipProtocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "cidrIpv4": "0.0.0.0/0",
}


def record(name, request, response=None, service="ec2", **more):
    return {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
        "eventTime": "2026-01-24T03:45:49Z",
        "awsRegion": "eu-west-1",
        "requestParameters": request,
        "responseElements": response,
        "eventID": "1beb5d85-3e0f-4000-b7d7-000000000001",
        "recipientAccountId": "111122223333",
        **more,
    }


def rule(name, ports, cidr="0.0.0.0/0", group="sg-1"):
    item = {"ipProtocol": "tcp", "fromPort": ports[0], "toPort": ports[1], "ipRanges": {"items": [{"cidrIp": cidr}]}}
    return record(name, {"groupId": group, "ipPermissions": {"items": [item]}}, {"_return": True})


def attach(group="sg-1", **more):
    request = {"networkInterfaceId": "eni-1", "groupSet": {"items": [{"groupId": group}]}}
    return record("ModifyNetworkInterfaceAttribute", request, **more)


class Rows:
    """A DynamoDB table with batch reads and writes, in memory."""

    def __init__(self):
        self.items = {}

    def batch_get_item(self, RequestItems):  # noqa: N803  boto3's spelling
        ((table, request),) = RequestItems.items()
        found = [self.items[key["pk"]["S"]] for key in request["Keys"] if key["pk"]["S"] in self.items]
        return {"Responses": {table: found}}

    def batch_write_item(self, RequestItems):  # noqa: N803  boto3's spelling
        for request in next(iter(RequestItems.values())):
            if "PutRequest" in request:
                item = request["PutRequest"]["Item"]
                self.items[item["pk"]["S"]] = item
            else:
                self.items.pop(request["DeleteRequest"]["Key"]["pk"]["S"], None)
        return {}


class NoTable:
    def batch_get_item(self, **_request):
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchGetItem")


def stored():
    return DynamoOpenGroups(HubTable(Rows(), "gatewatch"), logging.getLogger("test"), lambda: 0.0)


@pytest.fixture
def assessor():
    return Assessor(settings(), InMemoryRuleHistory())


def last(assessor, *records):
    """The assessed changes of the last record, after those before it."""
    alerts = [assess_call(call_of(each), assessor) for each in records]
    return alerts[-1].changes


def severity(assessor, *records):
    return last(assessor, *records)[0].assessment.severity


def codes(assessor, *records):
    return [each.code for each in last(assessor, *records)[0].assessment.reasons]


def test_a_group_that_opens_ssh_to_the_internet_makes_an_attachment_high(assessor):
    found = last(assessor, rule("AuthorizeSecurityGroupIngress", SSH), attach())
    assert found[0].assessment.severity == "high"
    assert found[0].assessment.reasons[0].code == "attached_open_group"


@pytest.mark.parametrize(
    "before",
    [
        [rule("AuthorizeSecurityGroupIngress", WEB)],
        [rule("AuthorizeSecurityGroupIngress", SSH, "10.0.0.0/8")],
        [rule("AuthorizeSecurityGroupIngress", SSH, group="sg-2")],
        [rule("AuthorizeSecurityGroupIngress", SSH), rule("RevokeSecurityGroupIngress", SSH)],
        [rule("AuthorizeSecurityGroupIngress", SSH), record("DeleteSecurityGroup", {"groupId": "sg-1"})],
        [{**rule("AuthorizeSecurityGroupIngress", SSH), "errorCode": "Client.UnauthorizedOperation"}],
        [{**rule("AuthorizeSecurityGroupIngress", SSH), "recipientAccountId": "444455556666"}],
    ],
    ids=["web", "narrow", "another group", "revoked", "deleted", "denied", "another account"],
)
def test_a_group_that_is_not_open_leaves_an_attachment_low(assessor, before):
    assert severity(assessor, *before, attach()) == "low"


def test_a_change_of_a_rule_that_could_not_be_read_leaves_the_group_open(assessor):
    response = {"_return": True, "securityGroupRuleSet": {"items": [RULE_IN_RESPONSE]}}
    opened = record("AuthorizeSecurityGroupIngress", {"groupId": "sg-1"}, response)
    unread = {"GroupId": "sg-1", "SecurityGroupRule": {"SecurityGroupRuleId": "sgr-1", "SecurityGroupRule": ""}}
    modified = record("ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": unread})
    assert severity(assessor, opened, modified, attach()) == "high"


def test_revoking_another_rule_leaves_the_group_open(assessor):
    opened = rule("AuthorizeSecurityGroupIngress", SSH)
    assert severity(assessor, opened, rule("RevokeSecurityGroupIngress", WEB), attach()) == "high"


@pytest.mark.parametrize("store", [InMemoryOpenGroups, stored])
def test_open_groups_are_remembered_by_account_and_forgotten_when_closed(store):
    groups, call = store(), call_of(attach())
    opened = frozenset({RuleRef("sgr-1", ""), RuleRef("", "ingress tcp 22-22 0.0.0.0/0")})
    groups.save_after(call, {"sg-1": opened, "sg-2": opened})
    groups.save_after(call, {"sg-2": frozenset()})
    found = groups.rules_before(call, ["sg-1", "sg-2", "sg-3"])
    assert {group: rules for group, rules in found.items() if rules} == {"sg-1": opened}
    other = call_of(attach(recipientAccountId="444455556666"))
    assert not any(groups.rules_before(other, ["sg-1"]).values())


def test_only_the_groups_seen_last_are_kept_in_memory():
    groups, call = InMemoryOpenGroups(limit=2), call_of(attach())
    for group in ("sg-1", "sg-2", "sg-3"):
        groups.save_after(call, {group: frozenset({RuleRef(group, "")})})
    found = groups.rules_before(call, ["sg-1", "sg-2", "sg-3"])
    assert [group for group, rules in found.items() if rules] == ["sg-2", "sg-3"]


def test_a_table_that_does_not_answer_leaves_the_attachment_low(assessor):
    broken = DynamoOpenGroups(HubTable(NoTable(), "gatewatch"), logging.getLogger("test"), lambda: 0.0)
    assert severity(msgspec.structs.replace(assessor, open_groups=broken), attach()) == "low"


def test_a_denied_attachment_of_an_open_group_is_not_raised(assessor):
    opened = rule("AuthorizeSecurityGroupIngress", SSH)
    assert severity(assessor, opened, attach(errorCode="Client.UnauthorizedOperation")) == "low"


def acl(name, number=100, action="deny", **more):
    entry = {"ruleAction": action, "aclProtocol": "-1", "cidrBlock": "0.0.0.0/0"} if name.startswith("Create") else {}
    return record(name, {"networkAclId": "acl-1", "ruleNumber": number, "egress": False, **entry}, **more)


def test_the_removal_of_an_entry_that_denied_is_medium(assessor):
    assert severity(assessor, acl("CreateNetworkAclEntry"), acl("DeleteNetworkAclEntry")) == "medium"


@pytest.mark.parametrize(
    "before",
    [
        acl("CreateNetworkAclEntry", action="allow"),
        acl("CreateNetworkAclEntry", number=90),
        acl("CreateNetworkAclEntry", errorCode="Client.UnauthorizedOperation"),
    ],
    ids=["it allowed", "another number", "it was refused"],
)
def test_the_removal_of_any_other_entry_is_low(assessor, before):
    assert severity(assessor, before, acl("DeleteNetworkAclEntry")) == "low"


def test_an_entry_that_was_removed_is_forgotten(assessor):
    removed = acl("DeleteNetworkAclEntry")
    assert severity(assessor, acl("CreateNetworkAclEntry"), removed, removed) == "low"


SERVICE = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}
ROOT = {"type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}
PUBLIC = {"bucketName": "b", "bucketPolicy": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}]}}


def test_the_work_of_an_aws_service_is_info(assessor):
    assert codes(assessor, record("CreateVpc", {"cidrBlock": "10.0.0.0/16"}, userIdentity=SERVICE)) == ["service_work"]
    found = record("PutBucketPolicy", PUBLIC, service="s3", userIdentity=SERVICE)
    assert severity(assessor, found) == "info"


def test_a_user_agent_of_a_service_does_not_lower_anything(assessor):
    found = record("PutBucketPolicy", PUBLIC, service="s3", userAgent="autoscaling.amazonaws.com")
    assert severity(assessor, found) == "critical"


@pytest.mark.parametrize(
    ("name", "request_", "service"),
    [
        ("CreateVpc", {"cidrBlock": "10.0.0.0/16"}, "ec2"),
        ("PutBucketPolicy", {"bucketName": "b"}, "s3"),
        ("EnableRegion", {"regionName": "ap-east-1"}, "account"),
        ("StartConfigurationRecorder", {"configurationRecorderName": "default"}, "config"),
    ],
)
def test_a_write_of_the_root_user_is_high(assessor, name, request_, service):
    assert severity(assessor, record(name, request_, service=service, userIdentity=ROOT)) == "high"
