"""The alert handler between fakes of SQS: events queue to outbox."""

import dataclasses
import json

import pytest
from msgspec.structs import replace

from chaos.clock import START
from chaos.faults import KillAt, Script, throttled
from chaos.harness import Harness
from chaos.scenario import BROKEN, Arrival
from gatewatch.alerts.silent_changes import SilentChange
from gatewatch.aws import metrics
from gatewatch.aws.hub_table import HubTableError
from gatewatch.config.destinations import Match, Route, RouteEscalation
from gatewatch.config.languages import LANGUAGES
from gatewatch.delivery.wire import decode_message
from gatewatch.model.notification import NoticeKind
from gatewatch.model.security_group import Group, SecurityGroupRule
from gatewatch.model.severity import Severity
from support.rendering import SLACK, SNS


def event(build, number=1, *permissions, **fields):
    record = build.authorize(*(permissions or [build.item(v4=["0.0.0.0/0"])]), eventID=f"event-{number}", **fields)
    return json.dumps(build.event(record))


def arrived(*bodies, fate=None, alert=None):
    """A harness in which only functions/alert runs."""
    harness = Harness(fate or Script())
    harness.deliver = harness.escalate = Idle(harness)
    if alert:
        alert(harness)
    harness.arrive([Arrival(0, body, "event") for body in bodies])
    for _ in range(40):
        harness.run(until=harness.clock.now + 1)
        harness.clock.sleep(180)
    return harness


class Idle:
    def __init__(self, harness):
        self.harness = harness

    def run(self):
        """Escalates nothing."""

    def handle(self, event, _time_left):
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}


def outbox(harness):
    return [decode_message(body) for group in harness.outbox.accepted.values() for body in group]


def keys(harness):
    return {message.key for message in outbox(harness)}


def dead_letters(harness):
    return [(sent.body, sent.attributes.get("reason")) for sent in harness.events_dlq.messages.values()]


def test_an_event_becomes_a_message_for_each_destination(build):
    harness = arrived(event(build, recipientAccountId="100000000002"))
    assert keys(harness) == {f"event-1#{name}" for name in ("sec-all", "sec-prod", "oncall", "alerts")}
    assert {message.notification.account_id for message in outbox(harness)} == {"100000000002"}
    assert harness.counts.counted[metrics.EVENTS_RECEIVED] == 1
    assert harness.counts.counted[metrics.CHANGES] == 1
    assert harness.counts.counted["AlertsCritical"] == 1
    assert not harness.events.messages


def test_the_delivery_of_every_message_is_watched_from_the_arrival_of_its_event(build):
    watched = []

    def watching(harness):
        fields = {"watch": lambda messages, at: watched.extend((each.key, at) for each in messages)}
        harness.alert = type(harness.alert)(**vars(harness.alert) | fields)

    harness = arrived(event(build, recipientAccountId="100000000002"), "no JSON", alert=watching)
    assert {key for key, _ in watched} == keys(harness)
    assert {at for _, at in watched} == {START}


def test_an_alert_is_escalated_by_the_routes_that_it_matches(build):
    escalated = []
    high = Route(to=("sec-all",), match=Match(min_severity=Severity.HIGH), escalate=RouteEscalation("15m", "alerts"))
    other = Route(to=("sec-all",), match=Match(account="1"), escalate=RouteEscalation("1h", "alerts"))

    def escalating(harness):
        settings = replace(harness.alert.pipeline.settings, routes=(high, other, Route(to=("sec-all",))))
        pipeline = replace(harness.alert.pipeline, settings=settings)
        fields = {"pipeline": pipeline, "escalate": lambda *planned: escalated.append(planned)}
        harness.alert = dataclasses.replace(harness.alert, **fields)

    low = event(build, 2, build.item(v4=["10.0.0.0/32"]))
    arrived(event(build, 1), low, alert=escalating)
    assert [(routes, {each.notification.key for each in sent}, at) for routes, sent, at in escalated] == [
        ((high,), {"event-1"}, START),
        ((), {"event-2"}, START),
    ]


def test_an_info_alert_of_no_route_is_only_recorded(build):
    def without_info(harness):
        with_activity(harness)
        harness.lines.setLevel("WARNING")
        pipeline = harness.alert.pipeline
        routes = (Route(to=("sec-all",), match=Match(min_severity=Severity.LOW)),)
        only_low = replace(pipeline, settings=replace(pipeline.settings, routes=routes))
        harness.alert = type(harness.alert)(**vars(harness.alert) | {"pipeline": only_low})

    names = {"groupName": "web", "vpcId": "vpc-1"}
    created = build.record("CreateSecurityGroup", names, {"groupId": "sg-1"}, eventID="event-1")
    harness = arrived(json.dumps(build.event(created)), alert=without_info)
    assert not outbox(harness)
    assert harness.alert.activity.recorded == [("event-1", 0)]
    assert not harness.events.messages
    assert not dead_letters(harness)
    assert not harness.lines.lines, "no warning"


@pytest.mark.parametrize("body", BROKEN)
def test_an_unreadable_event_is_reported_and_dead_lettered_and_the_others_are_delivered(build, body):
    harness = arrived(event(build, 1), body, event(build, 2))
    ((kept, reason),) = dead_letters(harness)
    assert kept == body
    assert reason
    (notice,) = [message for message in outbox(harness) if message.key.startswith("unreadable-")]
    assert notice.destination == "sec-all"
    text = str(SLACK.render(notice))
    assert SLACK.render(notice)["attachments"][0]["fallback"] == "🔴 An event could not be read"
    (dead_letter,) = harness.events_dlq.messages.values()
    assert f"gatewatch dead-letters show {dead_letter.attributes['message_id']}" in text
    assert "events-dlq" in text
    assert {"event-1#sec-all", "event-2#sec-all"} <= keys(harness)
    assert harness.counts.counted[metrics.DEAD_LETTERED] == 1


def test_the_excerpt_of_an_unreadable_event_is_escaped():
    harness = arrived("<!channel> `code` \x1b[31m " + "x" * 10_000)
    (notice,) = outbox(harness)
    text = str(SLACK.render(notice))
    assert "<!channel>" not in text
    assert "\x1b" not in text
    assert len(text) < 4000


def test_an_unreadable_record_does_not_suppress_the_others_of_its_body(build):
    records = [json.loads(event(build, number))["detail"] for number in (1, 2)]
    harness = arrived(json.dumps({"Records": [records[0], 7, records[1]]}))
    assert {"event-1#sec-all", "event-2#sec-all"} <= keys(harness)
    ((_, reason),) = dead_letters(harness)
    assert reason == "event.Records[1]: is a number, not an object or an array"


def test_an_event_of_another_family_gives_no_message(build):
    created = build.event({}, source="aws.s3") | {"detail-type": "Object Created"}
    harness = arrived(json.dumps(build.event(build.record("StopInstances"))), json.dumps(created))
    assert not outbox(harness)
    assert not dead_letters(harness)
    assert not harness.events.messages


def test_an_event_is_retried_when_the_outbox_refuses_its_messages(build):
    faults = {("outbox.send", number): throttled("outbox.send") for number in (1, 2)}
    harness = arrived(event(build), fate=Script(faults))
    assert "event-1#sec-all" in keys(harness)
    assert not dead_letters(harness)


def test_an_event_is_dead_lettered_when_the_outbox_never_accepts_its_messages(build):
    harness = arrived(event(build), fate=Script({("outbox.send", "always"): throttled("outbox.send")}))
    assert dead_letters(harness) == [
        (event(build), "not processed in 15 attempts: the outbox cannot be written: ClientError")
    ]
    assert harness.counts.counted[metrics.EVENTS_RECEIVED] == 15


def test_an_event_stays_in_its_queue_while_the_dead_letter_queue_refuses_it():
    faults = {("dlq.put", number): throttled("dlq.put") for number in (1, 2, 3)}
    harness = arrived("no JSON", fate=Script(faults))
    assert len(dead_letters(harness)) == 1
    assert len({message.key for message in outbox(harness)}) == 1


class RecordingActivity:
    """An activity log that records how many messages were in the outbox before each alert."""

    def __init__(self, harness):
        self.harness, self.recorded = harness, []

    def record(self, alert, _suppressed):
        self.recorded.append((alert.call.event_id, len(outbox(self.harness))))


def with_activity(harness):
    harness.alert = type(harness.alert)(**vars(harness.alert) | {"activity": RecordingActivity(harness)})


def test_an_alert_is_recorded_after_its_messages_are_in_the_outbox(build):
    fate = Script({("outbox.send", 1): throttled("outbox.send")})
    harness = arrived(event(build, 1), event(build, 2), fate=fate, alert=with_activity)
    assert harness.alert.activity.recorded == [("event-2", 2), ("event-1", 4)]


class Broken:
    """A rule history that raises an error."""

    def __init__(self, error):
        self.error = error

    def __getattr__(self, _name):
        raise self.error


def with_bug(error):
    def put(harness):
        pipeline = harness.alert.pipeline
        broken = type(pipeline)(pipeline.settings, Broken(error))
        harness.alert = type(harness.alert)(**vars(harness.alert) | {"pipeline": broken})

    return put


def test_an_unexpected_error_is_reported_after_three_attempts_without_its_text(build):
    answer = build.rule_set(build.response_rule(cidrIpv4="0.0.0.0/0"))
    harness = arrived(event(build, response=answer), alert=with_bug(ZeroDivisionError("sEcReT")))
    assert [reason for _, reason in dead_letters(harness)] == ["gatewatch failed on it: ZeroDivisionError"]
    assert harness.counts.counted[metrics.EVENTS_RECEIVED] == 3
    (notice,) = outbox(harness)
    assert "sEcReT" not in str(notice)


def test_a_duplicate_event_is_delivered_once(build):
    harness = Harness(Script())
    harness.arrive([Arrival(at, event(build), "event") for at in (0, 10, 400)])
    harness.run()
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1
    assert len(harness.outbox.accepted["sec-all#critical"]) == 2


def test_two_records_of_one_action_are_one_message(build):
    first = event(build, 1, sharedEventID="shared")
    second = event(build, 2, sharedEventID="shared")
    harness = Harness(Script())
    harness.arrive([Arrival(at, body, "event") for at, body in ((0, first), (400, second))])
    harness.run()
    assert harness.deliveries.copies["shared#sec-all#1"] == 1


def _steps(body):
    fate = KillAt()
    arrived(body, fate=fate)
    return len(fate.steps)


@pytest.mark.parametrize("step", range(_steps("no JSON")))
def test_a_kill_at_any_step_of_giving_up_dead_letters_and_reports_the_event(step):
    harness = arrived("no JSON", fate=KillAt(step))
    assert 1 <= len(dead_letters(harness)) <= 1 + harness.kills
    assert len({message.key for message in outbox(harness) if not message.fallback_for}) == 1


@pytest.mark.parametrize("step", range(4))
def test_a_kill_at_any_step_loses_no_message(build, step):
    harness = Harness(KillAt(step))
    harness.arrive([Arrival(0, event(build), "event")])
    harness.run()
    assert harness.deliveries.copies["event-1#sec-all#1"] == 1


def test_while_the_configuration_is_invalid_every_message_shows_it_and_every_event_is_counted(build):
    def broken(harness):
        harness.alert = type(harness.alert)(**vars(harness.alert) | {"configuration_error": "policy.yaml: is missing."})

    harness = arrived(event(build, 1), event(build, 2), alert=broken)
    banner = "⚠️ The configuration is invalid, so every alert is sent here. policy.yaml: is missing."
    assert harness.counts.counted[metrics.CONFIGURATION_ERRORS] == 2
    for message in outbox(harness):
        first = SLACK.render(message)["attachments"][0]["blocks"][0]
        assert first["elements"][0]["text"] == banner
        body = SNS.render(message)
        assert body.mail.split("\n\n")[1] == banner
        assert body.chat["content"]["description"].startswith(f"{banner}\n\n")
    assert len(outbox(harness)) > 1


REPORTED = SilentChange(
    region="eu-west-1",
    group=Group(id="sg-0aaaaaaaaaaaaaaa1", name="<!here> *web*"),
    rule=SecurityGroupRule(rule_id="sgr-1"),
    text="tcp 22 from 0.0.0.0/0",
    after=0.0,
    first_seen=0.0,
    notice="silent-change-1",
)


def explaining(**answers):
    """A handler to which the answers are given in turn; an exception is raised."""

    def change(harness):
        left = list(answers["answers"])

        def explained_by(_alert, arrived):
            assert arrived == START
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        harness.alert = dataclasses.replace(harness.alert, explained_by=explained_by)

    return change


def corrections(harness):
    return [each for each in outbox(harness) if each.notification.key.startswith("late-event-")]


def test_an_event_that_explains_a_report_says_so_and_corrects_it_wherever_it_was_sent(build):
    answers = [{"sgr-1": REPORTED, "sgr-2": replace(REPORTED, notice="silent-change-2"), "sgr-3": REPORTED}]
    harness = arrived(event(build), alert=explaining(answers=answers))
    settings = harness.alert.pipeline.settings
    sent = corrections(harness)
    assert {each.notification.parent_key for each in sent} == {
        f"silent-change-{number}#{name}" for number in (1, 2) for name in settings.default_destinations
    }
    first = next(each.notification for each in sent if each.notification.parent_key.startswith("silent-change-1#"))
    assert set(first.resolves) == {"sgr-1", "sgr-3"}
    assert (first.kind, first.severity) == (NoticeKind.RESOLVED, Severity.INFO)
    alert = next(each for each in outbox(harness) if each.notification.key == "event-1")
    assert alert.notification.explains == ("silent-change-1", "silent-change-2")
    text = json.dumps(SLACK.render(alert))
    assert "It explains what was reported as changed without an event (3)." in text
    assert harness.counts.counted[metrics.LATE_EVENTS] == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_correction_fits_slack_and_email_and_mentions_nobody(build, language):
    harness = arrived(event(build), alert=explaining(answers=[{f"sgr-{each}": REPORTED for each in range(30)}]))
    for each in corrections(harness):
        for parent_key in ("", "silent-change-1#sec-all"):
            notice = replace(each.notification, parent_key=parent_key, language=language)
            message = replace(each, notification=notice)
            assert "<!here>" not in json.dumps(SLACK.render(message))
            assert "tcp 22" in SNS.render(message).mail


def test_a_table_that_does_not_answer_holds_no_alert_back_and_the_report_is_corrected_later(build):
    error = HubTableError("a change without an event cannot be read", "Throttling")
    harness = arrived(event(build), alert=explaining(answers=[error, {"sgr-1": REPORTED}]))
    copies = [each for each in outbox(harness) if each.notification.key == "event-1"]
    assert len({each.key for each in copies}) == len(copies)
    assert copies[0].notification.explains == ()
    assert corrections(harness)
    assert dead_letters(harness) == []


def test_a_table_that_never_answers_leaves_the_event_in_the_dead_letter_queue(build):
    error = HubTableError("a change without an event cannot be read", "Throttling")
    harness = arrived(event(build), alert=explaining(answers=[error]))
    assert "event-1#sec-all" in keys(harness)
    ((_, reason),) = dead_letters(harness)
    assert "a change without an event cannot be read" in reason


def test_the_log_has_event_and_account_ids_and_no_event(build):
    harness = arrived(event(build), "no JSON <!here>")
    lines = [json.loads(line) for line in harness.lines.lines]
    assert ("event-1", "111122223333") in {(line.get("event_id"), line.get("account_id")) for line in lines}
    assert not any("userIdentity" in line or "<!here>" in line for line in harness.lines.lines)
