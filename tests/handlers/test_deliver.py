"""The delivery handler between fakes of SQS, DynamoDB, SNS and Slack, over a virtual clock."""

import json
import threading
from dataclasses import replace

import msgspec
import pytest

from chaos.clock import START
from chaos.faults import KillAt, Peace, Script, throttled
from chaos.harness import ROTATED, Harness
from chaos.queues import Sent
from gatewatch.aws import metrics
from gatewatch.config.settings import emergency_settings
from gatewatch.delivery.channels import Channels
from gatewatch.delivery.ledger import DeliveryState
from gatewatch.delivery.outbox import Outbox
from gatewatch.handlers.deliver import in_threads
from gatewatch.model.security_group import CidrPeer, PortRange, SecurityGroupRule, Traffic
from gatewatch.model.severity import Severity
from support.limits import GUARD_SECONDS
from support.threads import alert


def message(number=1, destination="sec-all", **facts):
    """A critical alert, which is never rolled up."""
    return alert(f"event-{number}", Severity.CRITICAL, destination=destination, **facts)


def put(harness, *messages):
    fate, harness.aws.sqs.fate = harness.aws.sqs.fate, Peace()
    Outbox(harness.aws.sqs, "outbox.fifo").put(messages)
    harness.aws.sqs.fate = fate


def served(*messages, fate=None, weather=None, **fields):
    harness = Harness(fate or Script(), weather, **fields)
    put(harness, *messages)
    harness.run()
    assert not harness.outbox.messages
    return harness


def state(harness, key):
    return DeliveryState(json.loads(harness.aws.dynamodb.rows[f"delivered#{key}"]["body"]["S"])["state"])


def channel_says(fault, *channels):
    return lambda _world, channel, _key: fault if channel in channels else None


def test_a_delivery_is_recorded_and_counted():
    harness = served(message(at=START - 30))
    assert harness.deliveries.copies == {"event-1#sec-all#1": 1}
    assert state(harness, "event-1#sec-all#1") is DeliveryState.DELIVERED
    assert harness.counts.counted[metrics.DELIVERED] == 1


def test_a_duplicate_is_skipped_and_counted():
    harness = served(message())
    harness.clock.sleep(301)
    put(harness, message())
    harness.run()
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1
    assert harness.counts.counted[metrics.DUPLICATES] == 1


def test_a_group_keeps_its_order_through_transient_errors():
    harness = served(
        *[message(number) for number in range(25)], fate=Script(answers=[None, "503", None, "429 with Retry-After 30"])
    )
    assert harness.deliveries.order["sec-all"] == [f"event-{number}#sec-all#1" for number in range(25)]


def test_after_a_failure_the_messages_of_its_group_wait_and_other_groups_do_not():
    def weather(harness, channel, _key):
        return "503" if channel == "sec-all" and harness.clock.now < START + 1000 else None

    harness = Harness(Script(), weather)
    put(harness, message(1), message(2), message(3, "sec-prod"), message(4, "sec-prod"))
    harness.run(until=START + 500)
    assert set(harness.deliveries.order) == {"sec-prod"}
    harness.run()
    assert harness.deliveries.order["sec-all"] == ["event-1#sec-all#1", "event-2#sec-all#1"]


def test_a_channel_gets_one_message_a_second():
    harness = served(*[message(number) for number in range(20)])
    assert harness.clock.now - START >= 19


def test_a_long_retry_after_is_waited_for_in_the_queue():
    harness = Harness(Script(answers=["429 with Retry-After 120"]))
    put(harness, message())
    harness.run(until=START + 119)
    assert not harness.deliveries.copies
    harness.run()
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1
    assert harness.clock.now - START == pytest.approx(120, abs=1)


def test_a_short_retry_after_needs_no_second_invocation():
    assert served(message(), fate=Script(answers=["429 with Retry-After 2"])).batches == 1


def test_without_time_left_every_message_is_returned_and_none_attempted():
    harness = Harness(Script())
    put(harness, message(1), message(2))
    records = [sent.record for sent in harness.outbox.receive()]
    answer = harness.deliver.handle({"Records": records}, lambda: 5.0)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == [each["messageId"] for each in records]
    assert not harness.deliveries.copies
    assert harness.outbox.next_time == harness.clock.now


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("invalid_blocks", "invalid_blocks"),
        ("channel_not_found", "channel_not_found"),
        ("no_service", "no_service"),
        ("redirect", "HTTP 302"),
    ],
)
def test_a_permanent_refusal_is_dead_lettered_and_sent_to_the_fallback(fault, reason):
    harness = served(message(), weather=channel_says(fault, "sec-all"))
    assert harness.dead_letters() == {"event-1#sec-all": reason}
    assert harness.deliveries.order["alerts"] == ["event-1#alerts#for-sec-all#1"]
    assert "delivery to sec-all failed" in harness.aws.sns.published[0]["Message"]
    assert state(harness, "event-1#sec-all#1") is DeliveryState.DEAD_LETTERED
    assert harness.counts.counted[metrics.DEAD_LETTERED] == 1


def test_the_fallback_of_a_destination_may_be_another_channel():
    harness = served(message(1, "oncall"), weather=channel_says("no_service", "oncall"))
    assert harness.deliveries.order["sec-prod"] == ["event-1#sec-prod#for-oncall#1"]
    assert "delivery to `oncall` failed" in harness.deliveries.texts["event-1#sec-prod#for-oncall#1"][0]


def test_when_the_fallback_refuses_too_the_hub_topic_is_the_last_one():
    harness = served(message(1, "oncall"), weather=channel_says("no_service", "oncall", "sec-prod"))
    assert set(harness.dead_letters()) == {"event-1#oncall", "event-1#sec-prod#for-oncall"}
    assert harness.deliveries.order["alerts"] == ["event-1#alerts#for-oncall#1"]
    assert "delivery to oncall failed" in harness.aws.sns.published[0]["Message"]


def test_when_every_destination_refuses_each_message_is_dead_lettered_once():
    class RefusingTopic(Script):
        def strike(self, point, key):
            super().strike(point, key)
            if point == "sns.publish":
                refusal = throttled("sns.publish")
                refusal.response["Error"]["Code"] = "NotFound"
                raise refusal

    harness = served(
        message(1, "oncall"), fate=RefusingTopic(), weather=channel_says("no_service", "oncall", "sec-prod")
    )
    assert len(harness.dead_letters()) == 3
    assert not harness.deliveries.copies
    assert harness.batches == 3


def test_an_unknown_destination_is_a_permanent_refusal():
    harness = served(message(1, "renamed"))
    assert harness.dead_letters() == {"event-1#renamed": "policy.yaml has no destination renamed"}
    assert harness.deliveries.order["alerts"] == ["event-1#alerts#for-renamed#1"]


def test_a_channel_that_stays_down_is_given_up_after_four_hours_with_the_number_of_attempts():
    harness = served(message(1), message(2), weather=channel_says("503", "sec-all"))
    first, second = harness.dead_letters().values()
    assert first.startswith("given up after ")
    assert first.endswith(" attempts: HTTP 503")
    assert second.startswith("given up after ")
    assert 4 * 3600 <= harness.clock.now - START < 5 * 3600
    assert len(harness.deliveries.order["alerts"]) == 2


def test_a_channel_that_always_says_one_second_is_given_up_by_number_and_not_before_an_hour():
    harness = served(message(), weather=channel_says("429 with Retry-After 1", "sec-all"))
    assert harness.dead_letters() == {"event-1#sec-all": "given up after 150 attempts: rate_limited"}
    assert harness.clock.now - START > 3600


def test_waiting_in_a_long_queue_uses_up_no_attempts():
    harness = Harness(Script(answers=["503", "503", "503"]))
    put(harness, message())
    harness.clock.sleep(5 * 3600)
    harness.run()
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1
    assert not harness.dead_letters()


def test_an_undecodable_message_is_dead_lettered_with_a_notice():
    harness = Harness(Script())
    harness.outbox.send(Sent("garbage", START, START, group="sec-all"))
    put(harness, message())
    harness.run()
    (reason,) = [sent.attributes["reason"] for sent in harness.outbox_dlq.messages.values()]
    assert reason.startswith("outbox: holds no message")
    reported = [key for key in harness.deliveries.copies if key.startswith("unreadable-")]
    assert len(reported) == 1
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1


def test_an_unexpected_error_is_given_up_after_three_attempts():
    harness = Harness(Script())
    post = harness.deliver.threads.post

    def broken(content, *arguments):
        if content.key == "event-1#sec-all":
            raise ZeroDivisionError("never shown: sEcReT")
        return post(content, *arguments)

    harness.deliver.threads.post = broken
    put(harness, message(1), message(2))
    harness.run()
    assert harness.dead_letters() == {"event-1#sec-all": "gatewatch failed on it: ZeroDivisionError"}
    assert harness.deliveries.order["alerts"] == ["event-1#alerts#for-sec-all#1"]
    assert harness.deliveries.copies["event-2#sec-all#1"] == 1
    assert harness.clock.now - START < 60


def test_a_ledger_that_cannot_be_written_after_a_post_causes_no_duplicate():
    harness = Harness(
        Script({("ledger.write", 1): throttled("ledger.write"), ("ledger.write", 2): throttled("ledger.write")})
    )
    put(harness, message(1), message(2))
    harness.run()
    assert harness.deliveries.copies == {"event-1#sec-all#1": 1, "event-2#sec-all#1": 1}
    assert state(harness, "event-1#sec-all#1") is DeliveryState.DELIVERED


def test_a_ledger_that_cannot_be_read_delivers_nothing():
    faults = {("ledger.look", number): throttled("ledger.look") for number in range(1, 5)}
    harness = served(message(), fate=Script(faults))
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1
    assert harness.counts.counted[metrics.RETRIED] == 4


def test_a_visibility_timeout_that_cannot_be_changed_is_that_of_the_queue():
    faults = {("visibility.change", "always"): throttled("visibility.change")}
    harness = served(message(), fate=Script(faults, answers=["429 with Retry-After 60"]))
    assert harness.clock.now - START == pytest.approx(75, abs=1)
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1


def test_what_was_received_so_late_that_it_may_be_received_again_is_left_to_the_other_process():
    harness = Harness(Script())
    put(harness, message(1), message(2, "sec-prod"))
    records = [sent.record for sent in harness.outbox.receive()]
    harness.clock.sleep(76)
    put(harness, message(3, "oncall"))
    others = [sent.record for sent in harness.outbox.receive()]
    assert {each["messageId"] for each in records} < {each["messageId"] for each in others}
    answer = harness.deliver.handle({"Records": [*records, others[-1]]}, lambda: 60.0)
    assert answer == {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in records]}
    assert harness.deliveries.copies == {"event-3#oncall#1": 1}
    assert harness.deliver.handle({"Records": others[:2]}, lambda: 60.0) == {"batchItemFailures": []}
    assert harness.deliveries.copies.total() == 3


def test_a_rotated_secret_loses_no_message():
    harness = Harness(Script())
    put(harness, message(1, "sec-prod"), message(2, "payments"))
    harness.run()
    harness.rotate()
    put(harness, message(3, "sec-prod"), message(4, "payments"))
    harness.run()
    assert sum(harness.deliveries.copies.values()) == 4
    assert set(harness.secrets.values()) >= set(ROTATED.values())


def test_groups_are_handled_concurrently():
    together = threading.Barrier(3)

    def work(group):
        together.wait(GUARD_SECONDS)
        return list(group)

    assert in_threads(work, [["1"], ["2", "3"], []]) == [["1"], ["2", "3"], []]
    assert in_threads(work, []) == []


def _steps(answers):
    fate = KillAt(answers=answers)
    served(message(), fate=fate)
    return len(fate.steps)


@pytest.mark.parametrize("step", range(_steps([])))
def test_a_kill_at_any_step_of_a_delivery_delivers_once_or_twice(step):
    harness = served(message(), fate=KillAt(step))
    assert 1 <= harness.deliveries.copies["event-1#sec-all#1"] <= 1 + harness.kills
    assert not harness.dead_letters()


@pytest.mark.parametrize("step", range(_steps(["invalid_blocks"])))
def test_a_kill_at_any_step_of_giving_up_leaves_one_of_delivered_and_dead_lettered(step):
    harness = served(message(), fate=KillAt(step, answers=["invalid_blocks"]))
    delivered = harness.deliveries.copies["event-1#sec-all#1"]
    instead = harness.deliveries.copies["event-1#alerts#for-sec-all#1"]
    assert bool(delivered) is not bool(harness.dead_letters())
    assert bool(instead) is bool(harness.dead_letters())
    assert delivered <= 1
    assert instead <= 1 + harness.kills


def test_an_invalid_configuration_is_counted_and_waiting_messages_go_to_the_hub_topic():
    harness = Harness(Script(), settings=emergency_settings())
    harness.deliver = replace(harness.deliver, configuration_error="policy.yaml: is not there")
    put(harness, message(1), message(2, "alerts"))
    harness.run()
    assert harness.deliveries.order["alerts"] == ["event-2#alerts#1", "event-1#alerts#for-sec-all#1"]
    assert harness.counts.counted[metrics.CONFIGURATION_ERRORS] >= 1


def many_rules(count, **facts):
    """A message of an alert with so many rules, in the order of the call."""
    peers = [f"10.0.{number // 250}.{number % 250}/32" for number in range(count)]
    rules = [SecurityGroupRule(traffic=Traffic("tcp", PortRange(22, 22)), peer=CidrPeer(peer)) for peer in peers]
    given = message(**facts)
    (assessed,) = given.notification.alert.changes
    changes = tuple(
        msgspec.structs.replace(assessed, change=msgspec.structs.replace(assessed.change, rule=rule)) for rule in rules
    )
    changed = msgspec.structs.replace(given.notification.alert, changes=changes)
    return msgspec.structs.replace(given, notification=msgspec.structs.replace(given.notification, alert=changed))


PARTS = [f"event-1#sec-all#{number}" for number in (1, 2, 3)]


def test_the_parts_of_a_message_are_posted_in_order_and_recorded_each():
    harness = served(many_rules(200), message(2))
    assert harness.deliveries.order["sec-all"] == [*PARTS, "event-2#sec-all#1"]
    assert {state(harness, part) for part in PARTS} == {DeliveryState.DELIVERED}


def test_a_retry_posts_only_the_parts_that_are_missing():
    harness = served(many_rules(200), fate=Script(answers=[None, "503", "503", "503"]))
    assert harness.deliveries.order["sec-all"] == PARTS
    assert harness.batches == 2


def test_a_newer_release_continues_the_stored_cut():
    harness = Harness(Script(answers=[None, "503", "503", "503"]))
    put(harness, many_rules(200))
    harness.run(until=START + 4)
    assert harness.deliveries.order["sec-all"] == PARTS[:1]
    channels = harness.deliver.channels
    harness.deliver = replace(harness.deliver, channels=NewerChannels(**msgspec.structs.asdict(channels)))
    harness.run()
    assert harness.deliveries.order["sec-all"] == PARTS
    texts = [harness.deliveries.texts[part][0] for part in PARTS]
    assert [sum(text.count(f"10.0.0.{number}/32`") for text in texts) for number in range(200)] == [1] * 200


class NewerChannels(Channels):
    def cut(self, _message, _destination):
        return (1, 200)


def test_a_part_that_is_refused_sends_the_whole_message_to_the_fallback():
    harness = served(many_rules(200), fate=Script(answers=[None, "invalid_blocks"]))
    assert harness.dead_letters() == {"event-1#sec-all": "invalid_blocks"}
    assert [state(harness, part) for part in PARTS[:2]] == [DeliveryState.DELIVERED, DeliveryState.DEAD_LETTERED]
    assert PARTS[2] not in harness.deliveries.copies
    assert harness.deliveries.copies["event-1#alerts#for-sec-all#1"] == 1


def test_a_message_shows_five_parts_and_counts_the_rules_that_are_left_out():
    harness = served(many_rules(2000))
    posts = harness.deliveries.order["sec-all"]
    assert len(posts) == 5
    last = harness.deliveries.texts[posts[-1]][0]
    assert "more changes are not shown (Critical " in last


@pytest.mark.parametrize("step", range(12))
def test_a_kill_at_any_step_of_a_message_in_parts_delivers_every_part_once_or_twice(step):
    harness = served(many_rules(120), fate=KillAt(step))
    assert all(1 <= harness.deliveries.copies[part] <= 1 + harness.kills for part in PARTS[:2])
    assert not harness.dead_letters()
