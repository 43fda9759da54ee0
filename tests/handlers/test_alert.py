"""From the events queue to the outbox, between fakes that keep SQS's rules."""

import json

import pytest

from chaos.fate import KillAt, Script, throttled
from chaos.story import BROKEN, Arrival
from chaos.world import World
from gatewatch.aws import metrics
from gatewatch.errors import RenderError


def event(build, number=1, *permissions, **fields):
    record = build.authorize(*(permissions or [build.item(v4=["0.0.0.0/0"])]), eventID=f"event-{number}", **fields)
    return json.dumps(build.event(record))


def arrived(*bodies, fate=None, alert=None):
    """A world in which only functions/alert runs."""
    world = World(fate or Script())
    world.deliver = Idle(world)
    if alert:
        alert(world)
    world.arrive([Arrival(0, body, "event") for body in bodies])
    for _ in range(40):
        world.run(until=world.clock.now + 1)
        world.clock.sleep(180)
    return world


class Idle:
    def __init__(self, world):
        self.world = world

    def handle(self, event, _time_left):
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def outbox(world):
    return [json.loads(body) for group in world.outbox.accepted.values() for body in group]


def keys(world):
    return {message["key"] for message in outbox(world)}


def letters(world):
    return [(sent.body, sent.attributes.get("reason")) for sent in world.events_dead.messages.values()]


def test_an_event_becomes_a_message_for_each_destination(build):
    world = arrived(event(build, recipientAccountId="100000000002"))
    assert keys(world) == {f"event-1#{name}#1" for name in ("sec-all", "sec-prod", "oncall", "alerts")}
    assert {message["account_id"] for message in outbox(world)} == {"100000000002"}
    assert world.counts.counted[metrics.EVENTS_RECEIVED] == 1
    assert world.counts.counted[metrics.CHANGES] == 1
    assert world.counts.counted["AlertsCritical"] == 1
    assert not world.events.messages


@pytest.mark.parametrize("body", BROKEN)
def test_a_poison_event_is_told_and_kept_and_its_neighbours_are_unharmed(build, body):
    world = arrived(event(build, 1), body, event(build, 2))
    ((kept, reason),) = letters(world)
    assert kept == body
    assert reason
    (notice,) = [message for message in outbox(world) if message["key"].startswith("unreadable-")]
    assert notice["destination"] == "sec-all"
    shown = json.loads(notice["body"])["attachments"][0]
    assert shown["fallback"] == "🔴 An event could not be read"
    (letter,) = world.events_dead.messages.values()
    assert f"gatewatch dead-letters show {letter.attributes['message_id']}" in notice["body"]
    assert "events-dlq" in notice["body"]
    assert {"event-1#sec-all#1", "event-2#sec-all#1"} <= keys(world)
    assert world.counts.counted[metrics.DEAD_LETTERED] == 1


def test_what_a_notice_quotes_of_a_poison_event_is_harmless():
    world = arrived("<!channel> `code` \x1b[31m " + "x" * 10_000)
    (notice,) = outbox(world)
    assert "<!channel>" not in notice["body"]
    assert "\\u001b" not in notice["body"]
    assert len(notice["body"]) < 4000


def test_in_a_body_of_several_records_one_bad_one_does_not_silence_the_others(build):
    records = [json.loads(event(build, number))["detail"] for number in (1, 2)]
    world = arrived(json.dumps({"Records": [records[0], 7, records[1]]}))
    assert {"event-1#sec-all#1", "event-2#sec-all#1"} <= keys(world)
    assert [reason for _, reason in letters(world)] == ["event.Records[1]: is a number, not an object or an array"]


def test_an_event_of_another_family_is_read_and_not_told(build):
    created = build.event({}, source="aws.s3") | {"detail-type": "Object Created"}
    world = arrived(json.dumps(build.event(build.record("RunInstances"))), json.dumps(created))
    assert not outbox(world)
    assert not letters(world)
    assert not world.events.messages


def test_an_outbox_that_does_not_take_them_brings_the_event_again(build):
    faults = {("outbox.send", number): throttled("outbox.send") for number in (1, 2)}
    world = arrived(event(build), fate=Script(faults))
    assert "event-1#sec-all#1" in keys(world)
    assert not letters(world)


def test_an_outbox_that_never_takes_them_ends_in_the_dead_letter_queue_with_the_reason(build):
    world = arrived(event(build), fate=Script({("outbox.send", "always"): throttled("outbox.send")}))
    assert letters(world) == [(event(build), "not processed in 5 attempts: the outbox cannot be written: ClientError")]
    assert world.counts.counted[metrics.EVENTS_RECEIVED] == 5


def test_a_dead_letter_queue_that_does_not_take_it_leaves_the_event_where_it_is():
    faults = {("dead.keep", number): throttled("dead.keep") for number in (1, 2, 3)}
    world = arrived("no JSON", fate=Script(faults))
    assert len(letters(world)) == 1
    assert len({message["key"] for message in outbox(world)}) == 1


class RecordingActivity:
    """An activity log that records how many messages were in the outbox before each alert."""

    def __init__(self, world):
        self.world, self.recorded = world, []

    def record(self, alert, _suppressed):
        self.recorded.append((alert.call.event_id, len(outbox(self.world))))


def with_activity(world):
    world.alert = type(world.alert)(**vars(world.alert) | {"activity": RecordingActivity(world)})


def test_an_alert_is_recorded_after_its_messages_are_in_the_outbox(build):
    fate = Script({("outbox.send", 1): throttled("outbox.send")})
    world = arrived(event(build, 1), event(build, 2), fate=fate, alert=with_activity)
    assert world.alert.activity.recorded == [("event-2", 2), ("event-1", 4)]


class Broken:
    """A rule history that raises an error."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, _name):
        raise self.error


def with_bug(error):
    def put(world):
        pipeline = world.alert.pipeline
        broken = type(pipeline)(pipeline.settings, Broken(error), pipeline.templates)
        world.alert = type(world.alert)(**vars(world.alert) | {"pipeline": broken})

    return put


def test_a_bug_of_ours_is_tried_three_times_and_then_told_without_its_text(build):
    answer = build.rule_set(build.response_rule(cidrIpv4="0.0.0.0/0"))
    world = arrived(event(build, response=answer), alert=with_bug(ZeroDivisionError("sEcReT")))
    assert [reason for _, reason in letters(world)] == ["gatewatch failed on it: ZeroDivisionError"]
    assert world.counts.counted[metrics.EVENTS_RECEIVED] == 3
    (notice,) = outbox(world)
    assert "sEcReT" not in notice["body"]


def test_a_message_that_slack_would_refuse_is_told_at_once(build):
    answer = build.rule_set(build.response_rule(cidrIpv4="0.0.0.0/0"))
    world = arrived(event(build, response=answer), alert=with_bug(RenderError("too many blocks")))
    assert [reason for _, reason in letters(world)] == ["too many blocks"]
    assert world.counts.counted[metrics.EVENTS_RECEIVED] == 1


def test_a_duplicate_is_one_message_for_the_outbox_within_minutes_and_for_the_ledger_after(build):
    world = World(Script())
    world.arrive([Arrival(at, event(build), "event") for at in (0, 10, 400)])
    world.run()
    assert world.told.copies["event-1#sec-all#1"] == 1
    assert len(world.outbox.accepted["sec-all"]) == 2


def test_two_records_of_one_action_are_one_message(build):
    first = event(build, 1, sharedEventID="shared")
    second = event(build, 2, sharedEventID="shared")
    world = World(Script())
    world.arrive([Arrival(at, body, "event") for at, body in ((0, first), (400, second))])
    world.run()
    assert world.told.copies["shared#sec-all#1"] == 1


def _steps(body):
    fate = KillAt()
    arrived(body, fate=fate)
    return len(fate.steps)


@pytest.mark.parametrize("step", range(_steps("no JSON")))
def test_a_kill_at_any_step_of_giving_up_keeps_it_and_tells_it_under_one_key(step):
    world = arrived("no JSON", fate=KillAt(step))
    assert 1 <= len(letters(world)) <= 1 + world.kills
    assert len(keys(world)) == 1


@pytest.mark.parametrize("step", range(4))
def test_a_kill_at_any_step_of_telling_loses_nothing(build, step):
    world = World(KillAt(step))
    world.arrive([Arrival(0, event(build), "event")])
    world.run()
    assert world.told.copies["event-1#sec-all#1"] == 1


def test_while_the_configuration_is_broken_every_message_says_so_and_every_event_counts(build):
    def broken(world):
        world.alert = type(world.alert)(**vars(world.alert) | {"banner": "The configuration cannot be read."})

    world = arrived(event(build, 1), event(build, 2), alert=broken)
    assert world.counts.counted[metrics.CONFIGURATION_ERRORS] == 2
    slack = [json.loads(each["body"]) for each in outbox(world) if each["destination"] != "alerts"]
    for message in slack:
        first = message["attachments"][0]["blocks"][0]
        assert first["elements"][0]["text"] == "⚠️ The configuration cannot be read."
    topic = [json.loads(each["body"]) for each in outbox(world) if each["destination"] == "alerts"]
    for message in topic:
        assert message["mail"].split("\n\n")[1] == "⚠️ The configuration cannot be read."
        assert message["chat"]["content"]["description"].startswith("⚠️ The configuration cannot be read.\n\n")
    assert slack
    assert topic


def test_the_log_names_event_and_account_and_holds_no_event(build):
    world = arrived(event(build), "no JSON <!here>")
    lines = [json.loads(line) for line in world.lines.lines]
    assert ("event-1", "111122223333") in {(line.get("event_id"), line.get("account_id")) for line in lines}
    assert not any("userIdentity" in line or "<!here>" in line for line in world.lines.lines)
