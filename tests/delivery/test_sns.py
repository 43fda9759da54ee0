"""The SNS client: one publish, with a body for each protocol, and what its errors mean."""

import json

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from gatewatch.aws.clients import Aws
from gatewatch.aws.sessions import CoreSession
from gatewatch.config.destinations import SnsTopic
from gatewatch.delivery.sns import Sns
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.rendering.sns_body import SnsBody, subject_of

HUB = "arn:aws:sns:ap-northeast-2:999988887777:gatewatch-prod-alerts"
BODY = SnsBody("HIGH: s", "head\n\nmore\n", {"version": "1.0", "source": "custom", "content": {"title": "t"}})


class Topic:
    """Records what is published, or raises its error."""

    def __init__(self, error=None):
        self.error = error
        self.published = []

    def publish(self, **fields):
        self.published.append(fields)
        if self.error:
            raise self.error
        return {"MessageId": "m-1"}


def published(destination):
    topic = Topic()
    Sns(topic, HUB).publish("alerts", BODY, destination)
    (fields,) = topic.published
    return fields


def test_the_name_alerts_stands_for_the_topic_of_the_hub():
    other = "arn:aws:sns:ap-northeast-2:999988887777:another"
    assert published(SnsTopic())["TopicArn"] == HUB
    assert published(SnsTopic(topic=other))["TopicArn"] == other


def test_each_protocol_gets_its_body():
    fields = published(SnsTopic())
    assert (fields["Subject"], fields["MessageStructure"]) == ("HIGH: s", "json")
    bodies = json.loads(fields["Message"])
    assert bodies["email"] == bodies["default"] == "head\n\nmore\n"
    assert json.loads(bodies["https"]) == BODY.chat


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
def test_a_subject_is_within_the_limits_of_sns(title, expected):
    assert subject_of(title) == expected


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
def test_an_error_of_sns_is_transient_or_permanent(code, kind):
    topic = Topic(ClientError({"Error": {"Code": code}}, "Publish"))
    with pytest.raises(kind, match=f"^SNS: {code or 'ClientError'}$"):
        Sns(topic, HUB).publish("alerts", BODY, SnsTopic())


def test_a_connection_that_is_not_made_is_transient():
    with pytest.raises(TransientDeliveryError, match="SNS: ConnectTimeoutError") as caught:
        Sns(Topic(ConnectTimeoutError(endpoint_url="https://sns.example")), HUB).publish("alerts", BODY, SnsTopic())
    assert not isinstance(caught.value, UncertainDeliveryError)


@pytest.mark.parametrize("error", [ReadTimeoutError, ConnectionClosedError])
def test_whether_a_publish_without_an_answer_was_accepted_is_uncertain(error):
    with pytest.raises(UncertainDeliveryError, match=f"SNS: {error.__name__}"):
        Sns(Topic(error(endpoint_url="https://sns.example")), HUB).publish("alerts", BODY, SnsTopic())


@pytest.mark.parametrize("client", ["sns", "events_one_attempt"])
def test_botocore_does_not_repeat_what_is_sent_to_a_destination(client):
    session = CoreSession("eu-west-1", ("made-up", "made-up", ""))
    assert getattr(Aws(session), client).meta.config.retries["total_max_attempts"] == 1


def test_a_subscriber_of_a_real_topic_gets_the_default_body():
    with Cloud() as cloud:
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        sns, sqs = session.client("sns"), session.client("sqs")
        topic = sns.create_topic(Name="gatewatch-prod-alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        receipt = Sns(sns, topic).publish("alerts", BODY, SnsTopic())
        envelope = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert receipt.response == envelope["MessageId"]
    assert (envelope["Subject"], envelope["Message"]) == (BODY.subject, BODY.mail)
