"""An alert is rendered once for each kind of destination it is routed to, and for no other."""

import json
from collections import Counter

import msgspec
import pytest

from gatewatch.config.destinations import SecretRef, SlackWebhook, SnsTopic
from gatewatch.rendering.extra_sections import ExtraSection
from gatewatch.rendering.message_bodies import MessageBodies
from gatewatch.rendering.slack_validation import slack_problems
from support.hostile import EVENTS, SETTINGS, TEMPLATES, alert_of_record

EXTRAS = (ExtraSection("Before", "tcp 22 <a>\ntcp 80 `b`", 2400), ExtraSection("To undo", "gatewatch undo chg-1"))
DESTINATIONS = {
    "alerts": SnsTopic(),
    "more": SnsTopic(topic="arn:aws:sns:eu-west-1:999988887777:more"),
    "sec-prod": SlackWebhook(SecretRef(ssm="/gatewatch/sec-prod")),
}


@pytest.fixture
def counted():
    """The templates, and how often each kind of them was used."""
    used = Counter()

    def message(**context):
        used["slack"] += 1
        return TEMPLATES.message(**context)

    def sns():
        used["sns"] += 1
        return TEMPLATES.sns()

    return msgspec.structs.replace(TEMPLATES, message=message, sns=sns), used


def bodies(templates, extras=(), case="world"):
    settings = msgspec.structs.replace(SETTINGS["en"], destinations=DESTINATIONS)
    return MessageBodies(alert_of_record(EVENTS[case]), templates, settings, extras)


def test_an_alert_for_slack_renders_no_email(counted):
    templates, used = counted
    (body,) = bodies(templates).for_destination("sec-prod")
    assert slack_problems(json.loads(body)) == ()
    assert used == {"slack": 1}


def test_an_alert_for_a_topic_renders_nothing_for_slack(counted):
    templates, used = counted
    (body,) = bodies(templates).for_destination("alerts")
    assert json.loads(body)["kind"] == "sns"
    assert used == {"sns": 1}


def test_destinations_of_one_kind_share_a_rendering(counted):
    templates, used = counted
    found = bodies(templates)
    assert found.for_destination("alerts") == found.for_destination("more")
    assert found.for_destination("sec-prod") == found.for_destination("sec-prod")
    assert used == {"sns": 1, "slack": 1}


def test_an_unknown_destination_gets_the_slack_message():
    assert bodies(TEMPLATES).for_destination("nowhere") == bodies(TEMPLATES).for_destination("sec-prod")


def test_slack_shows_extra_sections_before_the_event_name():
    (body,) = bodies(TEMPLATES, EXTRAS).for_destination("sec-prod")
    message = json.loads(body)
    *_, before, undo, event = message["attachments"][0]["blocks"]
    assert slack_problems(message) == ()
    assert before["text"]["text"] == "*Before*\n```tcp 22 &lt;a&gt;\ntcp 80 ˋbˋ```"
    assert undo["text"]["text"] == "*To undo* `gatewatch undo chg-1`"
    assert event["type"] == "context"


def test_email_and_chat_show_extra_sections():
    (body,) = bodies(TEMPLATES, EXTRAS).for_destination("alerts")
    decoded = json.loads(body)
    assert "\nBefore:\ntcp 22 <a>\ntcp 80 ˋbˋ\n\nTo undo:\ngatewatch undo chg-1\n" in decoded["mail"]
    description = decoded["chat"]["content"]["description"]
    assert "*Before*\n```tcp 22 &lt;a&gt;\ntcp 80 ˋbˋ```\n*To undo* `gatewatch undo chg-1`" in description


def test_a_call_with_many_rules_has_several_parts_for_every_kind():
    found = bodies(TEMPLATES, case="sixty-rules")
    assert [len(found.for_destination(name)) for name in ("sec-prod", "alerts")] == [2, 2]
