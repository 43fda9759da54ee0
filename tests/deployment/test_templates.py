from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.config.accounts import READ_ROLE
from gatewatch.config.iam import KeyPolicy
from gatewatch.events.changes.registry import KINDS, SERVICES
from support.paths import EVENTBRIDGE

TEMPLATES = {name: load(str(EVENTBRIDGE / f"{name}.yaml")) for name in ("hub", "member")}
PATTERNS = {path.stem: json.loads(path.read_text("utf-8")) for path in (EVENTBRIDGE / "patterns").glob("*.json")}

RULE_OF_ACCESS_KEYS = "rule/${Bus}/gatewatch-${Stage}-access-keys"


def resources(template: str, kind: str) -> dict[str, dict[str, Any]]:
    found = TEMPLATES[template]["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == f"AWS::{kind}"}


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return policy["PolicyDocument"]["Statement"]


def refuses_plain_http(statement: dict[str, Any]) -> bool:
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement["Condition"] == plain


def targets(template: str) -> list[dict[str, Any]]:
    return [target for rule in resources(template, "Events::Rule").values() for target in rule["Targets"]]


def event_names(node: Any) -> list[str]:
    """Every event name of a pattern, wherever it stands."""
    if isinstance(node, list):
        return [name for each in node for name in event_names(each)]
    if not isinstance(node, dict):
        return []
    return node.get("eventName", []) + [name for each in node.values() for name in event_names(each)]


def test_the_member_forwards_exactly_what_the_patterns_say():
    rules = resources("member", "Events::Rule").values()
    assert {rule["Name"]: rule["EventPattern"] for rule in rules if "EventPattern" in rule} == {
        f"gatewatch-{name}": pattern for name, pattern in PATTERNS.items()
    }


def test_an_event_name_stands_in_one_pattern_only():
    names = [name for pattern in PATTERNS.values() for name in event_names(pattern)]
    assert len(names) > 40
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_pattern_asks_for_aws_itself_as_the_source_and_fits_eventbridge(name):
    pattern = PATTERNS[name]
    assert all(source.startswith("aws.") for source in pattern["source"])
    assert {"source", "detail-type", "detail"} == pattern.keys()
    assert len(json.dumps(pattern)) <= 4096


@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - {"compliance"}))
def test_a_pattern_of_calls_names_the_service_beside_each_list_of_names(name):
    detail = PATTERNS[name]["detail"]
    for each in detail.get("$or", [detail]):
        (service,) = each["eventSource"]
        assert f"aws.{service.removesuffix('.amazonaws.com')}" in PATTERNS[name]["source"]
        assert each.get("eventName") or each.get("readOnly") == [False]


def test_the_calls_that_members_forward_are_those_that_the_hub_understands():
    forwarded = {
        (each["eventSource"][0].removesuffix(".amazonaws.com"), name)
        for pattern in PATTERNS.values()
        for each in pattern["detail"].get("$or", [pattern["detail"]])
        for name in each.get("eventName", [])
    }
    assert forwarded == KINDS.keys() - {("config", "ConfigRulesComplianceChange")}


def test_of_a_service_that_is_understood_as_a_whole_every_write_is_forwarded():
    assert SERVICES.keys() == {"iam"}
    assert PATTERNS["iam"]["detail"] == {"eventSource": ["iam.amazonaws.com"], "readOnly": [False]}


def test_iam_is_watched_where_the_partition_records_it_and_sign_ins_everywhere():
    everything = TEMPLATES["member"]["Resources"]
    assert everything["IamRule"]["Condition"] == "IsGlobalRegion"
    conditional = {
        name for name, each in everything.items() if each["Type"] == "AWS::Events::Rule" and "Condition" in each
    }
    assert conditional == {"IamRule", "CanaryRule"}
    regions = TEMPLATES["member"]["Mappings"]["Partition"]
    assert [regions[name]["GlobalRegion"] for name in ("aws", "aws-cn", "aws-us-gov")] == [
        "us-east-1",
        "cn-north-1",
        "us-gov-west-1",
    ]


def test_the_canary_takes_the_road_that_an_alert_takes():
    rules = resources("member", "Events::Rule")
    assert rules["CanaryRule"]["ScheduleExpression"] == {"Ref": "CanarySchedule"}
    (canary,), (alert,) = (rules[name]["Targets"] for name in ("CanaryRule", "SecurityGroupRule"))
    road = ("Id", "Arn", "RoleArn", "DeadLetterConfig")
    assert [canary[key] for key in road] == [alert[key] for key in road]
    assert not canary.keys() & {"Input", "InputPath", "InputTransformer"}  # an event bus takes none


def test_a_rule_of_the_member_sends_with_a_role_and_a_retry_and_keeps_what_it_could_not_send():
    assert targets("member")
    for target in targets("member"):
        assert target["Arn"] == {"Ref": "HubBusArn"}
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwardRole", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}
        assert target["RetryPolicy"].keys() == {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"}


def test_only_a_canary_may_be_given_up_before_a_day_has_passed():
    for name, rule in resources("member", "Events::Rule").items():
        a_day = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
        assert [target["RetryPolicy"] == a_day for target in rule["Targets"]] == [name != "CanaryRule"]


def test_the_rule_of_the_hub_keeps_what_it_could_not_send_and_takes_only_what_aws_sent():
    (rule,) = resources("hub", "Events::Rule").values()
    assert rule["EventPattern"] == {"source": [{"prefix": "aws."}]}
    assert all({"DeadLetterConfig", "RetryPolicy"} <= target.keys() for target in rule["Targets"])


def test_the_role_of_the_member_has_no_name_and_puts_events_on_the_hub_only():
    role = resources("member", "IAM::Role")["ForwardRole"]
    assert "RoleName" not in role
    (policy,) = role["Policies"]
    assert statements(policy) == [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "HubBusArn"}}]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert "aws:SourceAccount" in trust["Condition"]["StringEquals"]
    assert "aws:SourceArn" in trust["Condition"]["ArnLike"]


@pytest.mark.parametrize(
    ("role", "caller"),
    [
        ("ReadRole", "ReaderArn"),
        ("RemediationRole", "RemediatorArn"),
        ("KeeperRole", "KeeperArn"),
        ("SurveyRole", "SurveyorArn"),
    ],
)
def test_the_hub_gets_a_role_only_when_it_is_named_and_only_by_the_role_and_organization_that_is_named(role, caller):
    assert TEMPLATES["member"]["Parameters"][caller]["Default"] == ""
    assert TEMPLATES["member"]["Resources"][role]["Condition"] == f"Has{caller.removesuffix('Arn').title()}"
    (trust,) = resources("member", "IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["ArnLike"] == {"aws:PrincipalArn": {"Ref": caller}}
    named = {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
    assert trust["Condition"]["StringEquals"]["Fn::If"][:2] == ["HasOrganization", named]


def test_a_role_with_a_name_is_made_once_an_account():
    everything, conditions = TEMPLATES["member"]["Resources"], TEMPLATES["member"]["Conditions"]
    named = [name for name, role in resources("member", "IAM::Role").items() if "RoleName" in role]
    assert named == ["ReadRole", "RemediationRole", "KeeperRole", "SurveyRole"]
    for name in named:
        assert {"Condition": "IsGlobalRegion"} in conditions[everything[name]["Condition"]]["Fn::And"]


def test_the_keeper_has_the_name_that_the_policy_and_the_hub_look_for_and_makes_no_key():
    keeper = resources("member", "IAM::Role")["KeeperRole"]
    assert (keeper["RoleName"], "Path" in keeper) == (KeyPolicy().role, False)
    (visit,) = (
        each
        for policy in resources("hub", "IAM::Role")["AccessKeysRole"]["Policies"]
        for each in statements(policy)
        if each["Action"] == "sts:AssumeRole"
    )
    assert visit["Resource"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::*:role/{KeyPolicy().role}"}
    (policy,) = keeper["Policies"]
    assert {action for each in statements(policy) for action in each["Action"]} == {
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountSummary",
        "iam:UpdateAccessKey",
        "iam:DeleteAccessKey",
    }


def test_the_surveyor_has_the_name_that_the_settings_suggest_and_sees_groups_only():
    role = resources("member", "IAM::Role")["SurveyRole"]
    assert role["Path"] + role["RoleName"] == f"/{READ_ROLE}"
    (policy,) = role["Policies"]
    assert {action for each in statements(policy) for action in each["Action"]} == {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeTags",
    }


def test_the_hub_may_take_the_role_of_the_surveyor_only_when_it_is_named_and_no_other():
    (policy,) = resources("hub", "IAM::Role")["AlertRole"]["Policies"]
    (conditional,) = (each["Fn::If"] for each in policy["PolicyDocument"]["Statement"] if "Fn::If" in each)
    named, statement, otherwise = conditional
    assert (named, otherwise) == ("HasReadRole", {"Ref": "AWS::NoValue"})
    assert TEMPLATES["hub"]["Parameters"]["ReadRole"]["Default"] == ""
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${ReadRole}"}
    allowed = re.compile(TEMPLATES["hub"]["Parameters"]["ReadRole"]["AllowedPattern"])
    assert allowed.fullmatch(READ_ROLE)
    assert not allowed.fullmatch("gatewatch/*")


def test_the_read_role_reads():
    (policy,) = resources("member", "IAM::Role")["ReadRole"]["Policies"]
    actions = [action for each in statements(policy) for action in each["Action"]]
    assert actions
    assert all(action.split(":")[1].startswith(("Get", "Describe", "List")) for action in actions)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_queue_is_encrypted(template):
    queues = resources(template, "SQS::Queue")
    assert queues
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_queue_refuses_plain_http(template):
    policies = resources(template, "SQS::QueuePolicy").values()
    guarded = {
        queue["Ref"]
        for policy in policies
        for queue in policy["Queues"]
        if any(map(refuses_plain_http, statements(policy)))
    }
    assert guarded == resources(template, "SQS::Queue").keys()


@pytest.mark.parametrize("template", TEMPLATES)
def test_only_rules_of_the_stack_may_send_to_a_queue(template):
    rules = resources(template, "Events::Rule")
    allowed = [
        statement
        for policy in resources(template, "SQS::QueuePolicy").values()
        for statement in statements(policy)
        if statement["Effect"] == "Allow"
    ]
    assert allowed
    for statement in allowed:
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        named = [sources] if isinstance(sources, dict) else sources
        present = [source["Fn::If"][1] if "Fn::If" in source else source for source in named]
        if statement["Resource"] == {"Fn::GetAtt": ["AccessKeysDead", "Arn"]}:  # its rule is in serverless.yml
            assert [source["Fn::Sub"].rpartition(":")[2] for source in present] == [RULE_OF_ACCESS_KEYS]
        else:
            assert [source["Fn::GetAtt"] for source in present] == [[rule, "Arn"] for rule in rules]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_every_topic_refuses_plain_http():
    policies = resources("hub", "SNS::TopicPolicy").values()
    guarded = {
        topic["Ref"]
        for policy in policies
        for topic in policy["Topics"]
        if any(map(refuses_plain_http, statements(policy)))
    }
    assert guarded == resources("hub", "SNS::Topic").keys()


def test_a_queue_that_functions_read_gives_up_into_a_queue_of_its_own_kind():
    queues = resources("hub", "SQS::Queue")
    read = {name: queue for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert set(read) == {"Events", "Outbox"}
    for queue in read.values():
        dead = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert dead.get("FifoQueue", False) == queue.get("FifoQueue", False)
        assert dead["MessageRetentionPeriod"] == 14 * 86400


def test_the_bus_takes_service_events_only_from_whomever():
    for policy in resources("hub", "Events::EventBusPolicy").values():
        statement = policy["Statement"]
        assert statement["Action"] == "events:PutEvents"
        assert statement["Condition"]["ForAllValues:StringLike"] == {"events:source": "aws.*"}


def test_the_bus_takes_nothing_that_a_person_of_another_account_puts():
    policies = resources("hub", "Events::EventBusPolicy")
    for name in ("OrganizationMaySend", "MembersMaySend"):
        assert policies[name]["Statement"]["Condition"]["BoolIfExists"] == {"events:eventBusInvocation": "true"}


def test_everybody_is_somebody_of_the_organization():
    for policy in resources("hub", "Events::EventBusPolicy").values():
        statement = policy["Statement"]
        anybody = statement["Principal"] == "*"
        assert anybody == ("aws:PrincipalOrgID" in statement["Condition"].get("StringEquals", {}))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_template_knows_an_account_or_a_partition(template):
    text = (EVENTBRIDGE / f"{template}.yaml").read_text("utf-8")
    code = "\n".join(
        line for line in text.splitlines() if "ConstraintDescription" not in line and "AllowedPattern" not in line
    )
    assert "arn:aws" not in code
    assert not any(word.isdigit() and len(word) == 12 for word in code.replace('"', " ").split())
