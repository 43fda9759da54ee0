"""The largest that AWS can hand over, through both stages."""

import json

import pytest

from chaos.fate import Script
from chaos.story import Arrival
from chaos.world import World
from gatewatch.local.demo.expectations import rule_heads

EVENT_BRIDGE = 256 * 1024  # what an event may have for years; today 1 MB


def told(world, channel):
    return [json.loads(text) for key in world.told.order[channel] for text in world.told.texts[key]]


def served(body, weather=None):
    world = World(Script(), weather)
    world.arrive([Arrival(0, body, "event")])
    world.run()
    assert not world.events.messages
    assert not world.outbox.messages
    return world


def thousand_rules(build, **fields):
    peers = [f"10.{number // 250}.{number % 250}.0/24" for number in range(1000)]
    return build.event(build.authorize(build.item(v4=peers), eventID="event-1", **fields))


def test_a_call_of_a_thousand_rules_is_told_whole_in_order_once(build):
    world = served(json.dumps(thousand_rules(build)))
    messages = told(world, "sec-all")
    assert sum(len(rule_heads(message)) for message in messages) == 1000
    assert world.told.order["sec-all"] == [f"event-1#sec-all#{number}" for number in range(1, len(messages) + 1)]
    assert len(messages) > 1
    assert max(len(json.dumps(message)) for message in messages) < 100_000


def test_a_thousand_rules_that_a_channel_refuses_are_told_whole_by_the_topic(build):
    world = served(
        json.dumps(thousand_rules(build)), lambda _world, channel, _key: "no_service" if channel == "sec-all" else None
    )
    assert len(world.outbox_dead.messages) == len(world.aws.sns.published) > 1
    text = "".join(each["Message"] for each in world.aws.sns.published)
    assert all(f"10.{number // 250}.{number % 250}.0/24" in text for number in range(1000))


@pytest.mark.parametrize("size", [EVENT_BRIDGE, 500_000])
@pytest.mark.parametrize("field", ["userAgent", "eventName", "sourceIPAddress", "awsRegion", "recipientAccountId"])
def test_an_event_as_large_as_can_be_is_told(build, size, field):
    event = build.event(build.authorize(build.item(v4=["0.0.0.0/0"]), eventID="event-1"))
    event["detail"][field] = "AuthorizeSecurityGroupIngress" if field == "eventName" else "x" * size
    if field == "eventName":
        event["detail"]["requestParameters"]["description"] = "한" * (size // 3)
    world = served(json.dumps(event, ensure_ascii=False))
    (message,) = told(world, "sec-all")
    assert rule_heads(message)
    assert len(json.dumps(message)) < 50_000


def test_a_large_event_of_a_shape_nobody_knew_is_told(build):
    event = build.event(build.authorize(eventID="event-1", requestParameters={"ipPermissions": ["x" * 1000] * 250}))
    messages = told(served(json.dumps(event)), "sec-all")
    assert 1 <= len(messages) <= 10
    assert max(len(json.dumps(message)) for message in messages) < 50_000


def test_a_large_event_that_cannot_be_read_is_kept_whole(build):
    assert build
    body = '{"detail": ' + "x" * 1_000_000
    world = served(body)
    (letter,) = world.events_dead.messages.values()
    assert letter.body == body
    (message,) = told(world, "sec-all")
    assert len(json.dumps(message)) < 10_000
