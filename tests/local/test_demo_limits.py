"""The largest events that AWS delivers, through both functions."""

import json

import pytest

from chaos.faults import Script
from chaos.harness import Harness
from chaos.scenario import Arrival
from gatewatch.local.demo.expectations import rule_headings

EVENT_BRIDGE = 256 * 1024  # EventBridge's former limit of an event; today 1 MB


def delivered(harness, channel):
    return [json.loads(text) for key in harness.deliveries.order[channel] for text in harness.deliveries.texts[key]]


def run(body, weather=None):
    harness = Harness(Script(), weather)
    harness.arrive([Arrival(0, body, "event")])
    harness.run()
    assert not harness.events.messages
    assert not harness.outbox.messages
    return harness


def thousand_rules(build, **fields):
    peers = [f"10.{number // 250}.{number % 250}.0/24" for number in range(1000)]
    return build.event(build.authorize(build.item(v4=peers), eventID="event-1", **fields))


def test_the_worst_rules_of_a_call_with_a_thousand_are_delivered_once_and_in_order_and_the_others_counted(build):
    harness = run(json.dumps(thousand_rules(build)))
    messages = delivered(harness, "sec-all")
    shown = sum(len(rule_headings(message)) for message in messages)
    assert 0 < shown < 1000
    assert f"{1000 - shown} more" in json.dumps(messages)
    keys = [f"event-1#sec-all#{number}" for number in range(1, len(messages) + 1)]
    assert harness.deliveries.order["sec-all"] == (keys if len(messages) > 1 else ["event-1#sec-all"])
    assert max(len(json.dumps(message)) for message in messages) < 100_000


def test_a_thousand_rules_that_a_channel_rejects_are_published_to_the_topic(build):
    def rejects(_harness, channel, _key):
        return "no_service" if channel == "sec-all" else None

    harness = run(json.dumps(thousand_rules(build)), rejects)
    assert harness.outbox_dlq.messages
    text = "".join(each["Message"] for each in harness.aws.sns.published)
    assert "10.0.0.0/24" in text
    assert "more" in text


@pytest.mark.parametrize("size", [EVENT_BRIDGE, 500_000])
@pytest.mark.parametrize("field", ["userAgent", "eventName", "sourceIPAddress", "awsRegion", "recipientAccountId"])
def test_an_event_of_the_largest_size_is_delivered(build, size, field):
    event = build.event(build.authorize(build.item(v4=["0.0.0.0/0"]), eventID="event-1"))
    event["detail"][field] = "AuthorizeSecurityGroupIngress" if field == "eventName" else "x" * size
    if field == "eventName":
        event["detail"]["requestParameters"]["description"] = "한" * (size // 3)
    harness = run(json.dumps(event, ensure_ascii=False))
    (message,) = delivered(harness, "sec-all")
    assert rule_headings(message)
    assert len(json.dumps(message)) < 50_000


def test_a_large_event_of_an_unrecognized_format_is_delivered(build):
    event = build.event(build.authorize(eventID="event-1", requestParameters={"ipPermissions": ["x" * 1000] * 250}))
    messages = delivered(run(json.dumps(event)), "sec-all")
    assert 1 <= len(messages) <= 10
    assert max(len(json.dumps(message)) for message in messages) < 50_000


def test_a_large_undecodable_event_is_kept_complete_in_the_dead_letter_queue(build):
    assert build
    body = '{"detail": ' + "x" * 1_000_000
    harness = run(body)
    (dead_letter,) = harness.events_dlq.messages.values()
    assert dead_letter.body == body
    (message,) = delivered(harness, "sec-all")
    assert len(json.dumps(message)) < 10_000
