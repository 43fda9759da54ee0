"""The Teams client against a local server, and which hosts it sends to."""

import json

import pytest

from gatewatch.config.destinations import SecretRef, Teams
from gatewatch.delivery.teams import TeamsSender
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError
from support.destinations import DestinationServer, FixedSecrets, http_client

DESTINATION = Teams(url=SecretRef(ssm="/gatewatch/teams"))
PAYLOAD = {"type": "message", "attachments": []}


def post(url, rotated=None, http=None):
    secrets = FixedSecrets({"/gatewatch/teams": url}, {"/gatewatch/teams": rotated or url})
    return TeamsSender(http or http_client(), secrets).post("room", PAYLOAD, DESTINATION)


@pytest.mark.parametrize("status", [200, 202])
def test_a_card_is_posted_to_the_workflow(status):
    with DestinationServer(status) as server:
        receipt = post(f"{server.url}\n")
    (request,) = server.requests
    assert (receipt.destination, receipt.response) == ("room", f"HTTP {status}")
    assert json.loads(request.body) == PAYLOAD


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_error_that_may_pass_is_retried(status):
    with DestinationServer((status, {"Retry-After": "9"})) as server, pytest.raises(TransientDeliveryError) as caught:
        post(server.url)
    assert caught.value.retry_after == 9.0


@pytest.mark.parametrize("status", [302, 400, 413])
def test_a_refused_card_is_permanent(status):
    with DestinationServer((status, {"Location": "/"})) as server, pytest.raises(PermanentDeliveryError):
        post(server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_the_url_of_a_workflow_that_was_made_again_is_read_again(status):
    with DestinationServer(status) as old, DestinationServer(202) as new:
        assert post(old.url, rotated=new.url).response == "HTTP 202"


class Http:
    """Accepts every request and records its URL."""

    def __init__(self):
        self.urls = []

    def post(self, url, _body, _headers):
        self.urls.append(url)
        raise TransientDeliveryError("no answer")


@pytest.mark.parametrize(
    "url",
    [
        "https://prod-12.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=x",
        "https://default0.a7.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1",
        "https://prod-58.usgovtexas.logic.azure.us:443/workflows/1",
    ],
)
def test_the_hosts_of_workflows_are_known(url):
    http = Http()
    with pytest.raises(TransientDeliveryError):
        post(url, http=http)
    assert http.urls == [url]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/sEcReT?x=.logic.azure.com",
        "https://logic.azure.com.evil.example/sEcReT",
        "https://hooks.slack.com/services/sEcReT",
        "http://prod-12.westeurope.logic.azure.com/sEcReT",
        "https://example.webhook.office.com/webhookb2/sEcReT",
    ],
)
def test_any_other_host_is_refused_without_a_request(url):
    http = Http()
    with pytest.raises(PermanentDeliveryError, match="is no URL of a Teams workflow") as caught:
        post(url, http=http)
    assert http.urls == []
    assert "sEcReT" not in str(caught.value)
