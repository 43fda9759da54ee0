"""PutEvents on a bus of moto, and every answer of EventBridge."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from moto import mock_aws

from gatewatch.config.destinations import EventBus
from gatewatch.delivery.eventbridge import EventBridgeSender
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.rendering.ocsf import FindingEvent

BUS = EventBus(bus="arn:aws:events:eu-west-1:123456789012:event-bus/security")
FINDING = FindingEvent("gatewatch alert", {"class_uid": 2004, "message": "보안"})


class Events:
    """Answers each call by the next error codes, one an entry, or raises; None accepts the entry."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def put_events(self, *, Entries):  # noqa: N803
        self.calls.append(Entries)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        codes = answer or [None] * len(Entries)
        return {"Entries": [{"ErrorCode": code} if code else {"EventId": f"id-{len(self.calls)}"} for code in codes]}


def post(events, count=1):
    return EventBridgeSender(events).post("bus", [FINDING] * count, BUS)


def test_a_finding_arrives_at_a_rule_of_the_bus():
    with mock_aws():
        events, sqs = (boto3.client(name, region_name="eu-west-1") for name in ("events", "sqs"))
        events.create_event_bus(Name="security")
        queue = sqs.create_queue(QueueName="findings")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": ["gatewatch"], "detail": {"class_uid": [2004]}})
        events.put_rule(Name="all", EventBusName="security", EventPattern=pattern)
        events.put_targets(Rule="all", EventBusName="security", Targets=[{"Id": "1", "Arn": arn}])
        receipt = post(events)
        (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert receipt.destination == "bus" and receipt.response
    assert (envelope["source"], envelope["detail-type"]) == ("gatewatch", "gatewatch alert")
    assert envelope["detail"] == FINDING.detail


def test_many_findings_are_put_ten_at_a_time():
    events = Events()
    assert post(events, 23).response == "id-1"
    assert [len(each) for each in events.calls] == [10, 10, 3]
    assert {entry["EventBusName"] for call in events.calls for entry in call} == {BUS.bus}


@pytest.mark.parametrize("code", ["InternalFailure", "InternalException", "ThrottlingException", "a new one"])
def test_an_error_that_may_pass_is_retried(code):
    for answer in ([code], ClientError({"Error": {"Code": code}}, "PutEvents")):
        with pytest.raises(TransientDeliveryError, match=f"EventBridge: {code}"):
            post(Events(answer))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "NotAuthorizedForSource", "ResourceNotFoundException", "MalformedDetail"]
)
def test_an_error_that_will_not_pass_is_permanent(code):
    for answer in ([code], ClientError({"Error": {"Code": code}}, "PutEvents")):
        with pytest.raises(PermanentDeliveryError, match=f"EventBridge: {code}"):
            post(Events(answer))


def test_one_entry_that_failed_fails_the_message():
    with pytest.raises(TransientDeliveryError):
        post(Events([None, "InternalFailure"]), 2)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ConnectTimeoutError, TransientDeliveryError), (ReadTimeoutError, UncertainDeliveryError)],
)
def test_no_answer_is_tried_again_and_uncertain_when_the_event_was_sent(error, kind):
    with pytest.raises(kind, match=error.__name__) as caught:
        post(Events(error(endpoint_url="https://events.example")))
    assert type(caught.value) is kind
