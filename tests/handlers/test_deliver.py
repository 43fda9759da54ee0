"""The stage between fakes of SQS, DynamoDB, SNS and Slack that keep their rules, over a virtual clock."""

import json
import threading
from dataclasses import replace

import pytest

from chaos.clock import START
from chaos.fate import KillAt, Peace, Script, throttled
from chaos.queues import Sent, named
from chaos.world import ROTATED, World
from gatewatch.aws import metrics
from gatewatch.config.settings import emergency_settings
from gatewatch.delivery.ledger import DeliveryState
from gatewatch.delivery.outbox import Outbox
from gatewatch.handlers.deliver import in_threads
from gatewatch.model.message import Message

BODY = json.dumps({"attachments": [{"fallback": "f", "blocks": []}]})


def message(number=1, destination="sec-all", **fields):
    return Message(key=f"event-{number}#{destination}#1", destination=destination, body=BODY, **fields)


def put(world, *messages):
    fate, world.aws.sqs.fate = world.aws.sqs.fate, Peace()
    Outbox(world.aws.sqs, "outbox.fifo").put(messages)
    world.aws.sqs.fate = fate


def served(*messages, fate=None, weather=None, **fields):
    world = World(fate or Script(), weather, **fields)
    put(world, *messages)
    world.run()
    assert not world.outbox.messages
    return world


def dead(world):
    return {named(sent.body): sent.attributes["reason"] for sent in world.outbox_dead.messages.values()}


def state(world, key):
    return DeliveryState(world.aws.dynamodb.rows[f"delivered#{key}"]["state"]["S"])


def channel_says(fault, *channels):
    return lambda _world, channel, _key: fault if channel in channels else None


def test_what_slack_took_is_written_down_and_counted():
    world = served(message(event_time=START - 30))
    assert world.told.copies == {"event-1#sec-all#1": 1}
    assert state(world, "event-1#sec-all#1") is DeliveryState.DELIVERED
    assert world.counts.counted[metrics.DELIVERED] == 1


def test_a_repeat_is_skipped_and_counted():
    world = served(message())
    world.clock.sleep(301)
    put(world, message())
    world.run()
    assert world.told.copies["event-1#sec-all#1"] == 1
    assert world.counts.counted[metrics.DUPLICATES] == 1


def test_a_group_keeps_its_order_through_a_refusal_for_now():
    world = served(
        *[message(number) for number in range(25)], fate=Script(answers=[None, "503", None, "429 with Retry-After 30"])
    )
    assert world.told.order["sec-all"] == [f"event-{number}#sec-all#1" for number in range(25)]


def test_behind_a_failure_the_rest_of_its_group_waits_and_other_groups_do_not():
    def weather(world, channel, _key):
        return "503" if channel == "sec-all" and world.clock.now < START + 1000 else None

    world = World(Script(), weather)
    put(world, message(1), message(2), message(3, "sec-prod"), message(4, "sec-prod"))
    world.run(until=START + 500)
    assert set(world.told.order) == {"sec-prod"}
    world.run()
    assert world.told.order["sec-all"] == ["event-1#sec-all#1", "event-2#sec-all#1"]


def test_a_channel_is_told_once_a_second():
    world = served(*[message(number) for number in range(20)])
    assert world.clock.now - START >= 19


def test_a_named_time_is_waited_for_in_the_queue_and_not_in_the_function():
    world = World(Script(answers=["429 with Retry-After 120"]))
    put(world, message())
    world.run(until=START + 119)
    assert not world.told.copies
    world.run()
    assert world.told.copies["event-1#sec-all#1"] == 1
    assert world.clock.now - START == pytest.approx(120, abs=1)


def test_a_short_wait_takes_no_second_invocation():
    assert served(message(), fate=Script(answers=["429 with Retry-After 2"])).batches == 1


def test_a_function_without_time_brings_everything_back_at_once_and_tries_nothing():
    world = World(Script())
    put(world, message(1), message(2))
    records = [sent.record for sent in world.outbox.receive()]
    answer = world.deliver.handle({"Records": records}, lambda: 5.0)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [each["messageId"] for each in records]
    assert not world.told.copies
    assert world.outbox.next_time == world.clock.now


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("invalid_blocks", "invalid_blocks"),
        ("channel_not_found", "channel_not_found"),
        ("no_service", "no_service"),
        ("redirect", "HTTP 302"),
    ],
)
def test_a_refusal_for_good_is_buried_and_told_by_the_fallback(fault, reason):
    world = served(message(), weather=channel_says(fault, "sec-all"))
    assert dead(world) == {"event-1#sec-all#1": reason}
    assert world.told.order["alerts"] == ["event-1#sec-all#1#instead"]
    assert "delivery to sec-all failed" in world.aws.sns.published[0]["Message"]
    assert state(world, "event-1#sec-all#1") is DeliveryState.DEAD_LETTERED
    assert world.counts.counted[metrics.DEAD_LETTERED] == 1


def test_the_fallback_of_a_destination_may_be_another_channel():
    world = served(message(1, "oncall"), weather=channel_says("no_service", "oncall"))
    assert world.told.order["sec-prod"] == ["event-1#oncall#1#instead"]
    assert "delivery to oncall failed" in world.told.texts["event-1#oncall#1#instead"][0]


def test_when_the_fallback_refuses_too_the_hubs_topic_is_told_and_there_it_ends():
    world = served(message(1, "oncall"), weather=channel_says("no_service", "oncall", "sec-prod"))
    assert set(dead(world)) == {"event-1#oncall#1", "event-1#oncall#1#instead"}
    assert world.told.order["alerts"] == ["event-1#oncall#1#instead#instead"]
    assert "delivery to oncall failed" in world.aws.sns.published[0]["Message"]


def test_when_nobody_takes_it_every_letter_is_kept_and_nothing_goes_round():
    class Deaf(Script):
        def strike(self, point, key):
            super().strike(point, key)
            if point == "sns.publish":
                refusal = throttled("sns.publish")
                refusal.response["Error"]["Code"] = "NotFound"
                raise refusal

    world = served(message(1, "oncall"), fate=Deaf(), weather=channel_says("no_service", "oncall", "sec-prod"))
    assert len(dead(world)) == 3
    assert not world.told.copies
    assert world.batches == 3


def test_a_destination_that_policy_yaml_does_not_have_is_a_refusal_for_good():
    world = served(message(1, "renamed"))
    assert dead(world) == {"event-1#renamed#1": "policy.yaml has no destination renamed"}
    assert world.told.order["alerts"] == ["event-1#renamed#1#instead"]


def test_a_channel_that_stays_down_is_given_up_after_four_hours_with_the_number_of_attempts():
    world = served(message(1), message(2), weather=channel_says("503", "sec-all"))
    first, second = dead(world).values()
    assert first.startswith("given up after ")
    assert first.endswith(" attempts: HTTP 503")
    assert second.startswith("given up after ")
    assert 4 * 3600 <= world.clock.now - START < 5 * 3600
    assert len(world.told.order["alerts"]) == 2


def test_a_channel_that_always_says_one_second_is_given_up_by_number_and_not_before_an_hour():
    world = served(message(), weather=channel_says("429 with Retry-After 1", "sec-all"))
    assert dead(world) == {"event-1#sec-all#1": "given up after 150 attempts: rate_limited"}
    assert world.clock.now - START > 3600


def test_what_only_waited_in_a_long_queue_has_all_its_attempts_left():
    world = World(Script(answers=["503", "503", "503"]))
    put(world, message())
    world.clock.sleep(5 * 3600)
    world.run()
    assert world.told.copies["event-1#sec-all#1"] == 1
    assert not dead(world)


def test_what_no_outbox_wrote_is_buried_and_told():
    world = World(Script())
    world.outbox.send(Sent("garbage", START, START, group="sec-all"))
    put(world, message())
    world.run()
    (reason,) = [sent.attributes["reason"] for sent in world.outbox_dead.messages.values()]
    assert reason.startswith("outbox: holds no message")
    told = [key for key in world.told.copies if key.startswith("unreadable-")]
    assert len(told) == 1
    assert world.told.copies["event-1#sec-all#1"] == 1


def test_a_bug_of_ours_is_given_up_after_three_tries_and_its_group_goes_on():
    world = World(Script())
    post = world.deliver.post

    def broken(given, destination):
        if given.key == "event-1#sec-all#1":
            raise ZeroDivisionError("never shown: sEcReT")
        return post(given, destination)

    world._post = lambda *_channels: broken  # noqa: SLF001
    world.compose()
    put(world, message(1), message(2))
    world.run()
    assert dead(world) == {"event-1#sec-all#1": "gatewatch failed on it: ZeroDivisionError"}
    assert world.told.order["alerts"] == ["event-1#sec-all#1#instead"]
    assert world.told.copies["event-2#sec-all#1"] == 1
    assert world.clock.now - START < 60


def test_a_ledger_that_cannot_be_written_after_the_yes_does_not_tell_it_again():
    world = World(
        Script({("ledger.write", 1): throttled("ledger.write"), ("ledger.write", 2): throttled("ledger.write")})
    )
    put(world, message(1), message(2))
    world.run()
    assert world.told.copies == {"event-1#sec-all#1": 1, "event-2#sec-all#1": 1}
    assert state(world, "event-1#sec-all#1") is DeliveryState.DELIVERED


def test_a_ledger_that_cannot_be_read_delivers_nothing():
    faults = {("ledger.look", number): throttled("ledger.look") for number in range(1, 5)}
    world = served(message(), fate=Script(faults))
    assert world.told.copies["event-1#sec-all#1"] == 1
    assert world.counts.counted[metrics.RETRIED] == 4


def test_a_visibility_that_cannot_be_changed_is_the_queues_own():
    faults = {("visibility.change", 1): throttled("visibility.change")}
    world = served(message(), fate=Script(faults, answers=["429 with Retry-After 60"]))
    assert world.clock.now - START == pytest.approx(360, abs=1)
    assert world.told.copies["event-1#sec-all#1"] == 1


def test_a_secret_that_was_rotated_is_no_reason_to_lose_anything():
    world = World(Script())
    put(world, message(1, "sec-prod"), message(2, "payments"))
    world.run()
    world.rotate()
    put(world, message(3, "sec-prod"), message(4, "payments"))
    world.run()
    assert sum(world.told.copies.values()) == 4
    assert set(world.secrets.values()) >= set(ROTATED.values())


def test_groups_are_served_at_the_same_time_in_threads_of_their_own():
    together = threading.Barrier(3)

    def work(group):
        together.wait(5)
        return list(group)

    assert in_threads(work, [["1"], ["2", "3"], []]) == [["1"], ["2", "3"], []]
    assert in_threads(work, []) == []


def _steps(answers):
    fate = KillAt(answers=answers)
    served(message(), fate=fate)
    return len(fate.steps)


@pytest.mark.parametrize("step", range(_steps([])))
def test_a_kill_at_any_step_of_a_delivery_tells_it_once_or_twice_and_buries_nothing(step):
    world = served(message(), fate=KillAt(step))
    assert 1 <= world.told.copies["event-1#sec-all#1"] <= 1 + world.kills
    assert not dead(world)


@pytest.mark.parametrize("step", range(_steps(["invalid_blocks"])))
def test_a_kill_at_any_step_of_a_burial_leaves_one_of_delivered_and_dead(step):
    world = served(message(), fate=KillAt(step, answers=["invalid_blocks"]))
    delivered = world.told.copies["event-1#sec-all#1"]
    instead = world.told.copies["event-1#sec-all#1#instead"]
    assert bool(delivered) is not bool(dead(world))
    assert bool(instead) is bool(dead(world))
    assert delivered <= 1
    assert instead <= 1 + world.kills


def test_broken_settings_are_counted_and_what_waits_goes_to_the_hubs_topic():
    world = World(Script(), settings=emergency_settings())
    world.deliver = replace(world.deliver, configuration_error="policy.yaml: is not there")
    put(world, message(1), message(2, "alerts"))
    world.run()
    assert world.told.order["alerts"] == ["event-2#alerts#1", "event-1#sec-all#1#instead"]
    assert world.counts.counted[metrics.CONFIGURATION_ERRORS] >= 1
