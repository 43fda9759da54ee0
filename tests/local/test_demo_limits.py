"""The largest events that AWS delivers, through both functions."""

import json

import pytest

from chaos.fate import Script
from chaos.story import Arrival
from chaos.world import World
from gatewatch.local.demo.expectations import rule_headings

EVENT_BRIDGE = 256 * 1024  # EventBridge's former limit of an event; today 1 MB


def delivered(world, channel):
    return [json.loads(text) for key in world.told.order[channel] for text in world.told.texts[key]]


def run(body, weather=None):
    world = World(Script(), weather)
    world.arrive([Arrival(0, body, "event")])
    world.run()
    assert not world.events.messages
    assert not world.outbox.messages
    return world


def thousand_rules(build, **fields):
    peers = [f"10.{number // 250}.{number % 250}.0/24" for number in range(1000)]
    return build.event(build.authorize(build.item(v4=peers), eventID="event-1", **fields))


def test_all_messages_of_a_call_with_a_thousand_rules_are_delivered_once_and_in_order(build):
    world = run(json.dumps(thousand_rules(build)))
    messages = delivered(world, "sec-all")
    assert sum(len(rule_headings(message)) for message in messages) == 1000
    assert world.told.order["sec-all"] == [f"event-1#sec-all#{number}" for number in range(1, len(messages) + 1)]
    assert len(messages) > 1
    assert max(len(json.dumps(message)) for message in messages) < 100_000


def test_a_thousand_rules_that_a_channel_rejects_are_all_published_to_the_topic(build):
    world = run(
        json.dumps(thousand_rules(build)), lambda _world, channel, _key: "no_service" if channel == "sec-all" else None
    )
    assert len(world.outbox_dead.messages) == len(world.aws.sns.published) > 1
    text = "".join(each["Message"] for each in world.aws.sns.published)
    assert all(f"10.{number // 250}.{number % 250}.0/24" in text for number in range(1000))


@pytest.mark.parametrize("size", [EVENT_BRIDGE, 500_000])
@pytest.mark.parametrize("field", ["userAgent", "eventName", "sourceIPAddress", "awsRegion", "recipientAccountId"])
def test_an_event_of_the_largest_size_is_delivered(build, size, field):
    event = build.event(build.authorize(build.item(v4=["0.0.0.0/0"]), eventID="event-1"))
    event["detail"][field] = "AuthorizeSecurityGroupIngress" if field == "eventName" else "x" * size
    if field == "eventName":
        event["detail"]["requestParameters"]["description"] = "한" * (size // 3)
    world = run(json.dumps(event, ensure_ascii=False))
    (message,) = delivered(world, "sec-all")
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
    world = run(body)
    (dead_letter,) = world.events_dead.messages.values()
    assert dead_letter.body == body
    (message,) = delivered(world, "sec-all")
    assert len(json.dumps(message)) < 10_000
