"""The PagerDuty client against a local server."""

import json

import pytest

from gatewatch.config.destinations import PagerDuty, SecretRef
from gatewatch.delivery.pagerduty import PagerDutySender
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from gatewatch.rendering.pagerduty import IncidentEvent
from support.destinations import DestinationServer, FixedSecrets, http_client

KEY = "0123456789abcdef0123456789abcdef"
DESTINATION = PagerDuty(routing_key=SecretRef(ssm="/gatewatch/pagerduty"))
RESOLVE = IncidentEvent(event_action="resolve", dedup_key="one")
OTHER = IncidentEvent(event_action="resolve", dedup_key="two")


def post(server, *events, key=KEY, rotated=KEY):
    secrets = FixedSecrets({"/gatewatch/pagerduty": key}, {"/gatewatch/pagerduty": rotated})
    sender = PagerDutySender(http_client(), secrets, server.url.partition("/hook")[0])
    return sender.post("pager", events, DESTINATION)


def test_events_are_sent_in_order_with_the_routing_key():
    with DestinationServer(202) as server:
        receipt = post(server, RESOLVE, OTHER, key=f"{KEY}\n")
    assert (receipt.destination, receipt.response) == ("pager", "HTTP 202")
    assert [each.path for each in server.requests] == ["/v2/enqueue"] * 2
    assert [json.loads(each.body) for each in server.requests] == [
        {"routing_key": KEY, "event_action": "resolve", "dedup_key": name} for name in ("one", "two")
    ]


def test_a_message_without_events_is_done_without_a_request():
    with DestinationServer(202) as server:
        assert post(server).response == "no incident is concerned"
    assert server.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_error_that_may_pass_is_retried(status):
    with DestinationServer((status, {"Retry-After": "30"})) as server, pytest.raises(TransientDeliveryError) as caught:
        post(server, RESOLVE)
    assert caught.value.retry_after == 30.0


def test_an_event_without_an_answer_is_sent_until_there_is_one():
    with DestinationServer(504) as server, pytest.raises(TransientDeliveryError) as caught:
        post(server, RESOLVE)
    assert type(caught.value) is TransientDeliveryError


@pytest.mark.parametrize("status", [302, 400, 402, 404, 413])
def test_an_invalid_event_or_key_is_permanent(status):
    with DestinationServer(status) as server, pytest.raises(PermanentDeliveryError, match=f"HTTP {status}") as caught:
        post(server, RESOLVE, OTHER)
    assert KEY not in str(caught.value)
    assert {json.loads(each.body)["dedup_key"] for each in server.requests} == {"one"}


def test_a_rejected_routing_key_is_read_again_once():
    with DestinationServer(400, 202) as server:
        post(server, RESOLVE, key="old")
    assert [json.loads(each.body)["routing_key"] for each in server.requests] == ["old", KEY]


@pytest.mark.parametrize(("region", "host"), [("us", "events.pagerduty.com"), ("eu", "events.eu.pagerduty.com")])
def test_an_account_of_a_region_has_its_host(region, host):
    urls = []

    class Http:
        def post(self, url, _body, _headers):
            urls.append(url)
            raise TransientDeliveryError("no answer")

    destination = PagerDuty(routing_key=SecretRef(ssm="/key"), service_region=region)
    with pytest.raises(TransientDeliveryError):
        PagerDutySender(Http(), FixedSecrets({"/key": KEY})).post("pager", (RESOLVE,), destination)
    assert urls == [f"https://{host}/v2/enqueue"]
