"""Subscribers of the alerts topic: email and chat by parameter, and what arrives at an https subscriber."""

import json

import boto3
import msgspec
import pytest
import responses
from cfnlint.decode.cfn_yaml import load
from moto import mock_aws

from gatewatch.alerts.pipeline import AlertPipeline, run_pipeline
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.aws.hub_table import HubTable
from gatewatch.config.destinations import SnsTopic
from gatewatch.config.settings import emergency_settings
from gatewatch.delivery.channels import Channels
from gatewatch.delivery.message_updates import MessageUpdates
from gatewatch.delivery.sns import Sns
from gatewatch.delivery.thread_store import ThreadStore
from gatewatch.delivery.threads import Threads
from gatewatch.events.decoding import decode
from gatewatch.rendering.chatbot_validation import chatbot_problems
from gatewatch.rendering.presentation import Presentation
from support.paths import ROOT
from support.rendering import SLACK, SNS
from support.tables import create_table

HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
ENDPOINT = "https://chat.example.com/sns"


def test_mail_and_chat_are_subscribed_only_when_they_are_named():
    for name in ("MailTo", "ChatWorkspaceId", "ChatChannelId"):
        assert HUB["Parameters"][name]["Default"] == ""
    conditions = {
        name: HUB["Resources"][name]["Condition"]
        for name in ("AlertsEmailSubscription", "AlertsSlackChannel", "ChatbotRole")
    }
    assert conditions == {
        "AlertsEmailSubscription": "HasMail",
        "AlertsSlackChannel": "HasChat",
        "ChatbotRole": "HasChat",
    }


def test_chat_is_for_the_commercial_partition_and_may_do_nothing():
    assert {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]} in HUB["Conditions"]["HasChat"]["Fn::And"]
    chat = HUB["Resources"]["AlertsSlackChannel"]["Properties"]
    assert chat["SnsTopicArns"] == [{"Ref": "Alerts"}]
    assert [guard["Fn::Sub"].endswith(":policy/AWSDenyAll") for guard in chat["GuardrailPolicies"]] == [True]
    assert not HUB["Resources"]["ChatbotRole"]["Properties"].keys() & {"Policies", "ManagedPolicyArns"}


class Topic:
    """A topic with an https subscriber and a queue; `arrived` is what the first was sent, `mails` the plain text."""

    table = "gatewatch-test"

    def __init__(self, web):
        self._web = web
        self._sqs, sns = (boto3.client(name, region_name="eu-west-1") for name in ("sqs", "sns"))
        self._queue = self._sqs.create_queue(QueueName="mail")["QueueUrl"]
        arn = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="https", Endpoint=ENDPOINT)
        queue_arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn["QueueArn"])
        create_table(boto3.client("dynamodb", region_name="eu-west-1"), self.table)
        self.channels = Channels(None, SLACK, Sns(sns, arn), SNS)

    @property
    def arrived(self):
        envelopes = [json.loads(call.request.body) for call in self._web.calls]
        return [each for each in envelopes if each["Type"] == "Notification"]

    @property
    def mails(self):
        got = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)["Messages"]
        return [json.loads(each["Body"])["Message"] for each in got]


@pytest.fixture
def topic():
    with mock_aws(), responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.add_passthru("https://sns.")
        web.add(responses.POST, ENDPOINT, status=200)
        yield Topic(web)


def messages_for_a_topic(language, *events):
    """As functions/alert puts it into the outbox of a hub whose only destination is its topic."""
    everything = emergency_settings()
    defaults = msgspec.structs.replace(everything.defaults, language=language)
    pipeline = AlertPipeline(msgspec.structs.replace(everything, defaults=defaults), InMemoryRuleHistory())
    return [message for event in events for call in decode(event) for message in run_pipeline(call, pipeline).messages]


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "🔴 Critical: SSH open to the internet"),
        ("ko", "🔴 심각: 인터넷에 SSH 개방"),
        ("ja", "🔴 重大: インターネットに SSH を開放"),
    ],
)
def test_what_arrives_at_a_chat_is_a_notification_in_the_readers_language(topic, build, language, title):
    event = build.event(build.authorize(build.item(v4=["0.0.0.0/0"]), eventID="e-1"))
    (message,) = messages_for_a_topic(language, event)
    topic.channels.post(message, Presentation(), SnsTopic())
    (envelope,) = topic.arrived
    notification = json.loads(envelope["Message"])
    assert chatbot_problems(notification) == ()
    assert notification["content"]["title"] == title
    assert "`tcp 22`" in notification["content"]["description"]
    assert len(notification["content"]["nextSteps"]) == 2
    assert notification["metadata"]["threadId"] == "e-1"
    assert envelope["Subject"].startswith("CRITICAL: SSH open to the internet - ")


def test_what_closes_an_exposure_arrives_in_the_thread_of_its_opening_and_says_how_long_it_was_open(topic, build):
    rule = build.item(v4=["0.0.0.0/0"])
    opened = build.event(build.authorize(rule, eventID="e-1"))
    closed = build.event(build.revoke(rule, eventID="e-2", eventTime="2026-01-24T03:59:49Z"))
    messages = messages_for_a_topic("en", opened, closed)
    store = ThreadStore(HubTable(boto3.client("dynamodb", region_name="eu-west-1"), topic.table, lambda: 0.0))
    for message in messages:
        updates = MessageUpdates(topic.channels, store, None, lambda: 0.0)
        Threads(topic.channels, updates, store).post(message, Presentation(), SnsTopic())
    first, second = (json.loads(each["Message"]) for each in topic.arrived)
    assert (first["metadata"]["threadId"], second["metadata"]["threadId"]) == ("e-1", "e-1")
    assert second["content"]["description"].startswith("✅ Was open for 14 min, opened by `alice`\n\n`unknown")
    assert chatbot_problems(second) == ()
    assert topic.mails[1].split("\n\n")[1] == "✅ Was open for 14 min, opened by alice"
