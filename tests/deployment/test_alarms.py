"""What the operators are told, and what the dashboard shows, held against the queues and functions there are."""

from __future__ import annotations

import json

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.aws import metrics as meter
from gatewatch.model.severity import Severity
from support.paths import ROOT

HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))["Resources"]
ALARMS = {name: each["Properties"] for name, each in HUB.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
FUNCTIONS = ("alert", "deliver", "heartbeat", "digest", "access_keys")
COUNTED = {
    meter.EVENTS_IN,
    meter.CHANGES,
    meter.MUTED,
    meter.LOOKS_FAILED,
    *(meter.ALERTS + severity.capitalize() for severity in Severity),
    meter.DELIVERED,
    meter.RETRIED,
    meter.DUPLICATE,
    meter.DEAD,
    meter.CONFIGURATION_BROKEN,
    meter.UNBOOKED,
    meter.AGE_SECONDS,
}


def alarms(namespace, metric):
    return [each for each in ALARMS.values() if (each["Namespace"], each["MetricName"]) == (namespace, metric)]


def dimensions(alarm):
    (dimension,) = alarm["Dimensions"]
    value = dimension["Value"]
    return dimension["Name"], value.get("Fn::Sub") or value["Fn::GetAtt"][0]


def watched(namespace, metric):
    return {dimensions(alarm)[1] for alarm in alarms(namespace, metric)}


def test_every_alarm_tells_the_operators_and_tells_them_when_it_is_over():
    for alarm in ALARMS.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Operators"}]


def test_the_operators_topic_is_not_the_one_that_alerts_go_to():
    assert HUB["Operators"]["Properties"]["TopicName"] != HUB["Alerts"]["Properties"]["TopicName"]


def test_every_dead_letter_queue_is_watched():
    dead = {name for name, each in HUB.items() if is_queue(each) and name.endswith("Dead")}
    assert dead == {"EventsDead", "OutboxDead", "AccessKeysDead"}
    assert watched("AWS/SQS", "ApproximateNumberOfMessagesVisible") == dead


def test_the_oldest_message_of_both_queues_is_watched():
    assert watched("AWS/SQS", "ApproximateAgeOfOldestMessage") == {"Events", "Outbox"}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched(metric):
    assert watched("AWS/Lambda", metric) == {f"gatewatch-${{Stage}}-{name}" for name in FUNCTIONS}


def test_no_events_no_heartbeat_and_no_look_for_a_digest_are_alarms_even_when_there_is_no_figure_at_all():
    (silence,) = alarms("AWS/SQS", "NumberOfMessagesSent")
    stopped = alarms("AWS/Lambda", "Invocations")
    assert {dimensions(alarm)[1] for alarm in stopped} == {
        f"gatewatch-${{Stage}}-{name}" for name in ("heartbeat", "digest")
    }
    for alarm in (silence, *stopped):
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["ComparisonOperator"] == "LessThanThreshold"


@pytest.mark.parametrize(
    ("metric", "functions"),
    [(meter.DEAD, {"alert", "deliver"}), (meter.CONFIGURATION_BROKEN, {"alert"}), (meter.UNBOOKED, {"alert"})],
)
def test_one_dead_message_or_one_broken_configuration_is_enough(metric, functions):
    found = alarms("gatewatch", metric)
    assert {dimensions(alarm) for alarm in found} == {("service", f"gatewatch-${{Stage}}-{name}") for name in functions}
    for alarm in found:
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"


def test_the_operators_topic_is_under_a_key_that_cloudwatch_may_use():
    assert HUB["Operators"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": ["OperatorsKey", "Arn"]}


def test_the_dashboard_is_json_and_shows_every_count_every_queue_and_every_function():
    body = json.loads(HUB["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    rows = [row for widget in body["widgets"] for row in widget["properties"]["metrics"]]
    assert {row[1] for row in rows if row[0] == "gatewatch"} == COUNTED
    queues = {row[3] for row in rows if row[0] == "AWS/SQS"}
    assert queues == {each["Properties"]["QueueName"]["Fn::Sub"] for each in HUB.values() if is_queue(each)}
    functions = {row[3] for row in rows if row[0] == "AWS/Lambda"}
    assert functions == {f"gatewatch-${{Stage}}-{name}" for name in FUNCTIONS}


def is_queue(resource):
    return resource["Type"] == "AWS::SQS::Queue"
