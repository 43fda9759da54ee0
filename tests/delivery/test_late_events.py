"""What a late event does to an earlier notice that its change had no event."""

import json

import msgspec
import pytest

from gatewatch.config.destinations import PagerDuty, SecretRef
from gatewatch.errors import TransientDeliveryError
from gatewatch.model.message import OutboxMessage
from gatewatch.model.notification import NoticeKind, OperatorNotice, Sentence
from gatewatch.model.severity import Severity
from gatewatch.rendering.pagerduty import IncidentRenderer
from gatewatch.rendering.presentation import Presentation
from support.rendering import LOADED
from support.threads import GREEN, WEBHOOK, Deliveries

PAGER = PagerDuty(routing_key=SecretRef(ssm="/key"))
NAMES = {"account": "payments-prod 111122223333", "region": "eu-west-1"}
BY = {"time": "2026-01-24 05:00 UTC", "minutes": "75", "call": "AuthorizeSecurityGroupIngress", "person": "<@U1>"}
REPORT = OutboxMessage(
    destination="sec-app",
    notification=OperatorNotice(
        key="silent-change-1",
        kind=NoticeKind.DIFFERENT,
        severity=Severity.CRITICAL,
        title=Sentence("silent_change_title", NAMES),
        paragraphs=((Sentence("silent_change"),),),
        language="en",
        subjects=2,
    ),
)


def correction(*rule_ids, number=1):
    line = Sentence("late_event_resolved", {"text": "tcp 22 from 0.0.0.0/0", "group": "web", **BY})
    return OutboxMessage(
        destination="sec-app",
        notification=OperatorNotice(
            key=f"late-event-{number}",
            kind=NoticeKind.RESOLVED,
            severity=Severity.INFO,
            title=Sentence("late_event_title", NAMES),
            paragraphs=((Sentence("late_event_arrived", BY),),),
            language="en",
            parent_key="silent-change-1#sec-app",
            resolves=dict.fromkeys(rule_ids, line),
        ),
    )


def text(channel, name="silent-change-1"):
    return json.dumps(channel.of(name), ensure_ascii=False)


def test_the_notice_names_the_caller_of_each_late_event_and_is_answered_in_its_thread():
    channel = Deliveries().post(REPORT, correction("sgr-1"))
    assert "the event arrived at 2026-01-24 05:00 UTC, 75 min late" in text(channel)
    assert "<@U1>" not in text(channel)
    assert channel.thread("late-event-1") == "silent-change-1"
    assert channel.color("silent-change-1") != GREEN
    assert "Explained" not in text(channel)


def test_when_everything_is_explained_the_notice_says_so_and_is_green():
    channel = Deliveries().post(REPORT, correction("sgr-1"), correction("sgr-2", number=2))
    assert "✅ Explained · Changed without an event" in text(channel)
    assert channel.color("silent-change-1") == GREEN


def test_the_same_rule_twice_explains_one():
    channel = Deliveries().post(REPORT, correction("sgr-1"), correction("sgr-1", number=2))
    assert channel.color("silent-change-1") != GREEN


def test_a_repeated_correction_changes_nothing():
    deliveries = Deliveries()
    channel = deliveries.post(REPORT, correction("sgr-1"))
    before = text(channel)
    deliveries.post(correction("sgr-1"))
    assert text(channel) == before


def test_many_late_events_fit_the_notice():
    many = msgspec.structs.replace(REPORT.notification, subjects=300)
    report = msgspec.structs.replace(REPORT, notification=many)
    channel = Deliveries().post(report, correction(*(f"sgr-{each}" for each in range(300))))
    assert "… and 280 more" in text(channel)
    assert channel.color("silent-change-1") == GREEN


def test_a_correction_of_a_notice_that_nobody_got_stands_alone():
    channel = Deliveries().post(correction("sgr-1"))
    assert channel.thread("late-event-1") == ""


def test_a_correction_waits_for_a_notice_that_is_being_posted():
    deliveries = Deliveries()
    row = {"pk": {"S": "delivered#silent-change-1#sec-app#1"}, "state": {"S": "started"}, "posting_since": {"N": "990"}}
    deliveries.table.rows[row["pk"]["S"]] = row
    with pytest.raises(TransientDeliveryError):
        deliveries.post(correction("sgr-1"))


def test_a_webhook_of_slack_gets_the_correction_as_a_message():
    channel = Deliveries(WEBHOOK).post(REPORT, correction("sgr-1"))
    assert channel.names() == ["silent-change-1", "late-event-1"]


class Pager(Deliveries):
    """Keeps the events of PagerDuty instead of posts."""

    def __init__(self):
        super().__init__(PAGER)
        self.events, post = [], self.channel.post

        def render(content, presentation, destination, thread_ts=""):
            self.events += IncidentRenderer(LOADED).render(content, presentation)
            return post(content, presentation, destination, thread_ts)

        self.channel.post = render


def test_the_incident_of_a_notice_is_resolved_when_everything_is_explained():
    pager = Pager()
    pager.post(REPORT, correction("sgr-1"))
    assert [each.event_action for each in pager.events] == ["trigger"]
    pager.post(correction("sgr-2", number=2))
    assert [each.event_action for each in pager.events] == ["trigger", "resolve"]
    assert len({each.dedup_key for each in pager.events}) == 1


def test_presentation_without_an_ended_notice_resolves_nothing():
    assert IncidentRenderer(LOADED).render(correction("sgr-1"), Presentation()) == ()
