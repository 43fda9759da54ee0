from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import pytest

from functions import config_rule
from gatewatch.cli.comply_input import groups_of_file
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import ConfigurationError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.remediation.config_rule.evaluation import EvaluationError
from gatewatch.remediation.config_rule.member_role import member_clients
from gatewatch.remediation.ingress.ec2 import current_rules, ip_permission
from support import ingress as kit
from support.command import gatewatch
from support.paths import ROOT
from support.rendering import slack_text
from support.tables import create_table

MEMBERS = ("111122223333", "444455556666")
TABLE = "gatewatch-prod"
POLICY = """
destinations: {sec-prod: {kind: sns}, everyone: {kind: sns}}
routes: [{to: [everyone]}]
ingress:
  accounts: {"111122223333": enforce}
  allowed: [{ports: 443, peers: [0.0.0.0/0]}]
"""


WEB, SSH = "tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"


class Deployment:
    """A hub and two members in the embedded AWS, each with a group that is open on SSH."""

    def __init__(self, cloud, folder):
        self.cloud, self.policy = cloud, folder / "policy.yaml"
        self.policy.write_text(POLICY, "utf-8")
        hub = cloud.session(HUB_ACCOUNT, HUB_REGION)
        create_table(hub.client("dynamodb"), TABLE)
        self.sqs = hub.client("sqs")
        self.outbox = self.sqs.create_queue(QueueName="outbox.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        self.groups = {account: self.group(account) for account in (*MEMBERS, HUB_ACCOUNT)}

    def ec2(self, account):
        return self.cloud.session(account, HUB_REGION).client("ec2")

    def group(self, account):
        ec2 = self.ec2(account)
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group_id = ec2.create_security_group(GroupName="web", Description="x", VpcId=vpc)["GroupId"]
        permissions = [ip_permission(kit.rule(each, description="why")) for each in (WEB, SSH)]
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=permissions)
        return group_id

    def rules(self, account):
        return sorted(
            kit.rule_text(each.rule) for each in current_rules(self.ec2(account), self.groups[account], account)
        )

    def environment(self):
        return {
            **self.cloud.variables(HUB_ACCOUNT, HUB_REGION),
            "GATEWATCH_TABLE": TABLE,
            "GATEWATCH_OUTBOX_URL": self.outbox,
            "GATEWATCH_REMEDIATION_ROLE": "gatewatch/gatewatch-remediation",
            "GATEWATCH_POLICY": str(self.policy),
        }

    def notifications(self):
        messages = self.sqs.receive_message(QueueUrl=self.outbox, MaxNumberOfMessages=10).get("Messages", [])
        return [decode_message(each["Body"]) for each in messages]

    def command(self, *arguments):
        """Run the command with credentials of the hub account."""
        with lambda_environment(self.environment()):
            ran = gatewatch(*arguments)
        return ran.status, ran.out + ran.err


@pytest.fixture
def deployment(tmp_path):
    with Cloud() as cloud:
        yield Deployment(cloud, tmp_path)


def event(account, message):
    return {
        "invokingEvent": json.dumps(message),
        "resultToken": "token",
        "executionRoleArn": f"arn:aws:iam::{account}:role/aws-service-role/config.amazonaws.com/ForConfigOnly",
        "configRuleArn": f"arn:aws:config:{HUB_REGION}:{account}:config-rule/config-rule-abc123",
        "configRuleName": "gatewatch-ingress",
        "accountId": account,
    }


SCHEDULED = {"messageType": "ScheduledNotification", "notificationCreationTime": "2026-06-01T12:00:00.000Z"}


class RecordingMember:
    """Records the evaluations of the members by account."""

    def __init__(self, member):
        self._member, self.evaluations = member, {}

    def __call__(self, invocation):
        aws = self._member(invocation)
        account = aws.sts.get_caller_identity()["Account"]

        def record(params, **_):
            for each in json.loads(params["body"])["Evaluations"]:
                self.evaluations.setdefault(account, {})[each["ComplianceResourceId"]] = each["ComplianceType"]
            return NO_FAILURES

        aws.config.meta.events.register("before-call.config-service.PutEvaluations", record)
        aws.cloudtrail.meta.events.register("before-call.cloudtrail.LookupEvents", lambda **_: NO_EVENTS)
        details = "before-call.config-service.GetComplianceDetailsByConfigRule"
        aws.config.meta.events.register(details, lambda **_: NO_EVALUATIONS)
        return aws


class _HttpResponse:
    status_code = 200


NO_EVENTS = (_HttpResponse(), {"Events": []})
NO_FAILURES = (_HttpResponse(), {"FailedEvaluations": []})
NO_EVALUATIONS = (_HttpResponse(), {"EvaluationResults": []})


def test_the_function_in_the_hub_evaluates_each_member_with_credentials_of_that_member(deployment, monkeypatch):
    for name, value in deployment.environment().items():
        monkeypatch.setenv(name, value)
    config_rule.compose.cache_clear()
    stage = config_rule.compose()
    recording = RecordingMember(stage.member)
    stage = dataclasses.replace(stage, member=recording)
    for account in MEMBERS:
        stage.handle(event(account, SCHEDULED))
    enforced, reported = MEMBERS
    assert deployment.rules(enforced) == [WEB]
    assert deployment.rules(reported) == deployment.rules(HUB_ACCOUNT) == [SSH, WEB]
    assert set(recording.evaluations) == set(MEMBERS)
    assert recording.evaluations[enforced][deployment.groups[enforced]] == "COMPLIANT"
    assert recording.evaluations[reported][deployment.groups[reported]] == "NON_COMPLIANT"
    notifications = [each for each in deployment.notifications() if deployment.groups[enforced] in slack_text(each)]
    assert [each.notification.account_id for each in notifications] == [enforced] * len(notifications)
    assert notifications
    config_rule.compose.cache_clear()


def test_the_evaluations_of_a_file_as_json_and_csv():
    status, output, _ = run("comply", "docs/security-groups.json", "--format", "json")
    first, second = json.loads(output)
    assert (status, first["group"], first["compliance"], second["actions"]) == (
        1,
        "sg-0aaaaaaaaaaaaaaa1",
        "NON_COMPLIANT",
        [],
    )
    assert first["actions"] == [
        "~ tcp 22 from 0.0.0.0/0 -> tcp 22 from 172.16.0.0/12",
        "+ tcp 22 from 192.168.0.0/16",
    ]
    _, output, _ = run("comply", "docs/security-groups.json", "--format", "csv")
    header, line, _ = output.splitlines()
    assert header == "group,compliance,annotation,actions"
    assert line.endswith(",~ tcp 22 from 0.0.0.0/0 -> tcp 22 from 172.16.0.0/12; + tcp 22 from 192.168.0.0/16")


def test_an_account_that_is_not_listed_is_refused_before_a_role_is_assumed():
    clients = member_clients(None, "gatewatch/gatewatch-remediation", {"111122223333"})
    invocation = SimpleNamespace(account_id="999999999999", partition="aws", region="us-east-1")
    with pytest.raises(EvaluationError, match=r"accounts\.yaml has no account 999999999999"):
        clients(invocation)


@pytest.mark.parametrize(
    "role", ["AWSServiceRoleForConfig", "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"]
)
def test_a_service_linked_role_is_refused_with_the_template_of_the_right_one(role):
    with pytest.raises(ConfigurationError, match=r"name the role of eventbridge/member\.yaml"):
        member_clients(None, role, ())


def test_comply_plans_then_applies_and_undo_restores(deployment):
    account = MEMBERS[0]
    live = ("comply", "live", "--account", account, "--region", HUB_REGION, "--policy", str(deployment.policy))
    status, output = deployment.command(*live)
    assert (status, deployment.rules(account)) == (1, [SSH, WEB])
    assert f"{deployment.groups[account]} NON_COMPLIANT Not allowed: {SSH}." in output
    status, output = deployment.command(*live, "--apply", "--yes")
    assert deployment.rules(account) == [WEB], output
    change_id = next(
        word
        for line in output.splitlines()
        if deployment.groups[account] in line
        for word in line.split()
        if word.startswith("chg-")
    ).rstrip(";")
    status, output = deployment.command("undo", change_id, "--yes")
    assert (status, deployment.rules(account)) == (0, [SSH, WEB]), output
    assert "everything is already restored" in deployment.command("undo", change_id, "--yes")[1]


def run(*arguments):
    ran = gatewatch(*arguments)
    return ran.status, ran.out, ran.err


def test_the_example_of_the_docs_prints_the_documented_output():
    docs = (ROOT / "docs" / "compliance.md").read_text("utf-8")
    command, _, expected = docs.partition("```console\n$ gatewatch ")[2].partition("```")[0].partition("\n")
    status, out, _ = run(*command.split())
    assert (status, out) == (1, expected)


@pytest.mark.parametrize(
    "arguments", [["comply", "live"], ["comply", "x.json", "--account", "1"], ["comply", "x.json", "--apply"]]
)
def test_wrong_usage_is_an_error_message_and_status_2(arguments):
    status, _, err = run(*arguments)
    assert status == 2
    assert "live" in err


@pytest.mark.parametrize(
    ("text", "reason"), [("{}", "has no security group"), ("{", "is not valid JSON"), (None, "cannot be read")]
)
def test_a_file_without_groups_is_an_error(tmp_path, text, reason):
    file = tmp_path / "groups.json"
    if text is not None:
        file.write_text(text, "utf-8")
    status, _, err = run("comply", str(file))
    assert status == 2
    assert reason in err


PERMISSION = {
    "ipProtocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "ipRanges": ["10.0.0.0/8"],
    "ipv4Ranges": [{"cidrIp": "10.0.0.0/8"}],
}
CONFIGURATION = {"groupId": kit.GROUP, "ownerId": "111122223333", "ipPermissions": [PERMISSION]}


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "AWS::EC2::SecurityGroup", "configuration": CONFIGURATION},
        {"resourceType": "AWS::EC2::SecurityGroup", "configuration": json.dumps(CONFIGURATION)},
        {"configurationItems": [{"resourceType": "AWS::EC2::SecurityGroup", "configuration": CONFIGURATION}]},
        [CONFIGURATION],
    ],
)
def test_configuration_items_are_read_in_every_layout(tmp_path, document):
    file = tmp_path / "items.json"
    file.write_text(json.dumps(document), "utf-8")
    ((group, current),) = groups_of_file(file)
    assert (group.id, [kit.rule_text(each.rule) for each in current]) == (kit.GROUP, ["tcp 22 from 10.0.0.0/8"])
