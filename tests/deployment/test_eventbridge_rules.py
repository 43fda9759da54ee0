"""The rules of the templates, evaluated by an engine that is not ours: what gatewatch understands is forwarded once."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import load_settings
from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.events.decoding import decode
from gatewatch.model.api_call import ApiCall
from gatewatch.model.change import Family
from support.cloudformation import Stack
from support.eventbridge import matches
from support.paths import EVENTBRIDGE, GOLDEN, RECORDED, ROOT

HUB, MEMBER = "999988887777", "111122223333"
GLOBAL = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
OTHER = {"aws": "ap-northeast-2", "aws-us-gov": "us-gov-east-1", "aws-cn": "cn-northwest-1"}
BUS = f"arn:aws:events:ap-northeast-2:{HUB}:event-bus/gatewatch-prod"
SERVICE_EVENTS = {
    "UserAuthentication",
    "CredentialChallenge",
    "CredentialVerification",
    "PasswordRecoveryRequested",
    "PasswordRecoveryCompleted",
    "PasswordUpdated",
}
# What a call must name so that it is about gatewatch's own resources, by service.
OWN = {
    "cloudformation": {"stackName": "StackSet-gatewatch-member-1", "stackSetName": "org-gatewatch-member"},
    "events": {
        "name": "gatewatch-iam",
        "rule": "gatewatch-iam",
        "eventBusName": "gatewatch-prod",
        "archiveName": "gatewatch-prod",
    },
    "lambda": {"functionName": "gatewatch-prod-alert"},
    "sqs": {"queueUrl": f"https://sqs.ap-northeast-2.amazonaws.com/{HUB}/gatewatch-prod-events"},
    "monitoring": {"alarmName": "gatewatch-prod-dlq", "alarmNames": ["gatewatch-prod-dlq"]},
    "ssm": {"name": "/gatewatch/slack/sec-prod", "names": ["/gatewatch/slack/sec-prod"]},
}


def member_rules(region: str, partition: str = "aws", **parameters: str) -> dict[str, dict[str, Any]]:
    stack = Stack(EVENTBRIDGE / "member.yaml", MEMBER, region, partition, {"HubBusArn": BUS, **parameters})
    rules = [each["Properties"] for each in stack.resources.values() if each["Type"] == "AWS::Events::Rule"]
    return {rule["Name"]: rule["EventPattern"] for rule in rules if "EventPattern" in rule}


def hub_rules() -> dict[str, dict[str, Any]]:
    stack = Stack(EVENTBRIDGE / "hub.yaml", HUB, "ap-northeast-2")
    rules = [each["Properties"] for each in stack.resources.values() if each["Type"] == "AWS::Events::Rule"]
    return {rule["Name"]: rule["EventPattern"] for rule in rules if "EventPattern" in rule}


RULES = {region: member_rules(region) for region in (GLOBAL["aws"], OTHER["aws"])}
HUB_RULES = hub_rules()
SETTINGS = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml")


def envelope(record: dict[str, Any]) -> dict[str, Any]:
    """A CloudTrail record as EventBridge wraps it (CloudTrail user guide, "detail-type" by `eventType`)."""
    name, kind = record.get("eventName"), record.get("eventType")
    sign_in = kind == "AwsConsoleSignIn" or name in {"ConsoleLogin", "SwitchRole"}
    service = kind == "AwsServiceEvent" or name in SERVICE_EVENTS
    detail_type = "AWS Console Sign In" if sign_in else "AWS Service Event" if service else "AWS API Call"
    return {
        "version": "0",
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "detail-type": f"{detail_type} via CloudTrail",
        "account": MEMBER,
        "region": record.get("awsRegion", OTHER["aws"]),
        "detail": {"readOnly": False, **record},  # records of event version 1.05 and older lack it
    }


def synthetic(service: str, name: str) -> dict[str, Any]:
    """The smallest event of a call of the dispatch table."""
    if name == "ConfigRulesComplianceChange":
        detail = {"messageType": "ComplianceChangeNotification"}
        return {"source": "aws.config", "detail-type": "Config Rules Compliance Change", "detail": detail}
    request = OWN.get(service)
    mapping = {"functionArn": f"arn:aws:lambda:ap-northeast-2:{HUB}:function:gatewatch-prod-alert"}
    record = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "readOnly": False}
    return envelope({**record, "requestParameters": request, "responseElements": mapping})


def forwarded_by(event: dict[str, Any], region: str) -> list[str]:
    return [name for name, pattern in RULES[region].items() if matches(pattern, event)]


def decoded(event: Any) -> list[ApiCall]:
    return [each for each in decode(event, "event") if isinstance(each, ApiCall)]


def has_changes(event: Any) -> bool:
    """Whether replay prints anything for the event."""
    return any(assess_call(call, Assessor(SETTINGS, InMemoryRuleHistory())) for call in decoded(event))


def is_real(event: dict[str, Any]) -> bool:
    """Some recorded events have an envelope that somebody typed: without the service that EventBridge writes."""
    return str(event.get("source", "")).startswith("aws.")


def golden_events() -> list[Any]:
    cases = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*/event.json"))}
    listed = {name: case if isinstance(case, list) else [case] for name, case in cases.items()}
    return [
        pytest.param(each, id=f"{name}-{index}") for name, case in listed.items() for index, each in enumerate(case)
    ]


@pytest.mark.parametrize(("service", "name"), sorted(CALL_SPECS))
def test_every_call_of_the_dispatch_table_is_forwarded_by_one_rule(service, name):
    event = synthetic(service, name)
    assert len(forwarded_by(event, GLOBAL["aws"])) == 1
    assert len([rule for rule, pattern in HUB_RULES.items() if matches(pattern, event)]) == 1


@pytest.mark.parametrize("event", golden_events())
def test_a_golden_event_that_becomes_an_alert_is_forwarded_by_one_rule(event):
    if not has_changes(event):
        pytest.skip("this golden case is an event that is ignored")
    event = event if "detail" in event else envelope(event)
    assert len(forwarded_by(event, GLOBAL["aws"])) == 1


@pytest.mark.parametrize("partition", sorted(GLOBAL))
def test_a_write_of_iam_is_forwarded_from_the_global_region_of_its_partition_only(partition):
    event = synthetic("iam", "CreateUser")
    here = member_rules(GLOBAL[partition], partition)
    elsewhere = member_rules(OTHER[partition], partition)
    assert [name for name, pattern in here.items() if matches(pattern, event)] == ["gatewatch-iam"]
    assert [name for name, pattern in elsewhere.items() if matches(pattern, event)] == []


@pytest.mark.parametrize(
    ("service", "name"),
    [("ec2", "DescribeSecurityGroups"), ("ec2", "StopInstances"), ("s3", "GetObject"), ("sts", "GetCallerIdentity")],
)
def test_a_call_of_no_family_is_not_forwarded(service, name):
    event = synthetic(service, name)
    assert (has_changes(event), forwarded_by(event, GLOBAL["aws"])) == (False, [])


@pytest.mark.parametrize("service", sorted(OWN))
def test_calls_on_resources_of_others_are_not_forwarded(service):
    foreign = {
        "cloudformation": "DeleteStack",
        "events": "RemoveTargets",
        "lambda": "UpdateFunctionCode20150331v2",
        "monitoring": "PutMetricAlarm",
        "sqs": "PurgeQueue",
    }
    event = synthetic(service, foreign.get(service, "PutParameter"))
    text = json.dumps(event).replace("gatewatch", "another")
    assert forwarded_by(json.loads(text), GLOBAL["aws"]) == []


def test_a_pattern_is_within_the_limit_of_eventbridge():
    """4,096 characters (EventBridge quotas, "Event pattern size")."""
    sizes = {name: len(json.dumps(pattern)) for name, pattern in {**RULES[GLOBAL["aws"]], **HUB_RULES}.items()}
    assert {name: size for name, size in sizes.items() if size > 4096} == {}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded events are not beside this copy of the repository")
def test_what_becomes_an_alert_of_the_recorded_events_is_forwarded_and_nothing_twice():
    records = [json.loads(line) for line in RECORDED.read_text("utf-8").splitlines()]
    events = [
        each if "detail" in each else envelope(each) for each in records if "eventSource" in each or is_real(each)
    ]
    counts = [(has_changes(event), len(forwarded_by(event, GLOBAL["aws"]))) for event in events]
    assert max(count for _, count in counts) == 1
    assert [event for event, (is_alert, count) in zip(events, counts, strict=True) if is_alert and not count] == []


@pytest.mark.parametrize(
    "break_it",
    [
        lambda rules: rules["gatewatch-security-group"]["detail"]["eventName"].pop(),
        lambda rules: rules["gatewatch-security-group"].update(source=["aws.vpc"]),
        lambda rules: rules.update(second=rules["gatewatch-attachment"]),
        lambda rules: rules["gatewatch-sign-in"].update({"detail-type": ["AWS API Call via CloudTrail"]}),
    ],
    ids=["a name is missing", "a wrong source", "two rules for one event", "a wrong detail-type"],
)
def test_the_engine_finds_a_broken_rule(break_it):
    rules = copy.deepcopy(RULES[GLOBAL["aws"]])
    break_it(rules)
    counts = [
        sum(matches(pattern, synthetic(service, name)) for pattern in rules.values())
        for service, name in CALL_SPECS
        if Family.HUB not in {spec.family for spec in CALL_SPECS[service, name]}
    ]
    assert set(counts) - {1}
