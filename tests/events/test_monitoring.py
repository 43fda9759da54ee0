"""Tampering with gatewatch: the members' rules, the bus, the trails, the hub's functions, queues and parameters."""

import json

import pytest

from gatewatch.config.settings import LANGUAGES
from gatewatch.events.changes import monitoring
from gatewatch.events.changes.registry import CALL_SPECS
from gatewatch.model.change import Family
from gatewatch.model.monitoring import MonitoringComponent
from gatewatch.rendering.text.labels import load_labels
from support.paths import ROOT

PATTERN = json.loads((ROOT / "eventbridge" / "patterns" / "hub.json").read_text("utf-8"))
CLOUDFORMATION = {"userAgent": "cloudformation.amazonaws.com", "sourceIPAddress": "cloudformation.amazonaws.com"}
BUS = "arn:aws:events:ap-northeast-2:999988887777:event-bus/gatewatch-prod"
FUNCTION = "arn:aws:lambda:ap-northeast-2:999988887777:function:gatewatch-prod-alert"
QUEUE = "https://sqs.ap-northeast-2.amazonaws.com/999988887777/gatewatch-prod-outbox.fifo"
RULE = "gatewatch-security-group"


@pytest.fixture(scope="session")
def record_of(build):
    def make(service, name, request, response=None, **fields):
        return build.record(name, request, response, eventSource=f"{service}.amazonaws.com", **fields)

    return make


DISABLING = [
    ("cloudtrail", "StopLogging", {"name": "organization"}, "trail/organization"),
    ("cloudtrail", "DeleteTrail", {"name": "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"}, "trail/main"),
    ("cloudtrail", "UpdateTrail", {"name": "main", "isMultiRegionTrail": False}, "trail/main"),
    ("cloudtrail", "UpdateTrail", {"name": "main", "includeGlobalServiceEvents": False}, "trail/main"),
    (
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": "main", "eventSelectors": [{"readWriteType": "ReadOnly"}]},
        "trail/main",
    ),
    (
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": "main", "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": False}]},
        "trail/main",
    ),
    ("events", "DisableRule", {"name": RULE}, f"rule/{RULE}"),
    ("events", "DeleteRule", {"name": RULE}, f"rule/{RULE}"),
    ("events", "PutRule", {"name": RULE, "state": "DISABLED"}, f"rule/{RULE}"),
    ("events", "RemoveTargets", {"rule": RULE, "ids": ["hub"]}, f"rule/{RULE}"),
    ("events", "PutTargets", {"rule": RULE, "targets": [{"id": "hub", "arn": "arn:aws:sqs:x"}]}, f"rule/{RULE}"),
    ("events", "RemovePermission", {"eventBusName": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("events", "DeleteEventBus", {"name": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("lambda", "DeleteFunction20150331", {"functionName": "gatewatch-prod-alert"}, "function/gatewatch-prod-alert"),
    ("lambda", "DeleteFunction20150331", {"functionName": f"{FUNCTION}:7"}, "function/gatewatch-prod-alert"),
    (
        "lambda",
        "PutFunctionConcurrency20171031",
        {"functionName": FUNCTION, "reservedConcurrentExecutions": 0},
        "function/gatewatch-prod-alert",
    ),
    ("sqs", "PurgeQueue", {"queueUrl": QUEUE}, "queue/gatewatch-prod-outbox.fifo"),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE}, "queue/gatewatch-prod-outbox.fifo"),
    ("ssm", "DeleteParameter", {"name": "/gatewatch/slack/sec-prod"}, "parameter/gatewatch/slack/sec-prod"),
]
MODIFYING = [
    ("cloudtrail", "UpdateTrail", {"name": "main", "kmsKeyId": "k"}, "trail/main"),
    ("cloudtrail", "PutEventSelectors", {"trailName": "main", "advancedEventSelectors": [{}]}, "trail/main"),
    (
        "cloudtrail",
        "PutEventSelectors",
        {"trailName": "main", "eventSelectors": [{"readWriteType": "All"}]},
        "trail/main",
    ),
    ("events", "PutRule", {"name": RULE, "state": "ENABLED"}, f"rule/{RULE}"),
    ("events", "PutTargets", {"rule": RULE, "targets": [{"id": "hub", "arn": BUS}]}, f"rule/{RULE}"),
    ("events", "PutPermission", {"eventBusName": "gatewatch-prod"}, "event-bus/gatewatch-prod"),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}, "function/gatewatch-prod-alert"),
    (
        "lambda",
        "PutFunctionConcurrency20171031",
        {"functionName": FUNCTION, "reservedConcurrentExecutions": 5},
        "function/gatewatch-prod-alert",
    ),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE, "attributes": {}}, "queue/gatewatch-prod-outbox.fifo"),
    ("ssm", "PutParameter", {"name": "/gatewatch/slack/sec-prod"}, "parameter/gatewatch/slack/sec-prod"),
]


@pytest.mark.parametrize(("service", "name", "request_", "resource_id"), DISABLING)
def test_a_call_that_disables_monitoring_is_high(record_of, row, service, name, request_, resource_id):
    shown = row(record_of(service, name, request_))
    assert (shown["family"], shown["outcome"], shown["severity"]) == ("hub", "applied", "high")
    assert shown["resource_id"] == resource_id
    assert "may be lost" in shown["reasons"][0]


@pytest.mark.parametrize(("service", "name", "request_", "resource_id"), MODIFYING)
def test_a_call_that_only_modifies_it_is_medium(record_of, row, service, name, request_, resource_id):
    shown = row(record_of(service, name, request_))
    assert (shown["family"], shown["severity"], shown["resource_id"]) == ("hub", "medium", resource_id)


def test_an_event_source_mapping_is_recognized_by_the_function_in_the_response(record_of, row, rows):
    name, request = "UpdateEventSourceMapping20150331", {"uUID": "u", "enabled": False}
    assert row(record_of("lambda", name, request, {"functionArn": FUNCTION}))["severity"] == "high"
    assert rows(record_of("lambda", name, request, {"functionArn": FUNCTION.replace("gatewatch", "shop")})) == []
    deleted = record_of("lambda", "DeleteEventSourceMapping20150331", {"uUID": "u"}, {"functionArn": FUNCTION})
    assert (row(deleted)["severity"], row(deleted)["action"]) == ("high", "delete")


@pytest.mark.parametrize(
    ("service", "name", "request_"),
    [
        ("events", "DisableRule", {"name": "nightly-backup"}),
        ("events", "DisableRule", {"name": "not-gatewatch-hub"}),
        ("events", "DisableRule", None),
        ("events", "DeleteEventBus", {"name": "orders"}),
        ("lambda", "DeleteFunction20150331", {"functionName": "shop"}),
        ("sqs", "PurgeQueue", {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/orders"}),
        ("ssm", "PutParameter", {"name": "/shop/gatewatch/token"}),
        ("cloudtrail", "LookupEvents", {}),
        ("events", "DescribeRule", {"name": RULE}),
    ],
)
def test_other_resources_give_no_row(record_of, rows, service, name, request_):
    assert rows(record_of(service, name, request_)) == []


def test_a_stack_deployment_is_reported_only_when_it_disables_monitoring(record_of, rows):
    enabled = record_of("events", "PutRule", {"name": RULE, "state": "ENABLED"}, **CLOUDFORMATION)
    target = record_of("events", "PutTargets", {"rule": RULE, "targets": [{"id": "hub", "arn": BUS}]}, **CLOUDFORMATION)
    deleted = record_of("events", "DeleteRule", {"name": RULE}, **CLOUDFORMATION)
    code = record_of("lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}, **CLOUDFORMATION)
    assert rows(enabled, target) == []
    assert [each["event_name"] for each in rows(deleted, code)] == ["DeleteRule", "UpdateFunctionCode20150331v2"]


def test_a_denied_attempt_is_one_level_lower(record_of, row):
    refused = record_of("events", "DisableRule", {"name": RULE}, errorCode="AccessDenied")
    assert (row(refused)["outcome"], row(refused)["severity"]) == ("denied", "medium")


def test_the_table_and_the_pattern_name_the_same_calls():
    named = {
        (each["eventSource"][0].removesuffix(".amazonaws.com"), name)
        for each in PATTERN["detail"]["$or"]
        for name in each["eventName"]
    }
    assert named == set(monitoring.CALL_SPECS)
    assert monitoring.CALL_SPECS.items() <= CALL_SPECS.items()
    assert {kind.family for kind in monitoring.CALL_SPECS.values()} == {Family.HUB}


def test_every_component_has_a_call():
    assert {row.component for row in monitoring._ROWS.values()} == set(MonitoringComponent)  # noqa: SLF001


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_reasons_have_labels(language):
    labels = load_labels(ROOT / "templates", language)
    assert {
        "monitoring_disabled",
        "monitoring_modified",
    } <= labels.reason.keys() & labels.headline.keys() & labels.attempt.keys()
