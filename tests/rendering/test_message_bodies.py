"""An alert is worded for the kinds of destinations that hear of it, once each, and for no other."""

import json
from collections import Counter

import msgspec
import pytest

from gatewatch.config.destinations import SecretRef, SlackWebhook, SnsTopic
from gatewatch.rendering.extra_sections import Extra
from gatewatch.rendering.message_bodies import Bodies
from gatewatch.rendering.slack_validation import problems
from support.hostile import EVENTS, SETTINGS, TEMPLATES, alert_of_record

EXTRAS = (Extra("Before", "tcp 22 <a>\ntcp 80 `b`", 2400), Extra("To undo", "gatewatch undo chg-1"))
DESTINATIONS = {
    "alerts": SnsTopic(),
    "more": SnsTopic(topic="arn:aws:sns:eu-west-1:999988887777:more"),
    "sec-prod": SlackWebhook(SecretRef(ssm="/gatewatch/sec-prod")),
}


@pytest.fixture
def counted():
    """The templates, and how often each kind of them was asked for."""
    asked = Counter()

    def message(**view):
        asked["slack"] += 1
        return TEMPLATES.message(**view)

    def topic():
        asked["topic"] += 1
        return TEMPLATES.topic()

    return msgspec.structs.replace(TEMPLATES, message=message, topic=topic), asked


def bodies(templates, extras=(), case="world"):
    settings = msgspec.structs.replace(SETTINGS["en"], destinations=DESTINATIONS)
    return Bodies(alert_of_record(EVENTS[case]), templates, settings, extras)


def test_a_hub_whose_alert_goes_to_slack_words_no_mail(counted):
    templates, asked = counted
    (body,) = bodies(templates).of("sec-prod")
    assert problems(json.loads(body)) == ()
    assert asked == {"slack": 1}


def test_a_hub_whose_alert_goes_to_a_topic_words_nothing_for_slack(counted):
    templates, asked = counted
    (body,) = bodies(templates).of("alerts")
    assert json.loads(body)["kind"] == "topic"
    assert asked == {"topic": 1}


def test_several_destinations_of_a_kind_get_the_same_words(counted):
    templates, asked = counted
    found = bodies(templates)
    assert found.of("alerts") == found.of("more")
    assert found.of("sec-prod") == found.of("sec-prod")
    assert asked == {"topic": 1, "slack": 1}


def test_a_destination_that_nobody_knows_reads_what_slack_does():
    assert bodies(TEMPLATES).of("nowhere") == bodies(TEMPLATES).of("sec-prod")


def test_slack_shows_a_list_and_a_command_before_the_name_of_the_event():
    (body,) = bodies(TEMPLATES, EXTRAS).of("sec-prod")
    message = json.loads(body)
    *_, before, undo, event = message["attachments"][0]["blocks"]
    assert problems(message) == ()
    assert before["text"]["text"] == "*Before*\n```tcp 22 &lt;a&gt;\ntcp 80 ˋbˋ```"
    assert undo["text"]["text"] == "*To undo* `gatewatch undo chg-1`"
    assert event["type"] == "context"


def test_mail_and_chat_show_a_list_and_a_command():
    (body,) = bodies(TEMPLATES, EXTRAS).of("alerts")
    told = json.loads(body)
    assert "\nBefore:\ntcp 22 <a>\ntcp 80 ˋbˋ\n\nTo undo:\ngatewatch undo chg-1\n" in told["mail"]
    described = told["chat"]["content"]["description"]
    assert "*Before*\n```tcp 22 &lt;a&gt;\ntcp 80 ˋbˋ```\n*To undo* `gatewatch undo chg-1`" in described


def test_a_call_of_many_rules_has_as_many_parts_as_each_kind_needs():
    found = bodies(TEMPLATES, case="sixty-rules")
    assert [len(found.of(name)) for name in ("sec-prod", "alerts")] == [2, 2]
