"""Quiet hours: what is not urgent is deferred to the morning, in the table, and none of it is lost."""

from datetime import UTC, date, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.quiet_hours import QuietHours, deferred_until
from gatewatch.config.settings import LANGUAGES, load_settings
from gatewatch.config.suppression_rules import ExceptionEffect, ExceptionMatch, PolicyException
from gatewatch.delivery.deferred import DeferredMessages, QuietHoursOutbox
from gatewatch.delivery.outbox import entry_of
from gatewatch.delivery.wire import decode_message
from gatewatch.errors import TransientDeliveryError
from gatewatch.handlers.scheduled import ScheduledHandler
from gatewatch.model.severity import Severity
from gatewatch.monitoring.reminders import ReminderStore, due_reminders, reminder_destinations, reminder_messages
from support.rendering import SLACK
from support.tables import create_table
from support.threads import alert

NIGHT = QuietHours("22:00", "07:00", "Asia/Seoul")
POLICY = """
destinations:
  room:
    kind: slack_webhook
    url: {ssm: /a}
    quiet: {from: "22:00", to: "07:00", timezone: Asia/Seoul}
  loud: {kind: sns}
routes: [{to: [room]}]
"""


def seoul(text):
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-24T21:59:59", None),
        ("2026-01-24T22:00:00", "2026-01-25T07:00:00"),
        ("2026-01-25T00:00:00", "2026-01-25T07:00:00"),
        ("2026-01-25T06:59:59", "2026-01-25T07:00:00"),
        ("2026-01-25T07:00:00", None),
    ],
)
def test_quiet_hours_over_midnight_end_the_next_morning(now, until):
    assert deferred_until(NIGHT, Severity.LOW, seoul(now), "UTC") == (seoul(until) if until else None)


def test_quiet_hours_within_a_day_end_on_that_day():
    lunch = QuietHours("12:00", "13:00")
    assert deferred_until(lunch, Severity.INFO, seoul("2026-01-24T12:30:00"), "Asia/Seoul") == seoul(
        "2026-01-24T13:00:00"
    )
    assert deferred_until(lunch, Severity.INFO, seoul("2026-01-24T13:00:00"), "Asia/Seoul") is None


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL])
def test_severe_messages_are_not_deferred(severity):
    assert deferred_until(NIGHT, severity, seoul("2026-01-25T03:00:00"), "UTC") is None


@given(
    st.sampled_from([Severity.HIGH, Severity.CRITICAL]),
    st.sampled_from(Severity),
    st.integers(0, 23),
    st.integers(0, 23),
    st.datetimes(timezones=st.just(UTC)),
)
def test_no_valid_quiet_hours_defer_a_high_or_critical_message(severity, below, start, end, now):
    quiet = QuietHours(f"{start:02}:00", f"{end:02}:00", below=below)
    assert [*quiet.problems()] or deferred_until(quiet, severity, now, "UTC") is None


def test_a_destination_without_quiet_hours_gets_messages_at_once():
    assert deferred_until(None, Severity.INFO, seoul("2026-01-25T03:00:00"), "UTC") is None


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_no_message_is_deferred_for_more_than_a_day_even_at_a_change_of_daylight_saving_time(now):
    until = deferred_until(QuietHours("22:00", "02:30", "Europe/Berlin"), Severity.LOW, now, "UTC")
    assert until is None or timedelta(hours=-1) < until - now < timedelta(hours=25)


@pytest.mark.parametrize(
    ("quiet", "sentence"),
    [
        ('{from: "25:00", to: "07:00"}', 'quiet.from: "25:00" is not a time of day; write one in quotes'),
        ('{from: "07:00", to: "07:00"}', "quiet.to: is the same as from"),
        ('{from: "22:00", to: "07:00", below: critical}', "quiet.below: would defer alerts of high severity"),
        ('{from: "22:00", to: "07:00", timezone: Mars}', 'quiet.timezone: "Mars" is not a time zone'),
        ('{from: "22:00"}', 'missing required field "to"'),
        ("{from: 22:00, to: 07:00}", 'Expected "str", got "int"'),
    ],
)
def test_invalid_quiet_hours_are_refused(tmp_path, quiet, sentence):
    with pytest.raises(Exception, match=r"destinations\.room") as caught:
        configured(tmp_path, f"destinations: {{room: {{kind: slack_webhook, url: {{ssm: /a}}, quiet: {quiet}}}}}")
    assert sentence in str(caught.value)


def configured(folder, policy=POLICY, accounts="{}"):
    (folder / "accounts.yaml").write_text(accounts, "utf-8")
    (folder / "policy.yaml").write_text(policy, "utf-8")
    return load_settings(folder / "accounts.yaml", folder / "policy.yaml")


class Recorded:
    """An outbox that records what it is sent."""

    def __init__(self):
        self.entries = []

    def put(self, messages):
        self.put_entries(map(entry_of, messages))

    def put_entries(self, entries):
        self.entries.extend(entries)

    def names(self):
        return [decode_message(each.body).notification.key for each in self.entries]


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    with mock_aws():
        client = Aws().dynamodb
        create_table(client, "t")
        yield client


def message(number, destination="room", severity=Severity.LOW):
    return alert(f"{number}", severity, at=float(number), destination=destination)


def test_deferred_messages_are_released_once_in_the_order_of_their_events(tmp_path, dynamodb):
    deferred, outbox = DeferredMessages(HubTable(dynamodb, "t")), Recorded()
    night, morning = (seoul(f"2026-01-25T{hour}:00:00").timestamp() for hour in ("03", "07"))
    quiet = QuietHoursOutbox(outbox, deferred.defer, configured(tmp_path), lambda: night)
    quiet.put([message(2), message(3, severity=Severity.CRITICAL), message(4, "loud"), message(1)])
    quiet.put([message(1)])
    assert outbox.names() == ["3", "4"]
    assert deferred.release_due(morning - 1, outbox) == 0
    assert deferred.release_due(morning, outbox) == 2
    assert outbox.names() == ["3", "4", "1", "2"]
    assert deferred.release_due(morning, outbox) == 0


def test_outside_quiet_hours_no_message_is_deferred(tmp_path, dynamodb):
    outbox = Recorded()
    noon = seoul("2026-01-25T12:00:00").timestamp()
    QuietHoursOutbox(outbox, DeferredMessages(HubTable(dynamodb, "t")).defer, configured(tmp_path), lambda: noon).put(
        [message(1)]
    )
    assert len(outbox.entries) == 1


class Refusing:
    """A table whose every write is answered by one error."""

    def __init__(self, code):
        self.code = code

    def update_item(self, **_request):
        raise ClientError({"Error": {"Code": self.code}}, "UpdateItem")


def test_a_message_that_does_not_fit_into_its_row_is_sent_at_once(tmp_path):
    outbox = Recorded()
    night = seoul("2026-01-25T03:00:00").timestamp()
    full = DeferredMessages(HubTable(Refusing("ValidationException"), "t"))
    QuietHoursOutbox(outbox, full.defer, configured(tmp_path), lambda: night).put([message(1)])
    assert outbox.names() == ["1"]


def test_a_table_that_cannot_be_written_is_a_transient_error(tmp_path):
    night = seoul("2026-01-25T03:00:00").timestamp()
    busy = DeferredMessages(HubTable(Refusing("ProvisionedThroughputExceededException"), "t"))
    with pytest.raises(TransientDeliveryError, match="deferred messages cannot be written"):
        QuietHoursOutbox(Recorded(), busy.defer, configured(tmp_path), lambda: night).put([message(1)])


SOON = PolicyException(
    id="bastion-ssh",
    match=ExceptionMatch(port=22),
    effect=ExceptionEffect.NOTIFY_ONLY,
    owner="@payments",
    reason="the <!channel> bastion",
    ticket="SEC-1",
    expires=date(2026, 1, 31),
)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "is_due"),
    [
        ("2026-01-24T23:59:59", False),
        ("2026-01-25T00:00:00", True),
        ("2026-01-31T23:59:59", True),
        ("2026-02-01T00:00:00", False),
    ],
)
def test_an_owner_is_reminded_in_the_last_week_of_an_exception(now, is_due):
    assert due_reminders([SOON], at(now), frozenset()) == ([SOON] if is_due else [])


def test_a_reminder_goes_to_the_destinations_of_the_accounts_of_the_owner(tmp_path):
    accounts = 'accounts: {"111122223333": {alias: a, owner: "@payments", destinations: [loud]}}'
    settings = configured(tmp_path, accounts=accounts)
    assert reminder_destinations(SOON, settings) == ("loud",)
    assert reminder_destinations(SOON, configured(tmp_path)) == ("room",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reminder_shows_the_whole_exception_in_every_language_without_mentions(tmp_path, language):
    settings = configured(tmp_path, accounts=f"defaults: {{language: {language}}}")
    (message,) = reminder_messages([SOON], settings)
    text = str(SLACK.render(message))
    for part in ("bastion-ssh", "2026-01-31", "@payments", "SEC-1"):
        assert part in text
    assert "<!channel>" not in text


def test_an_exception_is_reminded_of_once_and_again_after_its_date_changed(tmp_path, dynamodb):
    policy = POLICY + (
        "exceptions: [{id: e, match: {port: 22}, effect: mute, owner: a, reason: b, ticket: c, expires: 2026-01-31}]"
    )
    outbox, log = Recorded(), Log()

    def run(now, policy):
        settings = configured(tmp_path, policy)
        deferred, reminded = DeferredMessages(HubTable(dynamodb, "t")), ReminderStore(HubTable(dynamodb, "t"))
        ScheduledHandler(settings, deferred, reminded, outbox, at(now).timestamp, log).run()
        return len(outbox.entries)

    assert [run(now, policy) for now in ("2026-01-20T09:00", "2026-01-26T09:00", "2026-01-27T09:00")] == [0, 1, 1]
    assert run("2026-02-27T09:00", policy.replace("2026-01-31", "2026-02-28")) == 2
    assert log.lines == ["scheduled"] * 4


class Log:
    def __init__(self):
        self.lines = []

    def info(self, line, extra):
        assert set(extra) == {"released", "reminded"}
        self.lines.append(line)
