"""Who hears the alerts topic: mail and chat by parameter, and what really arrives at an https subscriber."""

import json
from pathlib import Path

import boto3
import pytest
import responses
from cfnlint.decode.cfn_yaml import load
from moto import mock_aws

from gatewatch.deliver.sns import Sns
from gatewatch.model import Message, Severity
from gatewatch.settings import SnsTopic

ROOT = Path(__file__).parents[1]
HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))
ENDPOINT = "https://chat.example.com/sns"


def test_mail_and_chat_are_subscribed_only_when_they_are_named():
    for name in ("MailTo", "ChatWorkspaceId", "ChatChannelId"):
        assert HUB["Parameters"][name]["Default"] == ""
    conditions = {name: HUB["Resources"][name]["Condition"] for name in ("AlertsByMail", "AlertsInChat", "ChatRole")}
    assert conditions == {"AlertsByMail": "HasMail", "AlertsInChat": "HasChat", "ChatRole": "HasChat"}


def test_chat_is_for_the_commercial_partition_and_may_do_nothing():
    assert {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]} in HUB["Conditions"]["HasChat"]["Fn::And"]
    chat = HUB["Resources"]["AlertsInChat"]["Properties"]
    assert chat["SnsTopicArns"] == [{"Ref": "Alerts"}]
    assert [guard["Fn::Sub"].endswith(":policy/AWSDenyAll") for guard in chat["GuardrailPolicies"]] == [True]
    assert not HUB["Resources"]["ChatRole"]["Properties"].keys() & {"Policies", "ManagedPolicyArns"}


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
def test_what_arrives_at_a_chat_is_a_notification_in_the_readers_language(language):
    (payload,) = json.loads((ROOT / "tests" / "golden" / "world" / f"slack.{language}.json").read_text("utf-8"))
    title = payload["attachments"][0]["blocks"][0]["text"]["text"]
    with mock_aws(), responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.add_passthru("https://sns.")
        web.add(responses.POST, ENDPOINT, status=200)
        sns = boto3.client("sns", region_name="eu-west-1")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=ENDPOINT)
        message = Message(
            key="k", destination="alerts", body=json.dumps(payload), event_id="e-1", severity=Severity.CRITICAL
        )
        Sns(sns, topic).post(message, SnsTopic())
        arrived = [json.loads(call.request.body) for call in web.calls]
    (notification,) = [json.loads(each["Message"]) for each in arrived if each["Type"] == "Notification"]
    content = notification["content"]
    assert (notification["version"], notification["source"], content["title"]) == ("1.0", "custom", title)
    assert "`tcp 22`" in content["description"]
    assert len(content["nextSteps"]) == 2
    assert notification["metadata"]["threadId"] == "e-1"
