"""Messages to people are sent once for each attempt: what botocore repeats by itself is a copy that nobody counts."""

import pytest
from botocore.exceptions import ClientError

from gatewatch.aws.clients import Aws
from gatewatch.aws.sessions import CoreSession
from gatewatch.config.destinations import EventBus, SnsTopic
from gatewatch.delivery.eventbridge import EventBridgeSender
from gatewatch.delivery.sns import Sns
from gatewatch.errors import TransientDeliveryError, UncertainDeliveryError
from gatewatch.local.aws.time_limits import without_time_limits
from gatewatch.rendering.ocsf import FindingEvent
from gatewatch.rendering.sns_body import SnsBody
from support.slack_server import Server, http, reset


@pytest.fixture(autouse=True)
def _without_time_limits():
    """Which answer there is decides, not how long it takes."""
    with without_time_limits():
        yield


class LocalSession(CoreSession):
    """Sends every request to one address."""

    def __init__(self, url):
        super().__init__("eu-west-1", ("id", "key", "token"))
        self._url = url

    def client(self, service_name, *, config=None, **parameters):
        return super().client(service_name, config=config, endpoint_url=self._url, **parameters)


def publish(aws):
    Sns(aws.sns, "").publish(
        "alerts", SnsBody("subject", "mail", {}), SnsTopic(topic="arn:aws:sns:eu-west-1:123456789012:topic")
    )


def put_events(aws):
    finding = FindingEvent("type", {})
    EventBridgeSender(aws.events_one_attempt).post("bus", [finding], EventBus(bus="bus"))


ERROR, ODD, EMPTY = http(503, ""), http(200, "o", length=2), http(200, "")
LOST = [reset(), http(200, "o", length=9), ODD, EMPTY, http(200, "{}")]


@pytest.mark.parametrize(("answer", "is_uncertain"), [(ERROR, False), *((each, True) for each in LOST)])
@pytest.mark.parametrize("send", [publish, put_events])
def test_a_message_is_sent_once_whatever_the_answer_is(send, answer, is_uncertain):
    with Server(*[answer] * 3) as server, pytest.raises(TransientDeliveryError) as caught:
        send(Aws(LocalSession(f"http://127.0.0.1:{server.port}")))
    assert len(server.requests) == 1
    assert isinstance(caught.value, UncertainDeliveryError) is is_uncertain


def test_a_message_to_a_queue_is_repeated_which_its_deduplication_id_makes_harmless():
    with Server(*[ERROR] * 3) as server, pytest.raises(ClientError):
        Aws(LocalSession(f"http://127.0.0.1:{server.port}")).sqs.send_message(QueueUrl="http://q/1/q", MessageBody="m")
    assert len(server.requests) == 3
