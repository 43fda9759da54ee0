from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

EVENTBRIDGE = Path(__file__).parents[1] / "eventbridge"
TEMPLATES = {name: load(str(EVENTBRIDGE / f"{name}.yaml")) for name in ("hub", "member")}
PATTERNS = {path.stem: json.loads(path.read_text("utf-8")) for path in (EVENTBRIDGE / "patterns").glob("*.json")}


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


def test_the_member_forwards_exactly_what_the_patterns_say():
    rules = resources("member", "Events::Rule").values()
    assert {rule["Name"]: rule["EventPattern"] for rule in rules} == {
        f"gatewatch-{name}": pattern for name, pattern in PATTERNS.items()
    }


def test_an_event_name_stands_in_one_pattern_only():
    names = [name for pattern in PATTERNS.values() for name in pattern["detail"]["eventName"]]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_pattern_asks_for_aws_itself_as_the_source_and_fits_eventbridge(name):
    pattern = PATTERNS[name]
    assert pattern["source"] == ["aws.ec2"]
    assert pattern["detail"]["eventSource"] == ["ec2.amazonaws.com"]
    assert len(json.dumps(pattern)) <= 4096


def test_a_rule_of_the_member_sends_with_a_role_and_a_retry_and_keeps_what_it_could_not_send():
    assert targets("member")
    for target in targets("member"):
        assert target["Arn"] == {"Ref": "HubBusArn"}
        assert target["RoleArn"] == {"Fn::GetAtt": ["ForwardRole", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}
        assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}


def test_the_rule_of_the_hub_keeps_what_it_could_not_send_and_takes_only_what_aws_sent():
    (rule,) = resources("hub", "Events::Rule").values()
    assert rule["EventPattern"] == {"source": [{"prefix": "aws."}]}
    assert all({"DeadLetterConfig", "RetryPolicy"} <= target.keys() for target in rule["Targets"])


def test_the_role_of_the_member_has_no_name_and_puts_events_on_the_hub_only():
    (role,) = resources("member", "IAM::Role").values()
    assert "RoleName" not in role
    (policy,) = role["Policies"]
    assert statements(policy) == [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": {"Ref": "HubBusArn"}}]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    assert "aws:SourceAccount" in trust["Condition"]["StringEquals"]
    assert "aws:SourceArn" in trust["Condition"]["ArnLike"]


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
        assert [source["Fn::GetAtt"] for source in named] == [[rule, "Arn"] for rule in rules]
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
