"""functions/digest: when it is due, what it reads, whom it tells, and that it never says "all quiet" by mistake."""

import email
import email.policy
import json
import logging
import os
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from msgspec.structs import replace

from functions import alert as alert_function
from functions import digest as digest_function
from gatewatch.alerts.suppression import suppress
from gatewatch.aws import metrics
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.digest import DigestSettings, Weekday, latest_due_digest
from gatewatch.config.settings import load_settings
from gatewatch.delivery.ses import send
from gatewatch.delivery.wire import decode_message
from gatewatch.digest.activity_log import ActivityLog
from gatewatch.digest.activity_log_reader import ActivityLogReader
from gatewatch.digest.open_exposures import resolve_exposures
from gatewatch.digest.summary import summarize
from gatewatch.errors import ConfigurationError, TransientDeliveryError
from gatewatch.inventory.model import AccountInventory
from gatewatch.inventory.store import InventoryStore
from gatewatch.model.digest import Period
from gatewatch.rendering.chatbot_validation import chatbot_problems as chat_problems
from gatewatch.rendering.digest.labels import load_digest_labels
from gatewatch.rendering.digest.sections import DigestText
from gatewatch.rendering.digest.text import digest_text
from gatewatch.rendering.digest.view import digest_view
from gatewatch.rendering.slack_validation import mentions, slack_problems
from gatewatch.rendering.text.labels import load_labels
from support.activity_log import TABLE, Clock, Counts, make_table
from support.command import gatewatch
from support.inventory import ACCOUNT, ITEM, REGION, reading
from support.paths import ROOT
from support.rendering import SLACK, SNS
from support.tables import create_table

TEMPLATES = ROOT / "templates"
STORY = sorted((ROOT / "gatewatch" / "local" / "demo" / "scenario_files").glob("*.json"))
POLICY = """
destinations:
  room: {kind: slack_webhook, url: {ssm: /a}, pace: 0}
routes: [{to: [room]}]
digest: {to: [room], timezone: Asia/Seoul, at: "09:00", language: en}
"""
ACCOUNTS = """
accounts:
  "111122223333": {alias: payments-prod, environment: prod, owner: "@payments-oncall"}
"""
RECORDING_SINCE = datetime(2026, 11, 1, tzinfo=UTC)
# The scenario is of 2026-11-20 in Seoul; this is 09:05 there on the next day.
MORNING = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """Set up both functions over moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    with mock_aws():
        aws = Aws()
        make_table(aws.dynamodb)
        create_table(aws.dynamodb, "gatewatch-prod")
        queues = {
            name: aws.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if "fifo" in name else {})
            for name in ("outbox.fifo", "events-dlq")
        }
        variables = {
            "GATEWATCH_TABLE": "gatewatch-prod",
            "GATEWATCH_ACTIVITY_TABLE": TABLE,
            "GATEWATCH_OUTBOX_URL": queues["outbox.fifo"]["QueueUrl"],
            "GATEWATCH_EVENTS_DLQ_URL": queues["events-dlq"]["QueueUrl"],
            "GATEWATCH_ALERT_SERVICE": "gatewatch-prod-alert",
            "GATEWATCH_ACCOUNTS": str(tmp_path / "accounts.yaml"),
            "GATEWATCH_POLICY": str(tmp_path / "policy.yaml"),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Cloud(aws, tmp_path)
        for function in (alert_function, digest_function):
            function.compose.cache_clear()


class Cloud:
    def __init__(self, aws, folder):
        self.aws, self.folder = aws, folder
        self.configure(POLICY)

    def configure(self, policy):
        (self.folder / "accounts.yaml").write_text(ACCOUNTS, "utf-8")
        (self.folder / "policy.yaml").write_text(policy, "utf-8")
        for function in (alert_function, digest_function):
            function.compose.cache_clear()

    @property
    def settings(self):
        return load_settings(self.folder / "accounts.yaml", self.folder / "policy.yaml")

    def begin(self, since=RECORDING_SINCE, last_run=MORNING):
        """Set since when activity is recorded."""
        numbers = {"since": since, "last_run": last_run}
        row = {name: {"N": str(int(each.timestamp()))} for name, each in numbers.items()}
        key = {"pk": {"S": "digest"}, "sk": {"S": "started"}}
        self.aws.dynamodb.put_item(TableName=TABLE, Item=key | row)

    def record(self, alerts):
        writer = ActivityLog(
            self.aws.dynamodb, TABLE, logging.getLogger("test"), Counts(), Clock(MORNING).now, Clock().now
        )
        for alert in alerts:
            writer.record(alert, suppress(alert, self.settings.exceptions, alert.call.time).alert)
        writer.flush()

    def run(self, now=MORNING, **changes):
        handler = digest_function.compose_at(now.timestamp)
        type(handler)(**{**vars(handler), **changes}).run()

    def sent(self):
        """Receive the messages of the outbox."""
        url = os.environ["GATEWATCH_OUTBOX_URL"]
        found = []
        while received := self.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in received:
                found.append(decode_message(each["Body"]))
                self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def scenario(results):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    return results("".join(json.dumps(record) + "\n" for record in records))


def words(message):
    """Return the body without code spans."""
    return json.dumps(SLACK.render(message), ensure_ascii=False).replace("`", "")


def test_the_digest_of_the_previous_day_is_sent_once(cloud, scenario):
    cloud.begin()
    cloud.record(scenario)
    cloud.run()
    (message,) = cloud.sent()
    assert (message.key, message.destination) == ("digest-2026-11-20+1#room", "room")
    text = words(message)
    assert "Security group digest, 20 November 2026" in text
    assert "PostgreSQL in sg-0df1db1afefc8cb0e, payments-prod ap-northeast-2: open for 22 h 44 min" in text
    assert "owner @payments-oncall" in text
    assert "Changes before 1 November 2026 09:00 KST are not included." in text
    assert (slack_problems(SLACK.render(message)), mentions(SLACK.render(message))) == ((), ())
    for minutes in (1, 15, 600):
        cloud.run(MORNING + timedelta(minutes=minutes))
    assert cloud.sent() == []


def test_a_day_without_changes_still_lists_open_exposures(cloud, scenario):
    cloud.begin()
    cloud.record(scenario)
    cloud.run(MORNING + timedelta(days=1))
    (message,) = cloud.sent()
    text = words(message)
    assert "Security group digest, 21 November 2026" in text
    assert "No changes in this period." in text
    assert "PostgreSQL in sg-0df1db1afefc8cb0e" in text
    assert "open for 1 d 22 h" in text


def test_an_empty_day_gives_one_line_or_no_message(cloud):
    cloud.begin()
    cloud.run()
    (message,) = cloud.sent()
    blocks = SLACK.render(message)["attachments"][0]["blocks"]
    assert [block["type"] for block in blocks] == ["header", "section", "context"]
    nothing, unknown = blocks[1]["text"]["text"].splitlines()
    assert nothing == "No changes in this period, and nothing that events reported is still open to the internet."
    assert unknown.startswith("No account is read: ")
    cloud.configure(POLICY.replace("language: en", "language: en, empty: skip"))
    cloud.run(MORNING + timedelta(days=1))
    assert cloud.sent() == []


def test_changes_of_today_are_counted_tomorrow_but_open_exposures_are_listed_at_once(cloud, build, results):
    cloud.begin()
    opened = build.authorize(build.item(v4=["0.0.0.0/0"]), eventTime="2026-11-20T20:00:00Z")
    cloud.record(results(build.text(opened)))
    cloud.run()
    (message,) = cloud.sent()
    assert "SSH in sg-0aaaaaaaaaaaaaaa1" in words(message)
    assert "open for 4 h 5 min" in words(message)
    assert "No changes in this period." in words(message)
    cloud.run(MORNING + timedelta(days=1))
    assert "Changes by account" in words(cloud.sent()[0])


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Security group digest, 16 November 2026 to 22 November 2026"),
        ("ko", "보안 그룹 요약, 2026년 11월 16일 ~ 2026년 11월 22일"),
        ("ja", "セキュリティグループのダイジェスト 2026年11月16日 – 2026年11月22日"),
    ],
)
def test_a_weekly_digest_shows_its_dates(cloud, scenario, language, title):
    cloud.configure(POLICY.replace("language: en", f"language: {language}, every: week"))
    cloud.begin()
    cloud.record(scenario)
    cloud.run(MORNING)  # a Saturday: the latest one was due on Monday
    (quiet,) = cloud.sent()
    cloud.run(MORNING + timedelta(days=2))
    (message,) = cloud.sent()
    assert (quiet.key, message.key) == ("digest-2026-11-09+7#room", "digest-2026-11-16+7#room")
    assert SLACK.render(message)["attachments"][0]["blocks"][0]["text"]["text"] == title


def test_a_destination_that_only_the_digest_uses_is_not_reported_as_unused(cloud):
    cloud.configure(POLICY.replace("routes: [{to: [room]}]", "routes: [{to: [alerts]}]"))
    files = ("--accounts", cloud.folder / "accounts.yaml", "--policy", cloud.folder / "policy.yaml")
    ran = gatewatch("check", *files)
    assert (ran.status, "note:" in ran.out) == (0, False)


def test_there_is_no_digest_before_recording_started(cloud):
    cloud.begin(MORNING - timedelta(minutes=4))
    cloud.run()
    assert cloud.sent() == []
    cloud.run(MORNING + timedelta(days=1))
    assert len(cloud.sent()) == 1


def test_without_recipients_nothing_is_read_or_written(cloud):
    cloud.configure(POLICY.rpartition("digest:")[0])
    cloud.run(activity_log=None)
    assert cloud.aws.dynamodb.scan(TableName=TABLE)["Items"] == []


def test_a_failed_sender_is_retried_and_a_successful_one_is_not_repeated(cloud, scenario):
    cloud.begin()
    cloud.record(scenario)
    senders = digest_function.compose_at(MORNING.timestamp).senders
    attempts = []

    def refuse(_made, _wanted):
        attempts.append(1)
        raise TransientDeliveryError("not now")

    with pytest.raises(TransientDeliveryError, match="not now"):
        cloud.run(senders={"mail": refuse, **senders})
    assert len(cloud.sent()) == 1
    with pytest.raises(TransientDeliveryError):
        cloud.run(senders={"mail": refuse, **senders})
    assert (len(attempts), cloud.sent()) == (2, [])
    mailed = []
    cloud.run(senders={"mail": lambda made, wanted: mailed.append((made.events, wanted.name)), **senders})
    assert mailed == [(len({each.call.delivery_key for each in scenario}), "2026-11-20+1")]


def test_an_unreadable_table_is_an_error(cloud):
    cloud.begin()
    cloud.aws.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(ClientError):
        cloud.run()
    assert cloud.sent() == []


def test_unreadable_metrics_are_an_error(cloud, scenario):
    cloud.begin()
    cloud.record(scenario)

    def refused(_first, _last):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetMetricData")

    with pytest.raises(ClientError):
        cloud.run(missing_events=refused)
    assert cloud.sent() == []


def test_an_invalid_configuration_is_an_error(cloud):
    cloud.configure("routes: [")
    with pytest.raises(ConfigurationError):
        cloud.run()


ACTIONS = """
actions:
  mode: read_only
  team: T0TEAM
  app: A0APP
  signing_secret: {ssm: /gatewatch/actions/signing-secret}
  token: {ssm: /gatewatch/actions/token}
"""


def test_actions_of_people_are_counted_while_they_are_on(cloud):
    cloud.begin()
    for name, value in ((metrics.ACTIONS_PERFORMED, 12.0), (metrics.ACTIONS_REFUSED, 1.0)):
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": "service", "Value": "gatewatch-prod-act"}],
            "Timestamp": MORNING - timedelta(hours=20),
            "Value": value,
        }
        cloud.aws.cloudwatch.put_metric_data(Namespace=metrics.NAMESPACE, MetricData=[datum])
    cloud.configure(POLICY + ACTIONS)
    cloud.run()
    (message,) = cloud.sent()
    assert "Performed: 12 · refused: 1" in words(message)


def test_rules_that_a_late_event_explained_are_one_line(cloud):
    cloud.begin()
    datum = {
        "MetricName": metrics.LATE_EVENTS,
        "Dimensions": [{"Name": "service", "Value": "gatewatch-prod-alert"}],
        "Timestamp": MORNING - timedelta(hours=20),
        "Value": 3.0,
    }
    cloud.aws.cloudwatch.put_metric_data(Namespace=metrics.NAMESPACE, MetricData=[datum])
    cloud.configure(POLICY)
    cloud.run()
    (message,) = cloud.sent()
    assert "explained by an event that arrived later: 3" in words(message)


def test_missing_events_are_reported_also_on_an_empty_day(cloud):
    cloud.begin()
    cloud.configure(POLICY.replace("language: en", "language: en, empty: skip"))
    cloud.aws.cloudwatch.put_metric_data(
        Namespace=metrics.NAMESPACE,
        MetricData=[
            {
                "MetricName": metrics.ACTIVITY_NOT_RECORDED,
                "Dimensions": [{"Name": "service", "Value": service}],
                "Timestamp": MORNING - timedelta(hours=20),
                "Value": value,
            }
            for service, value in (("gatewatch-prod-alert", 3.0), ("another", 40.0))
        ],
    )
    cloud.run()
    (message,) = cloud.sent()
    assert "⚠️ 3 events could not be recorded." in words(message)


def test_undecodable_rows_count_as_missing_once_per_digest(cloud):
    cloud.begin()
    undecodable = {"pk": {"S": "exposures"}, "sk": {"S": "x"}, "value": {"S": "{}"}, "expires": {"N": "99999999999"}}
    cloud.aws.dynamodb.put_item(TableName=TABLE, Item=undecodable)
    cloud.run()
    cloud.run(MORNING + timedelta(days=1))
    assert ["⚠️ 1 event could not be recorded." in words(message) for message in cloud.sent()] == [True, True]


def test_the_digest_of_recorded_activity_equals_that_of_the_command(cloud, build, tmp_path):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    (tmp_path / "events.jsonl").write_text(build.text(*records), "utf-8")
    bodies = [json.dumps(build.event(record)) for record in (*records, *records[::3])]
    sqs = [
        {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}}
        for number, body in enumerate(bodies)
    ]
    for start in range(0, len(sqs), 10):
        assert alert_function.handler({"Records": sqs[start : start + 10]}, None) == {"batchItemFailures": []}
    reader = ActivityLogReader(cloud.aws.dynamodb, TABLE)
    summaries = list(reader.summaries(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)))
    first, last = (find(each.at for each in summaries) for find in (min, max))
    found = resolve_exposures(each.step for each in reader.steps())
    made = summarize(summaries, found, Period(first, last, last), cloud.settings)
    text = DigestText(load_digest_labels(TEMPLATES, "en"), load_labels(TEMPLATES, "en"), "UTC")
    files = ("--accounts", tmp_path / "accounts.yaml", "--policy", tmp_path / "policy.yaml")
    ran = gatewatch("digest", tmp_path / "events.jsonl", *files)
    assert (ran.status, ran.err) == (0, "")
    assert digest_text(digest_view(made, text)).strip() == ran.out.strip()
    assert len(made.open) == 7


MAILED = POLICY.replace("digest: {", "digest: {mail: {from: hub@example.com, to: [a@example.com, b@example.com]}, ")


def test_an_email_is_sent_once_and_an_unverified_sender_is_an_error(cloud, scenario):
    cloud.configure(MAILED)
    cloud.begin()
    cloud.record(scenario)
    with pytest.raises(TransientDeliveryError, match=r"^SES: MessageRejected$"):
        cloud.run()
    assert len(cloud.sent()) == 1
    cloud.aws.ses.verify_email_identity(EmailAddress="hub@example.com")
    for _ in range(3):
        cloud.run()
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID]["ap-northeast-2"].sent_messages
    mail = email.message_from_string(sent.raw_data, policy=email.policy.default)
    assert (mail["From"], mail["To"]) == ("hub@example.com", "a@example.com, b@example.com")
    assert mail["Subject"] == "Security group digest, 20 November 2026"
    assert "PostgreSQL in sg-0df1db1afefc8cb0e" in mail.get_body(("plain",)).get_content()
    assert cloud.sent() == []


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="x"), ClientError({"Error": {"Code": "No"}}, "x")]
)
def test_an_error_of_ses_contains_no_address(error):
    class Ses:
        def send_raw_email(self, **_request):
            raise error

    with pytest.raises(TransientDeliveryError, match=r"^SES: \w+$"):
        send(Ses(), b"mail", "hub@example.com", ["a@example.com"])


def test_a_topic_receives_the_full_email_and_a_short_chat_message(cloud, scenario):
    cloud.configure(POLICY.replace("to: [room], timezone", "to: [alerts], timezone"))
    cloud.begin()
    cloud.record(scenario)
    cloud.run()
    (message,) = cloud.sent()
    body = SNS.render(message)
    assert body.subject == "gatewatch digest 2026-11-20: 7 open to the internet, 17 events"
    assert body.mail.startswith(
        "Security group digest, 20 November 2026\n\nOpen to the internet\n  🔴 PostgreSQL in sg-0df1"
    )
    assert "  payments-prod  ████████████████████   25  Critical 3, High 2" in body.mail
    assert chat_problems(body.chat) == ()
    description = body.chat["content"]["description"]
    for fact in (
        "`payments-prod` 25 (Critical 3, High 2",
        "RDP in `sg-01b0650fc9daae133`",
        "No change was suppressed.",
    ):
        assert fact in description
    assert "█" not in description
    assert "<!here>" not in description
    assert "opened by `&lt;!here&gt;*root*ˋxˋ@evil.example (build)` · no owner" in description


SEOUL = "Asia/Seoul"


@pytest.mark.parametrize(
    ("now", "due_at", "first", "end"),
    [
        ("2026-11-21T00:00:00", "2026-11-21T00:00:00", "2026-11-20", "2026-11-21"),
        ("2026-11-20T23:59:59", "2026-11-20T00:00:00", "2026-11-19", "2026-11-20"),
        ("2026-11-21T23:59:59", "2026-11-21T00:00:00", "2026-11-20", "2026-11-21"),
    ],
)
def test_a_daily_digest_is_due_from_its_time_on(now, due_at, first, end):
    found = latest_due_digest(DigestSettings(to=("room",)), utc(now), SEOUL)
    assert (found.due_at, found.first, found.end) == (utc(due_at), date.fromisoformat(first), date.fromisoformat(end))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_weekly_digest_covers_the_seven_days_before_its_weekday():
    wanted = DigestSettings(to=("room",), every="week", weekday=Weekday.FRIDAY, at="18:30", timezone="America/New_York")
    found = latest_due_digest(wanted, utc("2026-11-21T12:00:00"), SEOUL)
    assert found.due_at == utc("2026-11-20T23:30:00")
    assert found.name == "2026-11-13+7"
    first, last = found.bounds()
    assert (first, last) == (utc("2026-11-13T05:00:00"), utc("2026-11-20T05:00:00") - timedelta(microseconds=1))


def test_a_day_with_a_clock_change_is_complete():
    wanted = DigestSettings(to=("room",), timezone="Europe/Berlin")
    days = [latest_due_digest(wanted, utc(f"2026-{day}T12:00:00"), "UTC").bounds() for day in ("03-30", "10-26")]
    hours = [(last - first + timedelta(microseconds=1)) / timedelta(hours=1) for first, last in days]
    assert hours == [23, 25]


@given(
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(("UTC", SEOUL, "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Asia/Beirut")),
    every=st.sampled_from(("day", "week")),
    at=st.sampled_from(("00:00", "02:30", "09:00", "23:45")),
)
def test_every_moment_belongs_to_exactly_one_digest(start, zone, every, at):
    """Computed every six hours; functions/digest runs every 15 minutes."""
    wanted = DigestSettings(to=("room",), every=every, timezone=zone, at=at)
    runs = [start + timedelta(hours=6 * each) for each in range(4 * 4 * wanted.days)]
    found = {each.name: (each, run) for run in runs for each in [latest_due_digest(wanted, run, "UTC")]}
    bounds = [each.bounds() for each, _ in found.values()]
    assert len(bounds) >= 4
    for (_, last), (first, _) in pairwise(bounds):
        assert first - last == timedelta(microseconds=1)
    assert all(each.bounds()[1] < each.due_at <= run for each, run in found.values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{every: week}", "digest.to: names no destination, and there is no mail"),
        ("{to: [nobody]}", 'digest.to: "nobody" is not a destination'),
        ('{to: [room], at: "9:00"}', 'digest.at: "9:00" is not a time of day'),
        ('{to: [room], at: "09:00\\n"}', "digest.at: "),
        ("{to: [room], timezone: Seoul}", 'digest.timezone: "Seoul" is not a time zone'),
        ("{to: [room], every: month}", "digest.every: Invalid enum value 'month'; write one of day, week."),
        ("{to: [room], weekday: mon}", "digest.weekday: Invalid enum value 'mon'; write one of monday, tuesday,"),
        ("{to: [room], language: de}", "digest.language: Invalid enum value 'de'"),
        ("{to: [room], at: 22:30}", 'digest.at: Expected "str", got "int"; put it in quotes.'),
        ("{to: [room], empty: yes}", 'digest.empty: Expected "str", got "bool"; write one of say, skip.'),
        ("{to: room}", 'digest.to: Expected "array", got "str"; write a list, such as [one, another].'),
        (
            "{mail: {to: [a@example.com]}}",
            'missing required field "from"; the keys here are from, to.',
        ),
        ("{mail: {from: me, to: [a@example.com]}}", 'digest.mail.from: "me" is not an e-mail address'),
        ('{mail: {from: a@example.com, to: ["A <a@example.com>"]}}', "digest.mail.to[0]: "),
        ('{mail: {from: "a@example.com\\n", to: [b@example.com]}}', "digest.mail.from: "),
        ('{mail: {from: a@example.com, to: ["b,c@example.com"]}}', "digest.mail.to[0]: "),
        ("{mail: {from: a@example.com, to: [b@example..com]}}", "digest.mail.to[0]: "),
        ("{mail: {from: a@example.com, to: []}}", "digest.mail.to: names 0 addresses"),
        ("{to: [room], mial: {}}", "the keys here are to, mail, every, at, weekday, timezone, language, empty"),
    ],
)
def test_invalid_digest_settings_are_reported(tmp_path, text, sentence):
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS, "utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY.rpartition("digest:")[0] + f"digest: {text}\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    assert sentence in str(caught.value)


def store_reading(cloud, *items):
    """What the sweep of the night found."""
    store = InventoryStore(HubTable(cloud.aws.dynamodb, "gatewatch-prod"))
    at = MORNING.timestamp() - 3600
    store.save_account(AccountInventory(account_id=ACCOUNT, at=at, regions=(REGION, "us-east-1")))
    found = reading(*(replace(each, since=at - 3 * 24 * 3600) for each in items), at=at)
    store.update_region(ACCOUNT, REGION, lambda _: found)


def test_the_digest_lists_what_only_the_sweep_found_and_names_what_was_not_read(cloud):
    cloud.begin()
    store_reading(cloud, ITEM)
    cloud.run()
    (message,) = cloud.sent()
    text = words(message)
    assert "in web sg-1, payments-prod eu-west-1: open for 3 d 1 h · opened before gatewatch" in text
    assert "Accounts read: 1, Regions: 1, oldest reading 2026-11-21 08:05:00 KST" in text
    assert f"Not read: {ACCOUNT} us-east-1: NotReadYet." in text
    assert message.notification.digest.trend is None


def test_a_weekly_digest_has_the_trend_since_the_activity_log_began(cloud):
    cloud.configure(POLICY.replace("digest: {", "digest: {every: week, weekday: saturday, "))
    cloud.begin()
    store_reading(cloud, ITEM)
    cloud.run()
    (message,) = cloud.sent()
    days = message.notification.digest.trend.days
    assert [days[0].day.isoformat(), days[-1].day.isoformat()] == ["2026-11-01", "2026-11-20"]
    assert [each.open for each in days[-4:]] == [0, 1, 1, 1]
    assert "Open at the end of each day, 20 days" in words(message)
