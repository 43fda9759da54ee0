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

from functions import alert as alert_function
from functions import digest as digest_function
from gatewatch.alerts.suppression import excepted
from gatewatch.aws import metrics as meter
from gatewatch.aws.clients import Aws
from gatewatch.config.digest import DigestSettings, Weekday, due
from gatewatch.config.settings import load_settings
from gatewatch.delivery.outbox import read_message
from gatewatch.delivery.ses import send
from gatewatch.digest.activity_log import DayBook
from gatewatch.digest.activity_log_reader import DayBookReader
from gatewatch.digest.labels import load_digest_labels
from gatewatch.digest.open_exposures import gates
from gatewatch.digest.summary import Period, digest
from gatewatch.digest.text import text_of
from gatewatch.digest.view import Wording, digest_view
from gatewatch.errors import ConfigurationError, TransientDeliveryError
from gatewatch.rendering.chatbot_validation import problems as chat_problems
from gatewatch.rendering.slack_validation import mentions, problems
from gatewatch.rendering.sns_body import read_topic_body
from gatewatch.rendering.text.labels import load_labels
from support.activity_log import TABLE, Clock, Counts, make_table
from support.paths import ROOT

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
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
# The story is of 2026-11-20 in Seoul; this is 09:05 there on the day after.
MORNING = datetime(2026, 11, 21, 0, 5, tzinfo=UTC)


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """The environment of both functions, over moto: answers how to set the policy, and the queues."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    with mock_aws():
        aws = Aws()
        make_table(aws.dynamodb)
        aws.dynamodb.create_table(
            TableName="gatewatch-prod",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        queues = {
            name: aws.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if "fifo" in name else {})
            for name in ("outbox.fifo", "events-dead")
        }
        variables = {
            "GATEWATCH_TABLE": "gatewatch-prod",
            "GATEWATCH_BOOK": TABLE,
            "GATEWATCH_OUTBOX_URL": queues["outbox.fifo"]["QueueUrl"],
            "GATEWATCH_EVENTS_DEAD_URL": queues["events-dead"]["QueueUrl"],
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

    def begin(self, at=BEGAN, seen=MORNING):
        """The book is kept since then."""
        numbers = {"at": at, "seen": seen}
        row = {name: {"N": str(int(each.timestamp()))} for name, each in numbers.items()}
        key = {"pk": {"S": "digest"}, "sk": {"S": "began"}}
        self.aws.dynamodb.put_item(TableName=TABLE, Item=key | row)

    def note(self, alerts):
        writer = DayBook(self.aws.dynamodb, TABLE, logging.getLogger("test"), Counts(), Clock(MORNING).now, Clock().now)
        for alert in alerts:
            writer.note(alert, excepted(alert, self.settings.exceptions, alert.call.time).alert)
        writer.write()

    def run(self, now=MORNING, **changes):
        stage = digest_function.compose_at(now.timestamp)
        type(stage)(**{**vars(stage), **changes}).run()

    def told(self):
        """What lies in the outbox."""
        url = os.environ["GATEWATCH_OUTBOX_URL"]
        found = []
        while got := self.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in got:
                found.append(read_message(each["Body"]))
                self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture(scope="module")
def story(results):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    return results("".join(json.dumps(record) + "\n" for record in records))


def words(message):
    """What people read, without its code spans."""
    return json.dumps(json.loads(message.body), ensure_ascii=False).replace("`", "")


def test_in_the_morning_a_digest_of_yesterday_goes_to_its_destination_once(cloud, story):
    cloud.begin()
    cloud.note(story)
    cloud.run()
    (message,) = cloud.told()
    assert (message.key, message.destination) == ("digest-2026-11-20+1#room", "room")
    text = words(message)
    assert "Gates on 2026-11-20" in text
    assert "PostgreSQL in sg-0df1db1afefc8cb0e, payments-prod ap-northeast-2: open for 22 h 44 min" in text
    assert "owner @payments-oncall" in text
    assert "What happened before 2026-11-01 09:00 KST is not in it." in text
    assert (problems(json.loads(message.body)), mentions(json.loads(message.body))) == ((), ())
    for minutes in (1, 15, 600):
        cloud.run(MORNING + timedelta(minutes=minutes))
    assert cloud.told() == []


def test_the_next_morning_tells_what_still_stands_open_and_that_nothing_changed(cloud, story):
    cloud.begin()
    cloud.note(story)
    cloud.run(MORNING + timedelta(days=1))
    (message,) = cloud.told()
    text = words(message)
    assert "Gates on 2026-11-21" in text
    assert "No change in this time." in text
    assert "PostgreSQL in sg-0df1db1afefc8cb0e" in text
    assert "open for 1 d 22 h" in text


def test_an_empty_day_is_one_calm_line_or_none(cloud):
    cloud.begin()
    cloud.run()
    (message,) = cloud.told()
    blocks = json.loads(message.body)["attachments"][0]["blocks"]
    assert [block["type"] for block in blocks] == ["header", "section", "context"]
    assert blocks[1]["text"]["text"] == (
        "No change in this time, and nothing that was opened to the whole internet stands open."
    )
    cloud.configure(POLICY.replace("language: en", "language: en, empty: skip"))
    cloud.run(MORNING + timedelta(days=1))
    assert cloud.told() == []


def test_what_happened_today_is_told_tomorrow_but_what_stands_open_at_once(cloud, build, results):
    cloud.begin()
    opened = build.authorize(build.item(v4=["0.0.0.0/0"]), eventTime="2026-11-20T20:00:00Z")
    cloud.note(results(build.text(opened)))
    cloud.run()
    (message,) = cloud.told()
    assert "SSH in sg-0aaaaaaaaaaaaaaa1" in words(message)
    assert "open for 4 h 5 min" in words(message)
    assert "No change in this time." in words(message)
    cloud.run(MORNING + timedelta(days=1))
    assert "Changes by account" in words(cloud.told()[0])


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Gates from 2026-11-16 to 2026-11-22"),
        ("ko", "2026-11-16 ~ 2026-11-22 게이트 변경 요약"),
        ("ja", "ゲート変更のまとめ 2026-11-16 – 2026-11-22"),
    ],
)
def test_a_weekly_digest_names_its_days(cloud, story, language, title):
    cloud.configure(POLICY.replace("language: en", f"language: {language}, every: week"))
    cloud.begin()
    cloud.note(story)
    cloud.run(MORNING)  # of a Saturday, and the last one was due on Monday
    (quiet,) = cloud.told()
    cloud.run(MORNING + timedelta(days=2))
    (message,) = cloud.told()
    assert (quiet.key, message.key) == ("digest-2026-11-09+7#room", "digest-2026-11-16+7#room")
    assert json.loads(message.body)["attachments"][0]["blocks"][0]["text"]["text"] == title


def test_a_destination_that_only_a_digest_names_is_not_called_unused(cloud, build):
    cloud.configure(POLICY.replace("routes: [{to: [room]}]", "routes: [{to: [alerts]}]"))
    files = ("--accounts", cloud.folder / "accounts.yaml", "--policy", cloud.folder / "policy.yaml")
    ran = build.gatewatch("check", *files)
    assert (ran.status, "note:" in ran.out) == (0, False)


def test_before_the_book_was_kept_there_is_no_digest(cloud):
    cloud.begin(MORNING - timedelta(minutes=4))
    cloud.run()
    assert cloud.told() == []
    cloud.run(MORNING + timedelta(days=1))
    assert len(cloud.told()) == 1


def test_without_anybody_to_tell_nothing_is_read_or_written(cloud):
    cloud.configure(POLICY.rpartition("digest:")[0])
    cloud.run(book=None)
    assert cloud.aws.dynamodb.scan(TableName=TABLE)["Items"] == []


def test_what_could_not_be_told_is_told_at_the_next_run_and_what_was_told_is_not_again(cloud, story):
    cloud.begin()
    cloud.note(story)
    ways = digest_function.compose_at(MORNING.timestamp).ways
    broken = []

    def refuse(_made, _wanted):
        broken.append(1)
        raise TransientDeliveryError("not now")

    with pytest.raises(TransientDeliveryError, match="not now"):
        cloud.run(ways={"mail": refuse, **ways})
    assert len(cloud.told()) == 1
    with pytest.raises(TransientDeliveryError):
        cloud.run(ways={"mail": refuse, **ways})
    assert (len(broken), cloud.told()) == (2, [])
    mailed = []
    cloud.run(ways={"mail": lambda made, wanted: mailed.append((made.events, wanted.name)), **ways})
    assert mailed == [(len({each.call.delivery_key for each in story}), "2026-11-20+1")]


def test_a_table_that_cannot_be_read_is_an_error_and_no_quiet_day(cloud):
    cloud.begin()
    cloud.aws.dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(ClientError):
        cloud.run()
    assert cloud.told() == []


def test_metrics_that_cannot_be_read_are_an_error_too(cloud, story):
    cloud.begin()
    cloud.note(story)

    def refused(_first, _last):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetMetricData")

    with pytest.raises(ClientError):
        cloud.run(unbooked=refused)
    assert cloud.told() == []


def test_a_configuration_that_cannot_be_read_is_an_error(cloud):
    cloud.configure("routes: [")
    with pytest.raises(ConfigurationError):
        cloud.run()


def test_events_that_the_book_lacks_are_told_and_the_day_is_not_empty(cloud):
    cloud.begin()
    cloud.configure(POLICY.replace("language: en", "language: en, empty: skip"))
    cloud.aws.cloudwatch.put_metric_data(
        Namespace=meter.NAMESPACE,
        MetricData=[
            {
                "MetricName": meter.UNBOOKED,
                "Dimensions": [{"Name": "service", "Value": service}],
                "Timestamp": MORNING - timedelta(hours=20),
                "Value": value,
            }
            for service, value in (("gatewatch-prod-alert", 3.0), ("another", 40.0))
        ],
    )
    cloud.run()
    (message,) = cloud.told()
    assert "⚠️ Events that could not be written down and are missing here: 3." in words(message)


def test_rows_of_another_form_count_as_missing_and_each_time_once(cloud):
    cloud.begin()
    strange = {"pk": {"S": "gates"}, "sk": {"S": "x"}, "kept": {"S": "{}"}, "expires": {"N": "99999999999"}}
    cloud.aws.dynamodb.put_item(TableName=TABLE, Item=strange)
    cloud.run()
    cloud.run(MORNING + timedelta(days=1))
    assert ["are missing here: 1." in words(message) for message in cloud.told()] == [True, True]


def test_events_through_the_function_that_alerts_make_the_digest_that_the_command_makes(cloud, build, tmp_path):
    records = [json.loads(path.read_text("utf-8"))["record"] for path in STORY]
    (tmp_path / "events.jsonl").write_text(build.text(*records), "utf-8")
    bodies = [json.dumps(build.event(record)) for record in (*records, *records[::3])]
    sqs = [
        {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
        for number, body in enumerate(bodies)
    ]
    for start in range(0, len(sqs), 10):
        assert alert_function.handler({"Records": sqs[start : start + 10]}, None) == {"batchItemFailures": []}
    book = DayBookReader(cloud.aws.dynamodb, TABLE)
    entries = list(book.entries(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)))
    first, last = (find(each.at for each in entries) for find in (min, max))
    found = gates(each.step for each in book.steps())
    made = digest(entries, found, Period(first, last, last), cloud.settings)
    wording = Wording(load_digest_labels(TEMPLATES, ["en"])["en"], load_labels(TEMPLATES, "en"), "UTC")
    files = ("--accounts", tmp_path / "accounts.yaml", "--policy", tmp_path / "policy.yaml")
    ran = build.gatewatch("digest", tmp_path / "events.jsonl", *files)
    assert (ran.status, ran.err) == (0, "")
    assert text_of(digest_view(made, wording)).strip() == ran.out.strip()
    assert len(made.open) == 7


MAILED = POLICY.replace("digest: {", "digest: {mail: {from: hub@example.com, to: [a@example.com, b@example.com]}, ")


def test_a_mail_with_the_chart_goes_out_once_and_a_sender_that_nobody_verified_is_an_error(cloud, story):
    cloud.configure(MAILED)
    cloud.begin()
    cloud.note(story)
    with pytest.raises(TransientDeliveryError, match=r"^SES: MessageRejected$"):
        cloud.run()
    assert len(cloud.told()) == 1
    cloud.aws.ses.verify_email_identity(EmailAddress="hub@example.com")
    for _ in range(3):
        cloud.run()
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID]["ap-northeast-2"].sent_messages
    mail = email.message_from_string(sent.raw_data, policy=email.policy.default)
    assert (mail["From"], mail["To"]) == ("hub@example.com", "a@example.com, b@example.com")
    assert mail["Subject"] == "Gates on 2026-11-20"
    assert "PostgreSQL in sg-0df1db1afefc8cb0e" in mail.get_body(("plain",)).get_content()
    assert [part.get_content_type() for part in mail.walk()].count("image/png") == 1
    assert cloud.told() == []


@pytest.mark.parametrize(
    "error", [EndpointConnectionError(endpoint_url="x"), ClientError({"Error": {"Code": "No"}}, "x")]
)
def test_an_error_of_ses_names_no_address(error):
    class Ses:
        def send_raw_email(self, **_request):
            raise error

    with pytest.raises(TransientDeliveryError, match=r"^SES: \w+$"):
        send(Ses(), b"mail", "hub@example.com", ["a@example.com"])


def test_a_topic_gets_a_mail_that_reads_well_and_a_chat_the_same_facts_in_short(cloud, story):
    cloud.configure(POLICY.replace("to: [room], timezone", "to: [alerts], timezone"))
    cloud.begin()
    cloud.note(story)
    cloud.run()
    (message,) = cloud.told()
    told = read_topic_body(message.body)
    assert told.subject == "gatewatch digest 2026-11-20: 7 open to the internet, 17 events"
    assert told.mail.startswith("Gates on 2026-11-20\n\nOpen to the whole internet\n  🔴 PostgreSQL in sg-0df1")
    assert "  payments-prod  ████████████████████   25  Critical 3, High 2" in told.mail
    assert chat_problems(told.chat) == ()
    said = told.chat["content"]["description"]
    for fact in ("`payments-prod` 25 (Critical 3, High 2", "RDP in `sg-01b0650fc9daae133`", "No change was muted."):
        assert fact in said
    assert "█" not in said
    assert "<!here>" not in said
    assert "opened by `&lt;!here&gt;*root*ˋxˋ@evil.example (build)` · no owner named" in said


SEOUL = "Asia/Seoul"


@pytest.mark.parametrize(
    ("now", "moment", "first", "end"),
    [
        ("2026-11-21T00:00:00", "2026-11-21T00:00:00", "2026-11-20", "2026-11-21"),
        ("2026-11-20T23:59:59", "2026-11-20T00:00:00", "2026-11-19", "2026-11-20"),
        ("2026-11-21T23:59:59", "2026-11-21T00:00:00", "2026-11-20", "2026-11-21"),
    ],
)
def test_a_daily_digest_is_due_from_its_time_of_day_on(now, moment, first, end):
    found = due(DigestSettings(to=("room",)), utc(now), SEOUL)
    assert (found.moment, found.first, found.end) == (utc(moment), date.fromisoformat(first), date.fromisoformat(end))


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_weekly_digest_is_of_the_seven_days_before_its_day():
    wanted = DigestSettings(to=("room",), every="week", weekday=Weekday.FRIDAY, at="18:30", timezone="America/New_York")
    found = due(wanted, utc("2026-11-21T12:00:00"), SEOUL)
    assert found.moment == utc("2026-11-20T23:30:00")
    assert found.name == "2026-11-13+7"
    first, last = found.bounds()
    assert (first, last) == (utc("2026-11-13T05:00:00"), utc("2026-11-20T05:00:00") - timedelta(microseconds=1))


def test_a_day_on_which_the_clocks_change_is_whole():
    wanted = DigestSettings(to=("room",), timezone="Europe/Berlin")
    days = [due(wanted, utc(f"2026-{day}T12:00:00"), "UTC").bounds() for day in ("03-30", "10-26")]
    hours = [(last - first + timedelta(microseconds=1)) / timedelta(hours=1) for first, last in days]
    assert hours == [23, 25]


@given(
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(("UTC", SEOUL, "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Asia/Beirut")),
    every=st.sampled_from(("day", "week")),
    at=st.sampled_from(("00:00", "02:30", "09:00", "23:45")),
)
def test_every_moment_is_of_exactly_one_digest_however_the_clocks_go(start, zone, every, at):
    """Looked for every six hours, as functions/digest does every quarter of one."""
    wanted = DigestSettings(to=("room",), every=every, timezone=zone, at=at)
    looks = [start + timedelta(hours=6 * each) for each in range(4 * 4 * wanted.days)]
    found = {each.name: (each, look) for look in looks for each in [due(wanted, look, "UTC")]}
    bounds = [each.bounds() for each, _ in found.values()]
    assert len(bounds) >= 4
    for (_, last), (first, _) in pairwise(bounds):
        assert first - last == timedelta(microseconds=1)
    assert all(each.bounds()[1] < each.moment <= look for each, look in found.values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{every: week}", "digest.to: names nobody, and there is no mail"),
        ("{to: [nobody]}", 'digest.to: "nobody" is no destination'),
        ('{to: [room], at: "9:00"}', 'digest.at: "9:00" is no time of day'),
        ('{to: [room], at: "09:00\\n"}', "digest.at: "),
        ("{to: [room], timezone: Seoul}", 'digest.timezone: "Seoul" is no time zone'),
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
        ("{mail: {from: me, to: [a@example.com]}}", 'digest.mail.from: "me" is no address'),
        ('{mail: {from: a@example.com, to: ["A <a@example.com>"]}}', "digest.mail.to[0]: "),
        ('{mail: {from: "a@example.com\\n", to: [b@example.com]}}', "digest.mail.from: "),
        ('{mail: {from: a@example.com, to: ["b,c@example.com"]}}', "digest.mail.to[0]: "),
        ("{mail: {from: a@example.com, to: [b@example..com]}}", "digest.mail.to[0]: "),
        ("{mail: {from: a@example.com, to: []}}", "digest.mail.to: names 0 addresses"),
        ("{to: [room], mial: {}}", "the keys here are to, mail, every, at, weekday, timezone, language, empty"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(tmp_path, text, sentence):
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS, "utf-8")
    (tmp_path / "policy.yaml").write_text(POLICY.rpartition("digest:")[0] + f"digest: {text}\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")
    assert sentence in str(caught.value)
