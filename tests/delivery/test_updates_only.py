"""What is closed is shown in the message of its opening, also when no route has the message of the closing."""

import json

import pytest

from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.destinations import PagerDuty, SecretRef
from gatewatch.config.settings import load_settings
from gatewatch.delivery.deferred import QuietHoursOutbox
from gatewatch.delivery.fallback import fallback_message
from gatewatch.delivery.outbox import message_group
from gatewatch.delivery.rollup import can_be_grouped
from gatewatch.delivery.wire import decode_message, encode_message
from gatewatch.events.decoding import decode, parse
from gatewatch.model.message import FallbackReason, OutboxMessage, Receipt
from gatewatch.model.severity import Severity
from gatewatch.rendering.pagerduty import IncidentRenderer
from support import builders
from support.rendering import LOADED
from support.threads import CLOSED, GREEN, OPENED, WEBHOOK, Channel, Deliveries, exposure

POLICY = """
destinations:
  room: {kind: slack_app, channel: C0123456789, token: {ssm: /token}, quiet: {from: "00:00", to: "23:59", below: high}}
  severe: {kind: slack_app, channel: C0123456780, token: {ssm: /token}}
  hook: {kind: slack_webhook, url: {ssm: /url}}
routes:
  - {match: {min_severity: low}, to: [room, hook]}
  - {match: {family: security_group, action: revoke}, to: [room, hook]}
  - {match: {min_severity: high}, to: [severe]}
"""
MUTED = """
exceptions:
  - {id: x, match: {actor: alice}, effect: mute, owner: a, reason: b, ticket: c, expires: 9999-12-31}
"""
DELETED = ("DeleteSecurityGroup", {"groupId": "sg-0aaaaaaaaaaaaaaa1"}, {"_return": True})
BLOCKED = (
    "PutBucketPublicAccessBlock",
    {
        "bucketName": "data",
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    },
    None,
)
POLICY_DELETED = ("DeleteBucketPolicy", {"bucketName": "data"}, None)


def result_of(folder, record, policy=POLICY):
    (folder / "accounts.yaml").write_text("{}", "utf-8")
    (folder / "policy.yaml").write_text(policy, "utf-8")
    settings = load_settings(folder / "accounts.yaml", folder / "policy.yaml")
    (call,) = decode(parse(json.dumps(builders.event(record))), "event")
    return run_pipeline(call, AlertPipeline(settings, InMemoryRuleHistory()))


def record_of(name, parameters, response, source="ec2.amazonaws.com"):
    return builders.record(name, parameters, response, eventSource=source)


def names(messages):
    return [each.destination for each in messages]


@pytest.mark.parametrize(
    "record",
    [
        record_of(*DELETED),
        record_of(*BLOCKED, "s3.amazonaws.com"),
        record_of(*POLICY_DELETED, "s3.amazonaws.com"),
    ],
    ids=["group deleted", "block switched on", "policy deleted"],
)
def test_a_closing_of_severity_info_goes_to_every_app_for_updates_alone(tmp_path, record):
    result = result_of(tmp_path, record)
    assert result.alert.severity is Severity.INFO
    assert names(result.messages) == []
    assert names(result.updates) == ["room", "severe"]
    assert all(each.updates_only for each in result.updates)


def test_an_app_that_gets_the_closing_as_a_message_gets_no_second_one(tmp_path):
    revoked = builders.revoke(builders.item(v4=["0.0.0.0/0"]))
    result = result_of(tmp_path, revoked)
    assert names(result.messages) == ["room", "hook"]
    assert names(result.updates) == ["severe"]


def test_a_muted_closing_is_shown_where_its_opening_was_reported(tmp_path):
    result = result_of(tmp_path, builders.revoke(builders.item(v4=["0.0.0.0/0"])), POLICY + MUTED)
    assert (result.suppressed, result.messages) == (1, ())
    assert names(result.updates) == ["room", "severe"]


@pytest.mark.parametrize(
    "record",
    [
        builders.authorize(builders.item(v4=["0.0.0.0/0"])),
        record_of("CreateSecurityGroup", {"groupName": "web", "vpcId": "vpc-1"}, {"groupId": "sg-1"}),
        {**record_of(*DELETED), "errorCode": "Client.UnauthorizedOperation", "errorMessage": "no"},
        {**record_of(*DELETED), "errorCode": "DependencyViolation", "errorMessage": "no"},
    ],
    ids=["opened", "neither", "refused", "failed"],
)
def test_nothing_else_causes_updates(tmp_path, record):
    assert result_of(tmp_path, record).updates == ()


def update_of(message):
    fields = {name: getattr(message, name) for name in ("destination", "notification")}
    return OutboxMessage(**fields, updates_only=True)


def test_an_update_edits_the_message_of_the_opening_and_posts_none():
    channel = Deliveries().post(OPENED, update_of(CLOSED))
    assert channel.names() == ["opened"]
    assert (channel.line("opened"), channel.color("opened")) == ("✅ Closed after 14 min by `alice`", GREEN)


def test_an_update_that_arrives_before_the_opening_is_shown_when_it_is_posted():
    channel = Deliveries().post(update_of(CLOSED), OPENED)
    assert channel.names() == ["opened"]
    assert channel.line("opened") == "✅ Closed after 14 min by `alice`"


def test_an_update_of_what_was_never_reported_does_nothing():
    channel = Deliveries().post(update_of(exposure("other", 60.0, closes_others=True)))
    assert channel.names() == []


def test_a_destination_without_updates_is_left_as_it_is():
    assert Deliveries(WEBHOOK).post(OPENED, update_of(CLOSED)).names() == ["opened"]


def test_an_update_is_neither_grouped_nor_deferred_and_has_no_fallback(tmp_path):
    update = update_of(CLOSED)
    assert decode_message(encode_message(update)) == update
    assert not can_be_grouped(update)
    result = result_of(tmp_path, record_of(*DELETED))
    settings = load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    assert fallback_message(result.updates[0], FallbackReason.REFUSED, settings) is None
    sent = []

    class Recorder:
        put = staticmethod(sent.extend)

    QuietHoursOutbox(Recorder(), lambda *_: True, settings, lambda: 0.0).put(result.updates)
    assert sent == list(result.updates)
    assert message_group(result.updates[0]) == "room"


PAGER = PagerDuty(routing_key=SecretRef(ssm="/key"))
WITH_PAGER = POLICY.replace("destinations:\n", "destinations:\n  pager: {kind: pagerduty, routing_key: {ssm: /key}}\n")


@pytest.mark.parametrize("policy", [WITH_PAGER, WITH_PAGER + MUTED], ids=["no route", "muted"])
def test_a_destination_that_keeps_incidents_gets_every_closing(tmp_path, policy):
    result = result_of(tmp_path, builders.revoke(builders.item(v4=["0.0.0.0/0"])), policy)
    assert "pager" in names(result.updates)
    assert "pager" not in names(result.messages)


class Incidents(Channel):
    """What PagerDuty is sent for each message."""

    def __init__(self):
        super().__init__()
        self.events = {}

    def post(self, content, presentation, _destination):
        events = IncidentRenderer(LOADED).render(content, presentation)
        self.events[content.notification.key] = [(each.event_action, each.dedup_key) for each in events]
        return Receipt(content.destination, "HTTP 202")


def incidents_of(*contents):
    deliveries = Deliveries(PAGER)
    deliveries.channel = Incidents()
    deliveries.post(*contents)
    return deliveries.channel.events


def test_an_update_resolves_the_incident_of_the_opening():
    events = incidents_of(OPENED, update_of(CLOSED))
    ((action, key),) = events["opened"]
    assert action == "trigger"
    assert events["closed"] == [("resolve", key)]


def test_an_update_of_what_was_never_reported_is_sent_nowhere():
    assert incidents_of(update_of(CLOSED)) == {"closed": []}


def test_an_opening_whose_closing_arrived_first_is_triggered_and_resolved():
    events = incidents_of(update_of(CLOSED), OPENED)
    assert [action for action, _ in events["opened"]] == ["trigger", "resolve"]
