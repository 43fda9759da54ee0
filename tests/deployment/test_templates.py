from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.iam import KeyPolicy
from gatewatch.events.changes.monitoring import is_own_role
from gatewatch.events.changes.registry import CALL_SPECS, SERVICES
from gatewatch.model.change import Family
from support.paths import EVENTBRIDGE
from tools.generate_patterns import MEMBER, RULES, member_template
from tools.generate_patterns import patterns as generated_patterns

TEMPLATES = {name: load(str(EVENTBRIDGE / f"{name}.yaml")) for name in ("hub", "member")}
PATTERNS = {path.stem: json.loads(path.read_text("utf-8")) for path in (EVENTBRIDGE / "patterns").glob("*.json")}

RULE_OF_ACCESS_KEYS = "rule/${Bus}/gatewatch-${Stage}-access-keys"


def resources(template: str, kind: str) -> dict[str, dict[str, Any]]:
    found = TEMPLATES[template]["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == f"AWS::{kind}"}


def statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return policy["PolicyDocument"]["Statement"]


def denies_plain_http(statement: dict[str, Any]) -> bool:
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement["Condition"] == plain


def targets(template: str) -> list[dict[str, Any]]:
    return [target for rule in resources(template, "Events::Rule").values() for target in rule["Targets"]]


def test_the_rules_of_the_member_have_the_checked_in_patterns():
    rules = resources("member", "Events::Rule").values()
    assert {rule["Name"]: rule["EventPattern"] for rule in rules if "EventPattern" in rule} == {
        f"gatewatch-{name}": pattern for name, pattern in PATTERNS.items()
    }


def calls(pattern: dict[str, Any]) -> set[tuple[str, str]]:
    """Service and event name of each call that a pattern lists."""
    return {
        (each["eventSource"][0].removesuffix(".amazonaws.com"), name)
        for each in pattern["detail"].get("$or", [pattern["detail"]])
        for name in each.get("eventName", [])
    }


def test_a_parameter_switches_the_rules_of_a_family_and_all_are_forwarded_by_default():
    template = TEMPLATES["member"]
    for rule in RULES:
        parameter = template["Parameters"][f"Forward{rule.parameter}"]
        assert (parameter["Default"], parameter["AllowedValues"]) == ("true", ["true", "false"])
        condition = template["Resources"][rule.logical_id]["Condition"]
        assert condition == f"Forwards{rule.parameter}" + ("Global" if rule.is_global else "")
        assert condition in template["Conditions"]


def test_a_call_is_in_one_pattern_only():
    listed = [call for pattern in PATTERNS.values() for call in calls(pattern)]
    assert len(listed) > 300
    assert sorted(set(listed)) == sorted(listed)


def test_a_call_that_another_family_reads_is_not_limited_to_the_names_of_gatewatch():
    """Its rule is one of the family hub, and the other family needs it whatever the name is."""
    limited = {
        (each["eventSource"][0].removesuffix(".amazonaws.com"), name)
        for pattern in PATTERNS.values()
        for each in pattern["detail"].get("$or", [pattern["detail"]])
        if not each.keys() <= {"eventSource", "eventName", "readOnly", "messageType"}
        for name in each["eventName"]
    }
    assert {call for call in limited if {spec.family for spec in CALL_SPECS[call]} != {Family.HUB}} == set()


def test_the_rules_of_the_tables_are_those_that_the_generator_makes():
    assert {name: PATTERNS[name] for name in generated_patterns()} == generated_patterns()
    assert MEMBER.read_text("utf-8") == member_template()


def test_the_member_template_fits_the_limit_of_cloudformation():
    """A template in the body of a request (CloudFormation quotas)."""
    assert MEMBER.stat().st_size < 51_200


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_pattern_requires_an_aws_source_and_fits_the_limits_of_eventbridge(name):
    pattern = PATTERNS[name]
    assert all(source.startswith("aws.") for source in pattern["source"])
    assert {"source", "detail-type", "detail"} == pattern.keys()
    assert len(json.dumps(pattern)) <= 4096


@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - {"compliance"}))
def test_a_pattern_of_calls_names_the_service_of_each_list_of_event_names(name):
    detail = PATTERNS[name]["detail"]
    for each in detail.get("$or", [detail]):
        (service,) = each["eventSource"]
        assert f"aws.{service.removesuffix('.amazonaws.com')}" in PATTERNS[name]["source"]
        assert each.get("eventName") or each.get("readOnly") == [False]


def test_members_forward_the_calls_that_the_hub_understands():
    forwarded = set().union(*map(calls, PATTERNS.values()))
    listed = {call for call in CALL_SPECS if call[0] not in SERVICES}
    assert forwarded == listed - {("config", "ConfigRulesComplianceChange")}


def test_every_write_call_of_some_services_is_forwarded():
    branches = PATTERNS["organization-global"]["detail"]["$or"]
    whole = [PATTERNS["iam"]["detail"], *branches]
    assert {each["eventSource"][0].removesuffix(".amazonaws.com") for each in whole} == SERVICES.keys()
    assert all(each["readOnly"] == [False] and each.keys() == {"eventSource", "readOnly"} for each in whole)


def test_iam_is_forwarded_from_the_global_region_and_sign_ins_from_every_region():
    everything = TEMPLATES["member"]["Resources"]
    assert everything["IamRule"]["Condition"] == "IsGlobalRegion"
    conditional = {
        name for name, each in everything.items() if each["Type"] == "AWS::Events::Rule" and "Condition" in each
    }
    assert conditional == {"IamRule", "CanaryRule", *(rule.logical_id for rule in RULES)}
    regions = TEMPLATES["member"]["Mappings"]["Partition"]
    assert [regions[name]["GlobalRegion"] for name in ("aws", "aws-cn", "aws-us-gov")] == [
        "us-east-1",
        "cn-north-1",
        "us-gov-west-1",
    ]


def test_the_canary_uses_the_same_target_role_and_queue_as_an_alert():
    rules = resources("member", "Events::Rule")
    assert rules["CanaryRule"]["ScheduleExpression"] == {"Ref": "CanarySchedule"}
    (canary,), (alert,) = (rules[name]["Targets"] for name in ("CanaryRule", "SecurityGroupRule"))
    shared = ("Id", "Arn", "RoleArn", "DeadLetterConfig")
    assert [canary[key] for key in shared] == [alert[key] for key in shared]
    assert not canary.keys() & {"Input", "InputPath", "InputTransformer"}  # not supported for event bus targets


def test_a_rule_of_the_member_has_a_role_a_retry_policy_and_a_dead_letter_queue():
    assert targets("member")
    for target in targets("member"):
        assert target["Arn"] == {"Ref": "HubBusArn"}
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwardRole", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}
        assert target["RetryPolicy"].keys() == {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"}


def test_events_are_retried_for_a_day_and_canaries_for_less():
    for name, rule in resources("member", "Events::Rule").items():
        a_day = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
        assert [target["RetryPolicy"] == a_day for target in rule["Targets"]] == [name != "CanaryRule"]


def test_the_rule_of_the_hub_accepts_aws_sources_and_has_a_dead_letter_queue():
    (rule,) = resources("hub", "Events::Rule").values()
    assert rule["EventPattern"] == {"source": [{"prefix": "aws."}]}
    assert all({"DeadLetterConfig", "RetryPolicy"} <= target.keys() for target in rule["Targets"])


def test_the_forwarding_role_is_recognizable_and_may_only_put_events_on_the_hub():
    role = resources("member", "IAM::Role")["ForwardRole"]
    assert role["RoleName"] == {"Fn::Sub": "gatewatch-forward-${AWS::Region}"}
    assert is_own_role("gatewatch-forward-eu-west-1")
    assert role["Path"] == "/gatewatch/"
    (policy,) = role["Policies"]
    assert statements(policy) == [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "HubBusArn"}}]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert "aws:SourceAccount" in trust["Condition"]["StringEquals"]
    assert "aws:SourceArn" in trust["Condition"]["ArnLike"]


@pytest.mark.parametrize(
    ("role", "caller"),
    [
        ("RemediationRole", "RemediationRoleArn"),
        ("KeyRotationRole", "KeyRotationRoleArn"),
        ("LookupRole", "LookupRoleArn"),
    ],
)
def test_a_role_for_the_hub_exists_only_for_a_given_caller_of_the_organization(role, caller):
    assert TEMPLATES["member"]["Parameters"][caller]["Default"] == ""
    assert TEMPLATES["member"]["Resources"][role]["Condition"] == f"Has{role}"
    (trust,) = resources("member", "IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    sweep = {"Fn::If": ["HasSweepRole", {"Ref": "SweepRoleArn"}, {"Ref": "AWS::NoValue"}]}
    callers = [{"Ref": caller}, sweep] if role == "LookupRole" else {"Ref": caller}
    assert trust["Condition"]["ArnLike"] == {"aws:PrincipalArn": callers}
    named = {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
    assert trust["Condition"]["StringEquals"]["Fn::If"][:2] == ["HasOrganization", named]


def test_the_doctor_role_admits_its_caller_and_the_forwarding_check():
    assert TEMPLATES["member"]["Resources"]["DoctorRole"]["Condition"] == "HasDoctorRole"
    trusts = resources("member", "IAM::Role")["DoctorRole"]["AssumeRolePolicyDocument"]["Statement"]
    conditions = ["HasDoctorCaller", "HasForwardingCheck"]
    for trust, condition, caller in zip(trusts, conditions, ["DoctorRoleArn", "ForwardingCheckRoleArn"], strict=True):
        assert TEMPLATES["member"]["Parameters"][caller]["Default"] == ""
        name, statement, otherwise = trust["Fn::If"]
        assert (name, otherwise) == (condition, {"Ref": "AWS::NoValue"})
        assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": {"Ref": caller}}
        named = {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
        assert statement["Condition"]["StringEquals"]["Fn::If"][:2] == ["HasOrganization", named]


def test_a_role_with_a_fixed_name_is_created_in_the_global_region_only():
    everything, conditions = TEMPLATES["member"]["Resources"], TEMPLATES["member"]["Conditions"]
    named = [name for name, role in resources("member", "IAM::Role").items() if isinstance(role.get("RoleName"), str)]
    assert named == ["DoctorRole", "RemediationRole", "KeyRotationRole", "LookupRole"]
    for name in named:
        assert {"Condition": "IsGlobalRegion"} in conditions[everything[name]["Condition"]]["Fn::And"]


def test_the_key_rotation_role_has_the_configured_name_and_cannot_create_keys():
    role = resources("member", "IAM::Role")["KeyRotationRole"]
    assert (role["RoleName"], "Path" in role) == (KeyPolicy().role, False)
    (assume,) = (
        each
        for policy in resources("hub", "IAM::Role")["AccessKeysRole"]["Policies"]
        for each in statements(policy)
        if each["Action"] == "sts:AssumeRole"
    )
    assert assume["Resource"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::*:role/{KeyPolicy().role}"}
    (policy,) = role["Policies"]
    assert {action for each in statements(policy) for action in each["Action"]} == {
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountSummary",
        "iam:UpdateAccessKey",
        "iam:DeleteAccessKey",
    }


def test_the_lookup_role_has_the_documented_name_and_reads_what_is_open_only():
    role = resources("member", "IAM::Role")["LookupRole"]
    assert role["Path"] + role["RoleName"] == f"/{LOOKUP_ROLE}"
    (policy,) = role["Policies"]
    assert {action for each in statements(policy) for action in each["Action"]} == {
        "cloudtrail:LookupEvents",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeManagedPrefixLists",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRegions",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSnapshots",
        "ec2:DescribeSubnets",
        "ec2:DescribeTags",
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        "ec2:GetManagedPrefixListEntries",
        "elasticloadbalancing:DescribeLoadBalancers",
        "ram:GetResourceShareAssociations",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "s3:GetAccountPublicAccessBlock",
        "s3:GetBucketAcl",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
        "s3:ListAllMyBuckets",
    }


def test_the_hub_may_assume_the_configured_lookup_role_and_no_other():
    (policy,) = resources("hub", "IAM::Role")["AlertRole"]["Policies"]
    (conditional,) = (each["Fn::If"] for each in policy["PolicyDocument"]["Statement"] if "Fn::If" in each)
    named, statement, otherwise = conditional
    assert (named, otherwise) == ("HasLookupRole", {"Ref": "AWS::NoValue"})
    assert TEMPLATES["hub"]["Parameters"]["LookupRole"]["Default"] == ""
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${LookupRole}"}
    allowed = re.compile(TEMPLATES["hub"]["Parameters"]["LookupRole"]["AllowedPattern"])
    assert allowed.fullmatch(LOOKUP_ROLE)
    assert not allowed.fullmatch("gatewatch/*")


def test_the_doctor_role_can_only_read():
    (policy,) = resources("member", "IAM::Role")["DoctorRole"]["Policies"]
    actions = [action for each in statements(policy) for action in each["Action"]]
    assert actions
    assert all(action.split(":")[1].startswith(("Get", "Describe", "List")) for action in actions)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_queue_is_encrypted(template):
    queues = resources(template, "SQS::Queue")
    assert queues
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_queue_denies_plain_http(template):
    policies = resources(template, "SQS::QueuePolicy").values()
    denying = {
        queue["Ref"]
        for policy in policies
        for queue in policy["Queues"]
        if any(map(denies_plain_http, statements(policy)))
    }
    assert denying == resources(template, "SQS::Queue").keys()


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
        if template == "member":
            by_name = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/gatewatch-*"
            assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": {"Fn::Sub": by_name}}
            continue
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        named = [sources] if isinstance(sources, dict) else sources
        present = [source["Fn::If"][1] if "Fn::If" in source else source for source in named]
        if statement["Resource"] == {"Fn::GetAtt": ["AccessKeysDlq", "Arn"]}:  # the rule is in serverless.yml
            assert [source["Fn::Sub"].rpartition(":")[2] for source in present] == [RULE_OF_ACCESS_KEYS]
        else:
            assert [source["Fn::GetAtt"] for source in present] == [[rule, "Arn"] for rule in rules]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_every_topic_denies_plain_http():
    policies = resources("hub", "SNS::TopicPolicy").values()
    denying = {
        topic["Ref"]
        for policy in policies
        for topic in policy["Topics"]
        if any(map(denies_plain_http, statements(policy)))
    }
    assert denying == resources("hub", "SNS::Topic").keys()


def test_a_queue_that_functions_read_has_a_dead_letter_queue_of_the_same_type():
    queues = resources("hub", "SQS::Queue")
    read = {name: queue for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert set(read) == {"Events", "Outbox", "Clicks", "Sweep"}
    for queue in read.values():
        dlq = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert dlq.get("FifoQueue", False) == queue.get("FifoQueue", False)
        assert dlq["MessageRetentionPeriod"] == 14 * 86400


def test_the_bus_accepts_events_of_aws_sources_only():
    for policy in resources("hub", "Events::EventBusPolicy").values():
        statement = policy["Statement"]
        assert statement["Action"] == "events:PutEvents"
        assert statement["Condition"]["ForAllValues:StringLike"] == {"events:source": "aws.*"}


def test_the_bus_accepts_events_of_other_accounts_from_rules_only():
    policies = resources("hub", "Events::EventBusPolicy")
    for name in ("OrganizationBusPolicy", "MemberAccountsBusPolicy"):
        assert policies[name]["Statement"]["Condition"]["BoolIfExists"] == {"events:eventBusInvocation": "true"}


def test_a_wildcard_principal_is_limited_to_the_organization():
    for policy in resources("hub", "Events::EventBusPolicy").values():
        statement = policy["Statement"]
        is_open = statement["Principal"] == "*"
        assert is_open == ("aws:PrincipalOrgID" in statement["Condition"].get("StringEquals", {}))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_template_contains_an_account_id_or_a_partition(template):
    text = (EVENTBRIDGE / f"{template}.yaml").read_text("utf-8")
    code = "\n".join(
        line for line in text.splitlines() if "ConstraintDescription" not in line and "AllowedPattern" not in line
    )
    assert "arn:aws" not in code
    assert not any(word.isdigit() and len(word) == 12 for word in code.replace('"', " ").split())
