"""Alarms and dashboard of the hub, compared with its queues, functions and metrics."""

from __future__ import annotations

import json

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.aws import metrics
from gatewatch.model.severity import Severity
from support.paths import ROOT

HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))["Resources"]
ALARMS = {name: each["Properties"] for name, each in HUB.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
FUNCTIONS = ("alert", "deliver", "heartbeat", "escalate", "sweep", "digest", "access_keys", "actions", "act")
COUNTED = {
    metrics.EVENTS_RECEIVED,
    metrics.CHANGES,
    metrics.SUPPRESSED,
    metrics.LATE_EVENTS,
    metrics.LOOKUPS_FAILED,
    *(metrics.ALERTS + severity.capitalize() for severity in Severity),
    metrics.DELIVERED,
    metrics.RETRIED,
    metrics.DUPLICATES,
    metrics.DEAD_LETTERED,
    metrics.ESCALATED,
    metrics.CLICKS,
    metrics.CLICKS_NOT_RECORDED,
    metrics.ACTIONS_PERFORMED,
    metrics.ACTIONS_REFUSED,
    metrics.CONFIGURATION_ERRORS,
    metrics.ACTIVITY_NOT_RECORDED,
    metrics.AGE_SECONDS,
}


def alarms(namespace, metric):
    return [each for each in ALARMS.values() if (each["Namespace"], each["MetricName"]) == (namespace, metric)]


def dimensions(alarm):
    (dimension,) = alarm["Dimensions"]
    value = dimension["Value"]
    return dimension["Name"], value.get("Fn::Sub") or value["Fn::GetAtt"][0]


def watched(namespace, metric):
    return {dimensions(alarm)[1] for alarm in alarms(namespace, metric)}


def test_every_alarm_notifies_the_operators_of_alarm_and_ok():
    for alarm in ALARMS.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Operators"}]


def test_the_operators_topic_is_not_the_alerts_topic():
    assert HUB["Operators"]["Properties"]["TopicName"] != HUB["Alerts"]["Properties"]["TopicName"]


def test_every_dead_letter_queue_has_an_alarm():
    queues = {name for name, each in HUB.items() if is_queue(each) and name.endswith("Dlq")}
    assert queues == {"EventsDlq", "OutboxDlq", "AccessKeysDlq", "ClicksDlq", "SweepDlq"}
    assert watched("AWS/SQS", "ApproximateNumberOfMessagesVisible") == queues


def test_the_age_of_the_oldest_message_of_every_queue_has_an_alarm():
    assert watched("AWS/SQS", "ApproximateAgeOfOldestMessage") == {"Events", "Outbox", "Clicks"}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(metric):
    assert watched("AWS/Lambda", metric) == {f"gatewatch-${{Stage}}-{name}" for name in FUNCTIONS}


def test_missing_events_heartbeats_and_digest_runs_are_alarms_even_without_data():
    (no_events,) = alarms("AWS/SQS", "NumberOfMessagesSent")
    stopped = alarms("AWS/Lambda", "Invocations")
    assert {dimensions(alarm)[1] for alarm in stopped} == {
        f"gatewatch-${{Stage}}-{name}" for name in ("heartbeat", "escalate", "digest")
    }
    for alarm in (no_events, *stopped):
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["ComparisonOperator"] == "LessThanThreshold"


@pytest.mark.parametrize(
    ("metric", "functions"),
    [
        (metrics.DEAD_LETTERED, {"alert", "deliver"}),
        (metrics.CLICKS_NOT_RECORDED, {"actions"}),
        (metrics.CONFIGURATION_ERRORS, {"alert"}),
        (metrics.ACTIVITY_NOT_RECORDED, {"alert"}),
    ],
)
def test_a_single_dead_letter_or_invalid_configuration_is_an_alarm(metric, functions):
    found = alarms("gatewatch", metric)
    assert {dimensions(alarm) for alarm in found} == {("service", f"gatewatch-${{Stage}}-{name}") for name in functions}
    for alarm in found:
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"


def test_the_operators_topic_uses_a_key_that_cloudwatch_may_use():
    assert HUB["Operators"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": ["OperatorsKey", "Arn"]}


def test_the_dashboard_shows_every_metric_queue_and_function():
    body = json.loads(HUB["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    rows = [row for widget in body["widgets"] for row in widget["properties"]["metrics"]]
    assert {row[1] for row in rows if row[0] == "gatewatch"} == COUNTED
    queues = {row[3] for row in rows if row[0] == "AWS/SQS"}
    assert queues == {each["Properties"]["QueueName"]["Fn::Sub"] for each in HUB.values() if is_queue(each)}
    functions = {row[3] for row in rows if row[0] == "AWS/Lambda"}
    assert functions == {f"gatewatch-${{Stage}}-{name}" for name in FUNCTIONS}


def is_queue(resource):
    return resource["Type"] == "AWS::SQS::Queue"
