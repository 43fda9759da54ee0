"""Tampering with gatewatch: the members' rules, the bus, roles, the hub's functions, queues, secrets and the like."""

import json

import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.forwarding_rules import rule_patterns
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.events.changes import monitoring
from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.events.decoding import decode
from gatewatch.model.change import Family
from gatewatch.model.monitoring import MonitoringComponent
from gatewatch.rendering.text.labels import load_labels
from support.builders import ACCOUNT
from support.paths import EVENTBRIDGE, ROOT

PATTERNS = [
    json.loads((EVENTBRIDGE / "patterns" / f"{name}.json").read_text("utf-8")) for name in ("hub", "hub-resources")
]
HOST = "cloudformation.amazonaws.com"
BY_CLOUDFORMATION = {"sourceIPAddress": HOST, "userAgent": HOST}
WITH_ITS_USER_AGENT = {"userAgent": HOST}
BUS = "arn:aws:events:ap-northeast-2:999988887777:event-bus/gatewatch-prod"
FORWARD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/gatewatch/gatewatch-forward-eu-west-1"
FUNCTION = "arn:aws:lambda:ap-northeast-2:999988887777:function:gatewatch-prod-alert"
QUEUE = "https://sqs.ap-northeast-2.amazonaws.com/999988887777/gatewatch-prod-outbox.fifo"
TOPIC = "arn:aws:sns:ap-northeast-2:999988887777:gatewatch-prod-alerts"
RULE = "gatewatch-security-group"


@pytest.fixture(scope="session")
def record_of(build):
    def make(service, name, request, response=None, **fields):
        return build.record(name, request, response, eventSource=f"{service}.amazonaws.com", **fields)

    return make


@pytest.fixture(scope="session")
def with_bus(tmp_path_factory):
    """The severity of a record where accounts.yaml names the bus of the hub; None when it is not reported."""
    accounts = tmp_path_factory.mktemp("accounts") / "accounts.yaml"
    accounts.write_text((ROOT / "accounts.yaml").read_text("utf-8") + f'hub: {{bus: "{BUS}"}}\n')
    settings = load_settings(accounts, ROOT / "policy.yaml")

    def severity(record):
        (call,) = decode(record)
        alert = assess_call(call, Assessor(settings, InMemoryRuleHistory()))
        return alert and alert.severity.value

    return severity


def targets(*arns, **fields):
    return {"rule": RULE, "targets": [{"id": f"t{index}", "arn": arn} | fields for index, arn in enumerate(arns)]}


def pattern_of(rule=RULE):
    return json.dumps(rule_patterns()[rule], indent=3)


DISABLING = [
    ("cloudtrail", "StopLogging", {"name": "organization"}, "trail/organization"),
    ("cloudtrail", "DeleteTrail", {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}, "trail/main"),
    ("cloudtrail", "UpdateTrail", {"name": "main", "isMultiRegionTrail": False}, "trail/main"),
    ("cloudtrail", "UpdateTrail", {"name": "main", "includeGlobalServiceEvents": False}, "trail/main"),
    ("events", "DisableRule", {"name": RULE}, f"rule/{RULE}"),
    ("events", "DeleteRule", {"name": RULE}, f"rule/{RULE}"),
    ("events", "PutRule", {"name": RULE, "state": "DISABLED", "eventPattern": pattern_of()}, f"rule/{RULE}"),
    ("events", "RemoveTargets", {"rule": RULE, "ids": ["hub"]}, f"rule/{RULE}"),
    ("events", "RemovePermission", {"eventBusName": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("events", "DeleteEventBus", {"name": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("events", "DeleteArchive", {"archiveName": "gatewatch-prod"}, "archive/gatewatch-prod"),
    ("lambda", "DeleteFunction20150331", {"functionName": "gatewatch-prod-alert"}, "function/gatewatch-prod-alert"),
    ("lambda", "DeleteFunction20150331", {"functionName": f"{FUNCTION}:7"}, "function/gatewatch-prod-alert"),
    ("lambda", "RemovePermission20150331v2", {"functionName": FUNCTION}, "function/gatewatch-prod-alert"),
    (
        "lambda",
        "PutFunctionConcurrency20171031",
        {"functionName": FUNCTION, "reservedConcurrentExecutions": 0},
        "function/gatewatch-prod-alert",
    ),
    ("sqs", "PurgeQueue", {"queueUrl": QUEUE}, "queue/gatewatch-prod-outbox.fifo"),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE}, "queue/gatewatch-prod-outbox.fifo"),
    ("sqs", "RemovePermission", {"queueUrl": QUEUE, "label": "x"}, "queue/gatewatch-prod-outbox.fifo"),
    (
        "sqs",
        "SetQueueAttributes",
        {"queueUrl": QUEUE, "attributes": {"Policy": ""}},
        "queue/gatewatch-prod-outbox.fifo",
    ),
    ("sns", "DeleteTopic", {"topicArn": TOPIC}, "topic/gatewatch-prod-alerts"),
    ("sns", "Unsubscribe", {"subscriptionArn": f"{TOPIC}:0f1e2d3c"}, "topic/gatewatch-prod-alerts"),
    ("sns", "SetTopicAttributes", {"topicArn": TOPIC, "attributeName": "Policy"}, "topic/gatewatch-prod-alerts"),
    ("dynamodb", "DeleteTable", {"tableName": "gatewatch-prod"}, "table/gatewatch-prod"),
    ("ssm", "DeleteParameter", {"name": "/gatewatch/slack/sec-prod"}, "parameter/gatewatch/slack/sec-prod"),
    ("ssm", "DeleteParameters", {"names": ["/gatewatch/slack/sec-prod"]}, "parameter/gatewatch/slack/sec-prod"),
    ("secretsmanager", "DeleteSecret", {"secretId": "gatewatch/slack"}, "secret/gatewatch/slack"),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["gatewatch-prod-late"]}, "alarm/gatewatch-prod-late"),
    ("monitoring", "DisableAlarmActions", {"alarmNames": ["gatewatch-prod-late"]}, "alarm/gatewatch-prod-late"),
    ("config", "DeleteConfigRule", {"configRuleName": "gatewatch-ingress"}, "config-rule/gatewatch-ingress"),
    ("cloudformation", "DeleteStack", {"stackName": "gatewatch-prod"}, "stack/gatewatch-prod"),
    ("cloudformation", "DeleteStackSet", {"stackSetName": "gatewatch-member"}, "stack/gatewatch-member"),
    ("cloudformation", "DeleteStackInstances", {"stackSetName": "gatewatch-member"}, "stack/gatewatch-member"),
]
MODIFYING = [
    ("cloudtrail", "UpdateTrail", {"name": "main", "kmsKeyId": "k"}, "trail/main"),
    ("cloudtrail", "PutInsightSelectors", {"trailName": "main"}, "trail/main"),
    ("events", "PutPermission", {"eventBusName": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("events", "UpdateArchive", {"archiveName": "gatewatch-prod"}, "archive/gatewatch-prod"),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}, "function/gatewatch-prod-alert"),
    (
        "lambda",
        "PutFunctionConcurrency20171031",
        {"functionName": FUNCTION, "reservedConcurrentExecutions": 5},
        "function/gatewatch-prod-alert",
    ),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE, "attributes": {}}, "queue/gatewatch-prod-outbox.fifo"),
    ("sqs", "AddPermission", {"queueUrl": QUEUE}, "queue/gatewatch-prod-outbox.fifo"),
    ("sns", "SetTopicAttributes", {"topicArn": TOPIC, "attributeName": "DisplayName"}, "topic/gatewatch-prod-alerts"),
    ("dynamodb", "UpdateTimeToLive", {"tableName": "gatewatch-prod"}, "table/gatewatch-prod"),
    ("ssm", "PutParameter", {"name": "/gatewatch/slack/sec-prod"}, "parameter/gatewatch/slack/sec-prod"),
    ("secretsmanager", "PutSecretValue", {"secretId": "gatewatch/slack"}, "secret/gatewatch/slack"),
    ("monitoring", "PutMetricAlarm", {"alarmName": "gatewatch-prod-late"}, "alarm/gatewatch-prod-late"),
]


@pytest.mark.parametrize(("service", "name", "request_", "resource_id"), DISABLING)
def test_a_call_that_disables_monitoring_is_high(record_of, row, service, name, request_, resource_id):
    for agent in ("aws-cli/2.18.17", HOST):
        shown = row(record_of(service, name, request_, userAgent=agent))
        assert (shown["family"], shown["outcome"], shown["severity"]) == ("hub", "applied", "high")
        assert shown["resource_id"] == resource_id
        assert "lost" in shown["reasons"][0]


@pytest.mark.parametrize(("service", "name", "request_", "resource_id"), MODIFYING)
def test_a_call_that_only_modifies_it_is_medium(record_of, row, service, name, request_, resource_id):
    shown = row(record_of(service, name, request_))
    assert (shown["family"], shown["severity"], shown["resource_id"]) == ("hub", "medium", resource_id)


@pytest.mark.parametrize(
    "pattern",
    [
        '{"source": ["aws.nothing"]}',
        "{}",
        "",
        None,
        "odd",
        '{"source": [',
        "[" * 5000,
        pattern_of("gatewatch-compliance"),
        json.dumps(rule_patterns()[RULE] | {"region": ["mars-north-1"]}),
        json.dumps(rule_patterns()[RULE] | {"account": [{"anything-but": ACCOUNT}]}),
        json.dumps(rule_patterns()[RULE] | {"detail": {"userIdentity": {"type": ["Nobody"]}}}),
    ],
)
@pytest.mark.parametrize("fields", [{}, BY_CLOUDFORMATION, WITH_ITS_USER_AGENT])
def test_a_rule_with_another_pattern_is_high_whoever_sets_it(record_of, row, pattern, fields):
    request = {"name": RULE, "state": "ENABLED", "eventPattern": pattern}
    shown = row(record_of("events", "PutRule", request, **fields))
    assert (shown["family"], shown["severity"]) == ("hub", "high")


@pytest.mark.parametrize("rule", sorted(rule_patterns()))
@pytest.mark.parametrize(
    "state", [{}, {"state": "ENABLED"}, {"state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}]
)
def test_a_rule_with_the_shipped_pattern_is_info_and_routine_for_cloudformation(record_of, row, rows, rule, state):
    request = {"name": rule, "eventPattern": pattern_of(rule)} | state
    assert row(record_of("events", "PutRule", request))["severity"] == "info"
    assert row(record_of("events", "PutRule", request, **WITH_ITS_USER_AGENT))["severity"] == "info"
    assert rows(record_of("events", "PutRule", request, **BY_CLOUDFORMATION)) == []


@pytest.mark.parametrize(
    ("request_", "severity"),
    [
        ({"name": "gatewatch-canary", "scheduleExpression": "rate(15 minutes)"}, "info"),
        ({"name": "gatewatch-canary", "scheduleExpression": "rate(15 minutes)", "state": "DISABLED"}, "high"),
        ({"name": "gatewatch-canary"}, "high"),
        ({"name": "gatewatch-canary", "scheduleExpression": "rate(1 hour)"}, "info"),
        ({"name": "gatewatch-canary", "scheduleExpression": "rate(365 days)"}, "high"),
        ({"name": "gatewatch-canary", "scheduleExpression": "cron(0 0 1 1 ? 2099)"}, "high"),
        ({"name": RULE, "scheduleExpression": "rate(15 minutes)"}, "high"),
        ({"name": "gatewatch-prod-events", "eventPattern": '{"source": [{"prefix": "aws."}]}'}, "info"),
        ({"name": "gatewatch-prod-events", "eventPattern": '{"source": [{"prefix": "aws.x"}]}'}, "high"),
        ({"name": "gatewatch-prod-heartbeat", "scheduleExpression": "rate(365 days)"}, "high"),
    ],
)
def test_canary_and_rules_of_the_hub(record_of, row, request_, severity):
    assert row(record_of("events", "PutRule", request_))["severity"] == severity


@pytest.mark.parametrize(
    ("request_", "severity", "by_cloudformation"),
    [
        (targets(BUS), "info", None),
        (targets(BUS, roleArn=FORWARD_ROLE), "info", None),
        (targets(BUS, roleArn=f"arn:aws:iam::{ACCOUNT}:role/powerless"), "high", "high"),
        (targets(BUS, roleArn="arn:aws:iam::444455556666:role/gatewatch/x"), "high", "high"),
        (targets(BUS, roleArn=f"arn:aws:iam::{ACCOUNT}:role/gatewatch/gatewatch-lookup"), "high", "high"),
        (targets(BUS, roleArn=FORWARD_ROLE, input="{}"), "high", "high"),
        (targets(BUS, roleArn=FORWARD_ROLE, inputPath="$.version"), "high", "high"),
        (targets(BUS, roleArn=FORWARD_ROLE, inputTransformer={"inputTemplate": "{}"}), "high", "high"),
        (targets("arn:aws:events:us-east-1:111122223333:event-bus/gatewatch-mine"), "high", "high"),
        (targets(BUS.replace("999988887777", "111122223333")), "high", "high"),
        (targets(BUS.replace("ap-northeast-2", "us-east-1")), "high", "high"),
        (targets(BUS + "2"), "high", "high"),
        (targets("arn:aws:sqs:eu-west-1:111122223333:elsewhere"), "high", "high"),
        (targets(BUS, "arn:aws:sqs:eu-west-1:111122223333:copy"), "high", "high"),
        ({"rule": RULE, "targets": []}, "high", "high"),
        ({"rule": RULE, "targets": "odd"}, "high", "high"),
        ({"rule": RULE}, "high", "high"),
    ],
)
def test_a_target_must_be_the_bus_of_the_hub(record_of, row, with_bus, request_, severity, by_cloudformation):
    assert with_bus(record_of("events", "PutTargets", request_)) == severity
    assert with_bus(record_of("events", "PutTargets", request_, **BY_CLOUDFORMATION)) == by_cloudformation
    assert with_bus(record_of("events", "PutTargets", request_, **WITH_ITS_USER_AGENT)) == severity
    assert row(record_of("events", "PutTargets", request_))["severity"] == "high", "no bus is named"


def test_root_or_a_contradicting_envelope_is_never_routine(build, record_of, rows):
    record = record_of("events", "PutRule", {"name": RULE, "eventPattern": pattern_of()}, **BY_CLOUDFORMATION)
    assert rows(record) == []
    (shown,) = rows(build.event(record, source="aws.ec2"))
    assert (shown["understood"], shown["severity"]) == (False, "medium")


ROLE_WRITES = [
    (
        "PutRolePolicy",
        {"policyName": "x", "policyDocument": '{"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'},
    ),
    (
        "PutRolePolicy",
        {
            "policyName": "x",
            "policyDocument": '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
        },
    ),
    ("AttachRolePolicy", {"policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}),
    ("DetachRolePolicy", {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ("DeleteRolePolicy", {"policyName": "put-events-on-the-hub"}),
    ("DeleteRole", {}),
    (
        "UpdateAssumeRolePolicy",
        {"policyDocument": '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}'},
    ),
    ("PutRolePermissionsBoundary", {"permissionsBoundary": "arn:aws:iam::aws:policy/AWSDenyAll"}),
    ("UpdateRole", {"maxSessionDuration": 3600}),
    ("TagRole", {"tags": [{"key": "x", "value": "y"}]}),
]


@pytest.mark.parametrize("role", ["gatewatch-forward-eu-west-1", "gatewatch-access-keys", "Gatewatch-Doctor"])
@pytest.mark.parametrize(("name", "request_"), ROLE_WRITES)
def test_every_write_on_a_role_of_gatewatch_is_high(record_of, row, name, request_, role):
    shown = row(record_of("iam", name, {"roleName": role} | request_))
    assert (shown["family"], shown["severity"], shown["resource_id"]) == ("hub", "high", f"role/{role}")


def test_a_role_of_gatewatch_is_recognized_by_its_path(record_of, row, rows):
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Statement": [allow]})
    request = {"roleName": "forwarder", "path": "/gatewatch/", "assumeRolePolicyDocument": document}
    assert row(record_of("iam", "CreateRole", request))["family"] == "hub"
    (other,) = rows(record_of("iam", "CreateRole", request | {"path": "/team/gatewatch/"}))
    assert other["family"] == "iam"
    assert row(record_of("iam", "DeleteRole", {"roleName": "not-gatewatch-x"}))["family"] == "iam"


def test_a_role_of_gatewatch_that_everyone_may_assume_is_critical(record_of, row):
    everyone = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'
    request = {"roleName": "gatewatch-doctor", "policyDocument": everyone}
    for fields in ({}, BY_CLOUDFORMATION):
        assert row(record_of("iam", "UpdateAssumeRolePolicy", request, **fields))["severity"] == "critical"


@pytest.mark.parametrize(
    ("name", "request_", "severity"),
    [
        ("PutRolePolicy", ROLE_WRITES[0][1], "high"),
        ("PutRolePolicy", ROLE_WRITES[1][1], "info"),
        ("DetachRolePolicy", ROLE_WRITES[3][1], "high"),
        ("DeleteRolePolicy", ROLE_WRITES[4][1], "high"),
        ("DeleteRole", {}, "high"),
        ("PutRolePermissionsBoundary", ROLE_WRITES[7][1], "high"),
        ("UpdateRole", {}, "info"),
    ],
)
def test_cloudformation_maintains_a_role_but_does_not_weaken_it_unnoticed(record_of, row, name, request_, severity):
    request = {"roleName": "gatewatch-forward-eu-west-1"} | request_
    assert row(record_of("iam", name, request, **BY_CLOUDFORMATION))["severity"] == severity
    assert row(record_of("iam", name, request, **WITH_ITS_USER_AGENT))["severity"] == "high"


@pytest.mark.parametrize(
    "message",
    [
        "is not authorized to perform: iam:DeleteRole on resource: role gatewatch-doctor because",
        f"on resource: arn:aws:iam::{ACCOUNT}:role/gatewatch/gatewatch-doctor with an explicit deny",
    ],
)
def test_a_denied_call_on_a_role_of_gatewatch_names_it(record_of, row, shows, message):
    refused = record_of("iam", "DeleteRole", None, errorCode="AccessDenied", errorMessage=message)
    shows(row(refused), family="hub", outcome="denied", severity="medium", resource_id="role/gatewatch-doctor")


def test_an_event_source_mapping_is_recognized_by_the_function_in_the_response(record_of, row, rows):
    name, request = "UpdateEventSourceMapping20150331", {"uUID": "u", "enabled": False}
    assert row(record_of("lambda", name, request, {"functionArn": FUNCTION}))["severity"] == "high"
    assert rows(record_of("lambda", name, request, {"functionArn": FUNCTION.replace("gatewatch", "shop")})) == []
    deleted = record_of("lambda", "DeleteEventSourceMapping20150331", {"uUID": "u"}, {"functionArn": FUNCTION})
    assert (row(deleted)["severity"], row(deleted)["action"]) == ("high", "delete")


def test_each_parameter_and_alarm_of_gatewatch_in_a_list_is_a_row(record_of, rows):
    names = ["/shop/token", "/gatewatch/slack/a", "/gatewatch/slack/b", "/gatewatch/slack/a"]
    found = rows(record_of("ssm", "DeleteParameters", {"names": names}))
    assert [each["resource_id"] for each in found] == ["parameter/gatewatch/slack/a", "parameter/gatewatch/slack/b"]


@pytest.mark.parametrize(
    ("service", "name", "request_"),
    [
        ("events", "DisableRule", {"name": "nightly-backup"}),
        ("events", "DisableRule", {"name": "not-gatewatch-hub"}),
        ("events", "DeleteEventBus", {"name": "orders"}),
        ("lambda", "DeleteFunction20150331", {"functionName": "shop"}),
        ("sqs", "PurgeQueue", {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/orders"}),
        ("ssm", "PutParameter", {"name": "/shop/gatewatch/token"}),
        ("secretsmanager", "DeleteSecret", {"secretId": "shop/gatewatch/token"}),
        ("cloudtrail", "LookupEvents", {}),
        ("events", "DescribeRule", {"name": RULE}),
        ("cloudformation", "DeleteStack", {"stackName": "shop"}),
    ],
)
def test_other_resources_give_no_row(record_of, rows, service, name, request_):
    assert rows(record_of(service, name, request_)) == []


def trail_denials(record_of, count, **fields):
    calls = (("StopLogging", None), ("DeleteTrail", {"name": "main"}), ("PutEventSelectors", {"trailName": "main"}))
    for number in range(count):
        name, request = calls[number % 3]
        own = {"eventID": f"e-{number}", "eventTime": f"2026-01-24T03:{number:02}:00Z", "errorCode": "AccessDenied"}
        yield record_of("cloudtrail", name, request, **own | fields)


def test_every_third_denied_call_on_a_trail_by_one_caller_is_high(record_of, rows):
    found = rows(*trail_denials(record_of, 6))
    assert [each["severity"] == "high" for each in found] == [False, False, True, False, False, True]
    assert found[2]["reasons"][0] == "AWS refused 3 calls of this caller on trails within 10 minutes"
    assert {each["family"] for each in found} == {"hub"}


def test_denied_calls_on_a_trail_that_are_far_apart_or_the_same_are_not_added_up(record_of, rows):
    far = [
        next(trail_denials(record_of, 1, eventID=f"e-{day}", eventTime=f"2026-01-2{day}T03:00:00Z")) for day in range(5)
    ]
    assert "high" not in {each["severity"] for each in rows(*far)}
    assert "high" not in {each["severity"] for each in rows(*[next(trail_denials(record_of, 1))] * 5)}


def session(role, name):
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "userName": role, "accountId": ACCOUNT}
    return {
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{name}",
            "arn": arn,
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": issuer},
        }
    }


@pytest.mark.parametrize(("roles", "is_high"), [(("ci", "ci", "ci"), True), (("ci", "ops", "dev"), False)])
def test_session_names_do_not_split_a_caller(record_of, rows, roles, is_high):
    calls = [
        next(trail_denials(record_of, 1, **session(role, f"s-{number}"), eventID=f"e-{number}"))
        for number, role in enumerate(roles)
    ]
    assert (rows(*calls)[-1]["severity"] == "high") is is_high


def test_denied_calls_that_start_a_trail_are_not_counted(record_of, rows):
    start = [
        record_of("cloudtrail", "StartLogging", {"name": "main"}, errorCode="AccessDenied", eventID=f"e-{number}")
        for number in range(3)
    ]
    assert "high" not in {each["severity"] for each in rows(*start)}


def test_a_denied_attempt_is_one_level_lower(record_of, row):
    refused = record_of("events", "DisableRule", {"name": RULE}, errorCode="AccessDenied")
    assert (row(refused)["outcome"], row(refused)["severity"]) == ("denied", "medium")


@pytest.mark.parametrize(
    ("service", "name"),
    sorted(key for key in monitoring.CALL_SPECS if key[0] not in {"config", "cloudformation", "monitoring"}),
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"])
def test_a_denied_call_that_names_nothing_is_one_medium_row(record_of, rows, service, name, code):
    (shown,) = rows(record_of(service, name, None, errorCode=code))
    assert (shown["family"], shown["outcome"], shown["severity"]) == ("hub", "denied", "medium")
    assert (shown["resource_id"], shown["understood"]) == (None, True)
    assert "does not name" in " ".join(shown["reasons"])


@pytest.mark.parametrize("request_", [{"omitted": True}, None, [], "text", 5])
def test_a_call_whose_parameters_cannot_be_read_is_not_understood(record_of, row, shows, request_):
    shows(row(record_of("events", "PutTargets", request_)), family="hub", understood=False, severity="medium")


@pytest.mark.parametrize("name", ["StopLogging", "DeleteTrail", "UpdateTrail"])
def test_a_trail_without_a_readable_name_is_not_understood(record_of, row, shows, name):
    shows(row(record_of("cloudtrail", name, {"name": {}})), family="hub", understood=False, severity="medium")


def test_a_policy_that_cannot_be_read_may_deny_something_to_a_role_of_gatewatch(record_of, row):
    request = {"roleName": "gatewatch-forward", "policyName": "p", "policyDocument": "{"}
    identity = {"type": "IAMUser", "userName": "alice", "invokedBy": "cloudformation.amazonaws.com"}
    assert row(record_of("iam", "PutRolePolicy", request, userIdentity=identity))["severity"] == "high"


def test_a_call_of_two_families_whose_parameters_were_too_large_is_as_severe_as_the_worse(record_of, rows):
    found = rows(record_of("sqs", "SetQueueAttributes", {"omitted": True}))
    assert [(each["family"], each["severity"]) for each in found] == [("hub", "medium"), ("public_access", "high")]


@pytest.mark.parametrize("number", [0, "0"])
def test_a_function_that_may_not_run_is_switched_off(record_of, row, number):
    request = {"functionName": "gatewatch-alert", "reservedConcurrentExecutions": number}
    assert row(record_of("lambda", "PutFunctionConcurrency20171031", request))["severity"] == "high"


def test_the_table_and_the_patterns_name_the_same_calls():
    named = {
        (each["eventSource"][0].removesuffix(".amazonaws.com"), name)
        for pattern in PATTERNS
        for each in pattern["detail"]["$or"]
        for name in each["eventName"]
    }
    assert named == set(monitoring.CALL_SPECS)
    assert all(spec in CALL_SPECS[key] for key, spec in monitoring.CALL_SPECS.items())
    assert {spec.family for spec in monitoring.CALL_SPECS.values()} == {Family.HUB}


def test_every_component_has_a_call():
    assert {row.component for row in monitoring._ROWS.values()} | {MonitoringComponent.ROLE} == set(MonitoringComponent)  # noqa: SLF001


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reasons_have_labels(language):
    labels = load_labels(ROOT / "templates", language)
    codes = {"monitoring_disabled", "monitoring_modified", "monitoring_restored"}
    assert codes <= labels.reason.keys() & labels.headline.keys() & labels.attempt.keys()
