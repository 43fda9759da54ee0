"""What a topic's subscribers get: one publish, a body for each protocol, within the limits of both ends.

Most messages here were worded for Slack and come instead: what a topic's own templates make is in test_topic_render.
"""

import json

import msgspec
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.sns import Sns
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.model.message import Message
from gatewatch.model.severity import Severity
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.sns_body import SnsBody, subject_of

HUB = "arn:aws:sns:ap-northeast-2:999988887777:gatewatch-prod-alerts"
LINK = "https://console.aws.amazon.com/cloudtrailv2/home#/events/e"


def payload(*sections, title="🔴 [CRITICAL] SSH from 0.0.0.0/0", links=True):
    """As render writes it."""
    button = {"type": "button", "text": {"type": "plain_text", "text": "CloudTrail event"}, "url": LINK}
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Account*\n`payments-prod` `111122223333`"}]},
        *(
            {"type": "section", "text": {"type": "mrkdwn", "text": each}}
            for each in sections or ("*one* &lt;rule&gt;",)
        ),
        *([{"type": "actions", "elements": [button]}] if links else []),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "`AuthorizeSecurityGroupIngress` `event-1`"}]},
    ]
    return json.dumps({"attachments": [{"color": "#8b0000", "fallback": title, "blocks": blocks}]}, ensure_ascii=False)


def message(body=None, **fields):
    return Message(key="event-1#alerts#1", destination="alerts", body=body or payload(), event_id="event-1", **fields)


class Topic:
    """Remembers what is published, or answers with its error."""

    def __init__(self, error=None):
        self.error = error
        self.published = []

    def publish(self, **fields):
        self.published.append(fields)
        if self.error:
            raise self.error
        return {"MessageId": "m-1"}


def published(given, destination=None):
    topic = Topic()
    Sns(topic, HUB).post(given, destination or SnsTopic())
    (fields,) = topic.published
    bodies = json.loads(fields["Message"])
    assert all(isinstance(each, str) for each in bodies.values())
    return fields, bodies


def test_the_name_alerts_stands_for_the_topic_of_the_hub():
    other = "arn:aws:sns:ap-northeast-2:999988887777:another"
    assert published(message())[0]["TopicArn"] == HUB
    assert published(message(), SnsTopic(topic=other))[0]["TopicArn"] == other


def test_mail_and_everything_else_read_plain_text():
    fields, bodies = published(message())
    assert fields["MessageStructure"] == "json"
    assert bodies["email"] == bodies["default"]
    assert bodies["email"].startswith("🔴 [CRITICAL] SSH from 0.0.0.0/0\n")
    assert "Account: payments-prod 111122223333" in bodies["email"]
    assert "one <rule>" in bodies["email"]
    assert f"CloudTrail event:\n{LINK}\n" in bodies["email"]
    assert "*" not in bodies["email"]
    assert "`" not in bodies["email"]


def worded(**fields):
    content = {"textType": "client-markdown", "title": "t", "description": "`d`"}
    chat = {"version": "1.0", "source": "custom", "content": content, "metadata": {"threadId": "event-1"}}
    return message(SnsBody("HIGH: s", "head\n\nrest\n", chat).encode(), **fields)


def test_what_was_worded_for_a_topic_is_published_as_it_is():
    fields, bodies = published(worded())
    assert fields["Subject"] == "HIGH: s"
    assert bodies["email"] == bodies["default"] == "head\n\nrest\n"
    assert json.loads(bodies["https"])["content"]["description"] == "`d`"
    assert json.loads(bodies["https"])["metadata"]["threadId"] == "event-1"


def test_what_was_worded_for_a_topic_and_comes_instead_says_so_under_its_first_lines():
    bodies = published(worded(instead_of="sec_prod"))[1]
    note = "⚠️ Sent here because delivery to sec_prod failed."
    assert bodies["email"] == f"head\n\n{note}\n\nrest\n"
    assert json.loads(bodies["https"])["content"]["description"] == f"{note}\n\n`d`"


def test_what_was_worded_for_a_topic_goes_to_the_thread_of_what_it_closes():
    assert json.loads(published(worded(thread="event-0"))[1]["https"])["metadata"]["threadId"] == "event-0"


def test_chatbot_reads_a_custom_notification():
    told = message(severity=Severity.CRITICAL, account_id="111122223333")
    notification = json.loads(published(told)[1]["https"])
    assert chatbot_problems(notification) == ()
    assert notification["content"]["textType"] == "client-markdown"
    assert notification["content"]["title"] == "🔴 [CRITICAL] SSH from 0.0.0.0/0"
    assert "*one* &lt;rule&gt;" in notification["content"]["description"]
    assert notification["content"]["nextSteps"] == [f"<{LINK}|CloudTrail event>"]
    assert notification["content"]["keywords"] == ["critical", "111122223333"]
    title = "🔴 [CRITICAL] SSH from 0.0.0.0/0"
    assert notification["metadata"] == {"threadId": "event-1", "summary": title, "enableCustomActions": False}


def test_what_closes_a_gate_is_grouped_with_its_opening():
    notification = json.loads(published(message(thread="event-0"))[1]["https"])
    assert notification["metadata"]["threadId"] == "event-0"


def test_a_link_that_is_too_long_for_a_step_stands_in_the_description():
    long = LINK + "x" * 400
    content = json.loads(published(message(payload().replace(LINK, long)))[1]["https"])["content"]
    assert "nextSteps" not in content
    assert content["description"].endswith(f"<{long}|CloudTrail event>")


def test_a_message_that_comes_instead_says_so_in_every_body():
    bodies = published(message(instead_of="sec-prod"))[1]
    note = "Sent here because delivery to sec-prod failed."
    assert note in bodies["email"]
    assert note in bodies["default"]
    assert json.loads(bodies["https"])["content"]["description"].startswith(f"⚠️ {note}")
    assert "instead" not in published(message())[1]["email"]


@pytest.mark.parametrize("line", ["x" * 79 + "\n", "x" * 20_000, '"\\\n' * 20_000, "한국어\n" * 20_000, "\n" * 30_000])
def test_nothing_is_too_long_for_either_end(line):
    body = payload(*[line * (20_000 // len(line) or 1)] * 8, title="한" * 400)
    fields, bodies = published(message(body))
    content = json.loads(bodies["https"])["content"]
    assert 0 < len(content["title"]) <= 250
    assert 0 < len(content["description"]) <= 8000
    assert content["nextSteps"] == [f"<{LINK}|CloudTrail event>"]
    assert len(fields["Message"].encode()) + len(fields["Subject"]) <= 262_144
    assert 0 < len(fields["Subject"]) < 100


def test_a_description_is_cut_at_the_end_of_a_line_and_says_so():
    content = json.loads(published(message(payload("0123456789\n" * 2000, links=False)))[1]["https"])["content"]
    assert content["description"].endswith("0123456789\n…")
    assert len(content["description"]) > 7900


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("🔴 CRITICAL: SSH from 0.0.0.0/0", "CRITICAL: SSH from 0.0.0.0/0"),
        ("plain", "plain"),
        ("two\nlines\r\n\tand a tab", "two lines and a tab"),
        ("\x00\x1b[31mred", "[31mred"),
        ("한국어만", "gatewatch alert"),
        ("", "gatewatch alert"),
        ("   ", "gatewatch alert"),
        ("a" * 200, "a" * 99),
        ("a" * 98 + " b", "a" * 98),
    ],
)
def test_a_subject_keeps_the_rules_of_sns(title, expected):
    assert subject_of(title) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("🔴 Critical: SSH open to the internet", "HIGH: SSH open to the internet - 111122223333"),
        ("🔴 심각: 인터넷에 SSH 개방", "HIGH: SSH - 111122223333"),
        ("🟡 中: 広いネットワーク（52.0.0.0/8）にTCP 8443を開放", "HIGH: 52.0.0.0/8 TCP 8443 - 111122223333"),
        ("🔇 침묵", "HIGH: gatewatch alert - 111122223333"),
    ],
)
def test_the_subject_of_what_comes_instead_says_how_bad_it_is_and_what_ascii_is_left(title, expected):
    told = message(payload(title=title), severity=Severity.HIGH, account_id="111122223333")
    fields, bodies = published(told)
    assert fields["Subject"] == expected
    assert bodies["email"].startswith(f"{title}\n111122223333\n\n")


@pytest.mark.parametrize(
    "body", ["", "no JSON", "{}", '{"attachments":[]}', '{"attachments":[{"blocks":[{}]}]}', "[1]"]
)
def test_a_body_of_an_unknown_form_is_told_as_it_is(body):
    given = msgspec.structs.replace(message(), body=body)
    fields, bodies = published(given)
    assert fields["Subject"] == "INFO: gatewatch alert"
    assert body in bodies["email"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottledException", TransientDeliveryError),
        ("Throttling", TransientDeliveryError),
        ("InternalError", TransientDeliveryError),
        ("ServiceUnavailable", TransientDeliveryError),
        ("KMSThrottlingException", TransientDeliveryError),
        ("", TransientDeliveryError),
        ("NotFound", PermanentDeliveryError),
        ("AuthorizationError", PermanentDeliveryError),
        ("InvalidParameter", PermanentDeliveryError),
        ("KMSAccessDenied", PermanentDeliveryError),
        ("EndpointDisabled", PermanentDeliveryError),
    ],
)
def test_a_refusal_of_sns_is_for_now_or_for_good(code, kind):
    topic = Topic(ClientError({"Error": {"Code": code}}, "Publish"))
    with pytest.raises(kind, match=f"^SNS: {code}$"):
        Sns(topic, HUB).post(message(), SnsTopic())


def test_no_answer_of_sns_is_for_now():
    with pytest.raises(TransientDeliveryError, match="SNS: ConnectTimeoutError"):
        Sns(Topic(ConnectTimeoutError(endpoint_url="https://sns.example")), HUB).post(message(), SnsTopic())


def test_a_subscriber_of_the_real_call_gets_the_default_body():
    with Cloud() as cloud:
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        sns, sqs = session.client("sns"), session.client("sqs")
        topic = sns.create_topic(Name="gatewatch-prod-alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        receipt = Sns(sns, topic).post(message(), SnsTopic())
        envelope = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert receipt.answer == envelope["MessageId"]
    assert envelope["Subject"] == "INFO: [CRITICAL] SSH from 0.0.0.0/0"
    assert "payments-prod" in envelope["Message"]
