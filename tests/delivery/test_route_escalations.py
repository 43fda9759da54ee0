"""Routes that escalate: an alert that nobody closed or acknowledged goes to a further destination, once."""

import pytest
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.alerts.routing import escalating_routes
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.delivery.escalations import DeliveryDeadlines, Escalations
from gatewatch.delivery.ledger import DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.delivery.route_escalations import RouteEscalations, stop_escalations
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.wire import decode_message
from gatewatch.handlers.escalate import EscalateHandler
from gatewatch.model.message import FallbackReason
from gatewatch.model.severity import Severity
from support.tables import create_table
from support.threads import RDP, SSH, alert

ARRIVED = 1_769_212_800.0
POLICY = """
destinations:
  room: {kind: slack_webhook, url: {ssm: /a}}
  second: {kind: slack_webhook, url: {ssm: /b}}
  pager: {kind: pagerduty, routing_key: {ssm: /c}}
routes:
  - {match: {min_severity: high}, to: [room, second], escalate: {after: 15m, to: pager, unless: acknowledged}}
  - {match: {min_severity: critical}, to: [second], escalate: {after: 1h, to: alerts}}
  - {to: [room]}
"""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    with mock_aws():
        client = Aws().dynamodb
        create_table(client, "t")
        yield Hub(HubTable(client, "t"), tmp_path)


class Hub:
    """functions/alert, functions/deliver and functions/escalate with one table; `sent` is what was escalated."""

    def __init__(self, table, folder):
        (folder / "accounts.yaml").write_text("{}", "utf-8")
        (folder / "policy.yaml").write_text(POLICY, "utf-8")
        self.settings = load_settings(folder / "accounts.yaml", folder / "policy.yaml")
        self.ledger, self.threads = Ledger(table), ThreadStore(table)
        self.escalations, self.sent = Escalations(table), []
        self.routes = RouteEscalations(self.escalations, self, self.settings)

    def alert(self, name, severity=Severity.HIGH, at=0.0, **exposures):
        """Route an alert, deliver it at once and schedule its escalations; return its notification."""
        names = ("room", "second") if severity.rank >= Severity.HIGH.rank else ("room",)
        messages = [alert(name, severity, at=ARRIVED + at, destination=each, **exposures) for each in names]
        notification = messages[0].notification
        for message in messages:
            self.ledger.write(part_key(message.key, 1), LedgerEntry(DeliveryState.DELIVERED))
            if change := notification.exposure_change:
                self.threads.record_change(message.destination, change.group_key, message.key, change)
        self.routes.schedule(escalating_routes(notification.alert, self.settings), messages, ARRIVED + at)
        return notification

    def escalate(self, minutes):
        """Run functions/escalate so many minutes after the arrival; return targets and reasons."""
        before = len(self.sent)
        now = ARRIVED + 60 * minutes
        EscalateHandler(self.escalations, self.ledger, self, lambda: now, self, self, self.threads).run()
        return [(each.destination, each.notification.key) for each in self.sent[before:]]

    def put_entries(self, entries):
        self.sent.extend(decode_message(each.body) for each in entries)

    def warning(self, _text, *, extra):
        assert extra["reason"] == "unattended"

    def count(self, _name, _value=1):
        pass


def test_an_alert_that_nobody_attends_to_goes_to_the_next_destination_once(hub):
    hub.alert("1", opened=(SSH,))
    assert hub.escalate(14) == []
    assert hub.escalate(15) == [("pager", "1")]
    assert hub.escalate(16) == []
    (sent,) = hub.sent
    assert (sent.fallback_for, sent.fallback_reason) == ("room", FallbackReason.UNATTENDED)


def test_every_route_escalates_by_its_own_time(hub):
    hub.alert("1", Severity.CRITICAL, opened=(SSH,))
    assert hub.escalate(15) == [("pager", "1")]
    assert hub.escalate(59) == []
    assert hub.escalate(60) == [("alerts", "1")]


def test_an_alert_that_no_escalating_route_matches_is_not_escalated(hub):
    hub.alert("1", Severity.MEDIUM, opened=(SSH,))
    assert hub.escalate(24 * 60) == []


def test_closing_stops_the_escalations(hub):
    hub.alert("1", opened=(SSH,))
    change = alert("2", at=ARRIVED + 600, destination="room", closed=(SSH,)).notification.exposure_change
    for name in hub.settings.updated_destinations:
        hub.threads.record_change(name, change.group_key, f"2#{name}", change)
    assert hub.escalate(15) == []
    assert list(hub.escalations.due(ARRIVED + 24 * 3600)) == []


def test_closing_a_part_does_not_stop_it(hub):
    hub.alert("1", opened=(SSH, RDP))
    hub.alert("2", Severity.INFO, at=600, closed=(SSH,))
    assert hub.escalate(15) == [("pager", "1")]


def test_closing_another_group_does_not_stop_it(hub):
    hub.alert("1", opened=(SSH,))
    hub.alert("2", Severity.INFO, at=600, closed=(SSH,), group_key="1/eu-west-1/sg-2")
    assert hub.escalate(15) == [("pager", "1")]


def test_an_alert_about_nothing_that_can_be_closed_is_escalated(hub):
    hub.alert("1")
    assert hub.escalate(15) == [("pager", "1")]


def test_an_acknowledgement_cancels_every_escalation_of_the_alert_and_of_no_other(hub):
    acknowledged = hub.alert("1", Severity.CRITICAL, opened=(SSH,))
    hub.alert("2", opened=(RDP,))
    hub.routes.cancel(acknowledged)
    assert hub.escalate(120) == [("pager", "2")]
    hub.routes.cancel(acknowledged)


def test_a_person_who_takes_care_stops_the_escalation_of_a_late_delivery_too(hub):
    notification = hub.alert("1", Severity.CRITICAL, opened=(SSH,))
    late = alert("1", Severity.CRITICAL, at=ARRIVED, destination="room", opened=(SSH,))
    DeliveryDeadlines(hub.escalations, hub, hub.settings).watch([late], ARRIVED)
    stop_escalations(notification, hub.escalations, hub, hub.settings)
    assert list(hub.escalations.due(ARRIVED + 24 * 3600)) == []


def test_an_escalation_of_another_release_is_sent_and_stops_no_other(hub):
    hub.alert("1", opened=(SSH,))
    hub.alert("2", opened=(RDP,), group_key="1/eu-west-1/sg-2")
    (first, _) = hub.escalations.due(ARRIVED + 900)
    hub.escalations.remove([first])
    hub.escalations.schedule(replace(first, entry=replace(first.entry, body="9:x")))
    bodies = []
    hub.put_entries = lambda entries: bodies.extend(each.body for each in entries)
    hub.escalate(15)
    assert len(bodies) == 2
    assert "9:x" in bodies


def test_an_alert_that_only_closes_something_is_not_escalated(hub):
    hub.alert("1", Severity.HIGH, closed=(SSH,))
    assert hub.escalate(120) == []


def test_an_alert_that_opens_and_closes_is_escalated(hub):
    hub.alert("1", Severity.HIGH, opened=(SSH,), closed=(RDP,))
    assert hub.escalate(15) == [("pager", "1")]


def test_an_event_that_arrives_twice_is_escalated_once(hub):
    hub.alert("1", opened=(SSH,))
    hub.alert("1", opened=(SSH,))
    assert hub.escalate(15) == [("pager", "1")]


def test_the_first_destination_is_shown_closings_that_no_route_has(hub):
    assert set(hub.settings.updated_destinations) == {"room", "second", "pager"}
