"""Escalations: what a destination has not accepted in time goes to its fallback as well, once."""

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from msgspec.structs import replace

from gatewatch.aws import metrics
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.settings import load_settings
from gatewatch.delivery.escalations import DELIVERY_SECONDS, DeliveryDeadlines, Escalations, WatchedOutbox
from gatewatch.delivery.ledger import DeliveryState, Ledger, LedgerEntry, part_key
from gatewatch.delivery.outbox import entry_of
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import TransientDeliveryError
from gatewatch.handlers.escalate import EscalateHandler
from gatewatch.model.message import FallbackReason
from gatewatch.model.severity import Severity
from support.rendering import SLACK, SNS
from support.tables import create_table
from support.threads import alert

ARRIVED = 1_769_212_800.0
POLICY = """
destinations:
  room: {kind: slack_webhook, url: {ssm: /a}, fallback: other}
  other: {kind: slack_webhook, url: {ssm: /b}}
routes: [{to: [room]}]
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
    """functions/alert and functions/escalate with one table and an outbox that records what it is sent."""

    def __init__(self, table, folder):
        (folder / "accounts.yaml").write_text("{}", "utf-8")
        (folder / "policy.yaml").write_text(POLICY, "utf-8")
        self.settings = load_settings(folder / "accounts.yaml", folder / "policy.yaml")
        self.ledger, self.escalations, self.threads = Ledger(table), Escalations(table), ThreadStore(table)
        self.sent, self.log, self.counted, self.refused = [], [], {}, 0

    def watch(self, *messages, arrived=ARRIVED):
        DeliveryDeadlines(self.escalations, self, self.settings).watch(messages, arrived)

    def escalate(self, seconds):
        """Run functions/escalate so many seconds after the arrival; return what it sent."""
        before = len(self.sent)
        EscalateHandler(self.escalations, self.ledger, self, lambda: ARRIVED + seconds, self, self, self.threads).run()
        return self.sent[before:]

    def put_entries(self, entries):
        if self.refused:
            self.refused -= 1
            raise TransientDeliveryError("the outbox is busy")
        self.sent.extend(decode_message(each.body) for each in entries)

    def put(self, messages):
        self.put_entries([entry_of(each) for each in messages])

    def warning(self, text, *, extra):
        self.log.append((text, extra["key"], extra["destination"], extra["target"], extra["reason"]))

    def count(self, name, value=1):
        self.counted[name] = self.counted.get(name, 0) + value

    def record(self, message, state):
        self.ledger.write(part_key(message.key, 1), LedgerEntry(state))


def message(severity, name="1", destination="room"):
    return alert(name, severity, at=ARRIVED, destination=destination)


@pytest.mark.parametrize(("severity", "seconds"), [(Severity.CRITICAL, 100), (Severity.HIGH, 1360)])
def test_an_alert_that_is_late_goes_to_the_fallback_within_its_time_and_once(hub, severity, seconds):
    hub.watch(message(severity))
    assert hub.escalate(seconds - 1) == []
    (sent,) = hub.escalate(seconds)
    assert (sent.destination, sent.fallback_for, sent.fallback_reason) == ("other", "room", FallbackReason.LATE)
    hub.record(sent, DeliveryState.DELIVERED)
    assert hub.escalate(DELIVERY_SECONDS[severity]) == []
    assert hub.log == [("escalated", "1#room", "room", "other", "late")]
    assert hub.counted[metrics.ESCALATED] == 1


def test_an_escalation_that_cannot_be_sent_is_left_and_stops_no_other(hub):
    first, second = message(Severity.CRITICAL), message(Severity.CRITICAL, "2")
    hub.watch(first)
    hub.watch(second)
    hub.refused = 1
    with pytest.raises(TransientDeliveryError, match="the outbox is busy"):
        hub.escalate(300)
    assert len(hub.sent) == 1
    hub.record(hub.sent[0], DeliveryState.DELIVERED)
    assert len(hub.escalate(360)) == 1
    assert {each.notification.key for each in hub.sent} == {"1", "2"}


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.LOW, Severity.INFO])
def test_less_severe_alerts_wait_for_their_destination(hub, severity):
    hub.watch(message(severity))
    assert hub.escalate(24 * 3600) == []


def test_what_was_delivered_is_not_escalated(hub):
    late = message(Severity.CRITICAL)
    hub.watch(late)
    hub.record(late, DeliveryState.DELIVERED)
    assert hub.escalate(300) == []
    assert list(hub.escalations.due(ARRIVED + 900)) == []


GIVEN_UP = [DeliveryState.GIVING_UP, DeliveryState.DEAD_LETTERED]


@pytest.mark.parametrize("state", [DeliveryState.STARTED, *GIVEN_UP])
def test_an_alert_that_is_late_at_its_fallback_too_goes_to_the_topic_of_the_hub_a_minute_later(hub, state):
    late = message(Severity.CRITICAL)
    hub.watch(late)
    hub.record(late, state)
    first = hub.escalate(150)
    assert [each.destination for each in first] == ["other"] * (state is DeliveryState.STARTED)
    (sent,) = hub.escalate(210)
    assert (sent.destination, sent.fallback_for, sent.fallback_reason) == ("alerts", "room", FallbackReason.LATE)
    assert hub.escalate(900) == []
    assert list(hub.escalations.due(ARRIVED + 900)) == []


@pytest.mark.parametrize("state", [DeliveryState.STARTED, *GIVEN_UP])
def test_an_alert_that_its_fallback_accepted_goes_nowhere_else(hub, state):
    late = message(Severity.CRITICAL)
    hub.watch(late)
    hub.record(late, state)
    hub.escalate(150)
    hub.record(replace(late, destination="other", fallback_for="room"), DeliveryState.DELIVERED)
    assert hub.escalate(900) == []


def test_an_acknowledgement_cancels_the_escalations_of_the_fallback_too(hub):
    late = message(Severity.CRITICAL)
    hub.watch(late)
    hub.escalate(150)
    DeliveryDeadlines(hub.escalations, hub, hub.settings).cancel(late.notification)
    assert hub.escalate(900) == []


def test_what_was_started_and_not_delivered_is_escalated(hub):
    late = message(Severity.CRITICAL)
    hub.watch(late)
    hub.record(late, DeliveryState.STARTED)
    assert len(hub.escalate(300)) == 1


def test_an_event_that_arrives_again_after_its_delivery_is_not_escalated(hub):
    late = message(Severity.CRITICAL)
    hub.record(late, DeliveryState.DELIVERED)
    hub.watch(late, arrived=ARRIVED + 60)
    assert hub.escalate(600) == []


def test_a_second_record_of_an_action_does_not_postpone_the_escalation(hub):
    """CloudTrail gives both accounts of a call a record, and EventBridge delivers more than once."""
    hub.watch(message(Severity.CRITICAL))
    hub.watch(message(Severity.CRITICAL), arrived=ARRIVED + 60)
    assert len(hub.escalate(240)) == 1


def test_the_order_is_that_of_the_times_at_which_they_are_due(hub):
    hub.watch(message(Severity.HIGH, "1"), arrived=ARRIVED - 1600)
    hub.watch(message(Severity.CRITICAL, "2"), arrived=ARRIVED)
    hub.watch(message(Severity.CRITICAL, "3"), arrived=ARRIVED - 1)
    assert [each.notification.key for each in hub.escalate(300)] == ["1", "3", "2"]


def test_a_message_to_the_topic_of_the_hub_has_no_fallback_to_go_to(hub):
    hub.watch(message(Severity.CRITICAL, destination="alerts"))
    assert hub.escalate(300) == []


def test_the_message_of_an_escalation_has_the_ledger_key_of_any_other_fallback(hub):
    hub.watch(message(Severity.CRITICAL))
    (sent,) = hub.escalate(300)
    assert sent.key == "1#other#for-room"


class Refusing:
    """A table whose every write is answered by one error."""

    def __init__(self, code):
        self.code = code

    def update_item(self, **_request):
        raise ClientError({"Error": {"Code": self.code}}, "UpdateItem")


def test_what_fits_into_no_row_is_sent_to_the_fallback_at_once(hub):
    hub.escalations = Escalations(HubTable(Refusing("ValidationException"), "t"))
    hub.watch(message(Severity.CRITICAL), message(Severity.LOW, "2"))
    assert [each.key for each in hub.sent] == ["1#other#for-room"]


def test_a_table_that_cannot_be_written_is_a_transient_error(hub):
    hub.escalations = Escalations(HubTable(Refusing("ThrottlingException"), "t"))
    with pytest.raises(TransientDeliveryError, match="escalations cannot be written"):
        hub.watch(message(Severity.CRITICAL))


def test_an_outbox_that_refuses_leaves_the_escalations_for_the_next_minute(hub):
    hub.watch(message(Severity.CRITICAL))

    class Full(Hub):
        def put_entries(self, _entries):
            raise TransientDeliveryError("the outbox cannot be written")

    full = Full.__new__(Full)
    full.__dict__ = hub.__dict__
    with pytest.raises(TransientDeliveryError):
        full.escalate(300)
    assert len(hub.escalate(300)) == 1


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (FallbackReason.REFUSED, "delivery to {} failed"),
        (FallbackReason.UNCERTAIN, "the message may be there already"),
        (FallbackReason.LATE, "{} is slow"),
        (FallbackReason.UNATTENDED, "nobody closed or acknowledged it in time in {}"),
    ],
)
def test_a_fallback_message_says_why_it_is_sent_here(reason, sentence):
    late = replace(message(Severity.CRITICAL), destination="other", fallback_for="room", fallback_reason=reason)
    assert sentence.format("`room`") in str(SLACK.render(late))
    assert sentence.format("room") in SNS.render(late).mail.replace("`", "")


def test_the_entry_of_an_escalation_is_that_of_the_outbox(hub):
    hub.watch(message(Severity.CRITICAL))
    (escalation,) = hub.escalations.due(ARRIVED + 300)
    assert escalation.entry == entry_of(decode_message(escalation.entry.body))


def test_a_message_that_is_about_no_event_has_its_deadline_from_now_on(hub):
    outbox = WatchedOutbox(hub, hub.escalations, hub.settings, lambda: ARRIVED + 60)
    outbox.put([message(Severity.CRITICAL), message(Severity.MEDIUM, "2")])
    assert [each.notification.key for each in hub.sent] == ["1", "2"]
    assert hub.escalate(60 + 99) == []
    assert [each.destination for each in hub.escalate(60 + 150)] == ["other"]


def test_a_message_that_cannot_be_sent_has_no_deadline(hub):
    hub.refused = 1
    with pytest.raises(TransientDeliveryError, match="the outbox is busy"):
        WatchedOutbox(hub, hub.escalations, hub.settings, lambda: ARRIVED).put([message(Severity.CRITICAL)])
    assert hub.escalations.due(ARRIVED + 900) == []
