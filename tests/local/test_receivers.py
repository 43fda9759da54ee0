"""The local PagerDuty, Teams and webhook accept and refuse as the real ones do; PagerDuty's own client agrees."""

import json
import time

import pytest

from gatewatch.config.destinations import PagerDuty, SecretRef, Teams, Webhook
from gatewatch.delivery.http import JSON_HEADERS
from gatewatch.delivery.pagerduty import PagerDutySender
from gatewatch.delivery.teams import TeamsSender
from gatewatch.delivery.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookSender, signature
from gatewatch.errors import PermanentDeliveryError
from gatewatch.local.receivers import ROUTING_KEY, SIGNING_KEY, Receivers
from gatewatch.rendering.json_message import JsonRenderer
from gatewatch.rendering.pagerduty import IncidentRenderer
from gatewatch.rendering.presentation import Presentation
from gatewatch.rendering.teams import TeamsRenderer
from support.destination_goldens import CASES, messages_of
from support.destinations import FixedSecrets, http_client
from support.rendering import LOADED

pagerduty = pytest.importorskip("pagerduty", reason="pagerduty is not installed; make test installs it")
httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed; make test installs it")
KEY, URL, SIGNING = SecretRef(ssm="/key"), SecretRef(ssm="/url"), SecretRef(ssm="/signing")


@pytest.fixture
def receivers():
    with Receivers() as receivers:
        yield receivers


@pytest.fixture
def http():
    return http_client()


def secrets(url="", key=ROUTING_KEY, signing=SIGNING_KEY):
    return FixedSecrets({"/key": key, "/url": url, "/signing": signing})


@pytest.mark.parametrize("case", CASES)
def test_every_golden_alert_is_accepted_by_each_receiver(receivers, http, case):
    for message in messages_of(case, "ko"):
        events = IncidentRenderer(LOADED).render(message)
        PagerDutySender(http, secrets(), receivers.url).post("pager", events, PagerDuty(KEY))
        card = TeamsRenderer(LOADED).render(message, Presentation(cut=TeamsRenderer(LOADED).cut(message)))
        TeamsSender(http, secrets(receivers.teams_url("room"))).post("room", card, Teams(URL))
        sender = WebhookSender(http, secrets(receivers.webhook_url("siem")), time.time)
        sender.post("siem", JsonRenderer(LOADED).render(message), Webhook(URL, SIGNING))
    assert {each.kind for each in receivers.received} >= {"teams", "webhook"}


def client(receivers, key=ROUTING_KEY):
    """PagerDuty's client, which speaks HTTPS only: its requests are handed on to the local double."""

    def hand_on(request):
        result = http_client().post(f"{receivers.url}{request.url.path}", request.content, JSON_HEADERS)
        return httpx2.Response(result.status, content=result.body)

    return pagerduty.EventsApiV2Client(key, transport=httpx2.MockTransport(hand_on))


def test_pagerdutys_client_and_ours_send_the_same_event(receivers, http):
    (message,) = messages_of("world", "en")
    (event,) = IncidentRenderer(LOADED).render(message)
    PagerDutySender(http, secrets(), receivers.url).post("pager", (event,), PagerDuty(KEY))
    ours = receivers.received[0].body
    details = {name: value for name, value in ours["payload"].items() if name not in {"summary", "source", "severity"}}
    answer = client(receivers).trigger(
        ours["payload"]["summary"],
        ours["payload"]["source"],
        dedup_key=ours["dedup_key"],
        severity=ours["payload"]["severity"],
        payload=details,
        links=ours["links"],
    )
    theirs = receivers.received[1].body
    assert answer == ours["dedup_key"]
    assert {name: value for name, value in ours.items() if name != "client"} == theirs


def test_pagerdutys_client_resolves_what_ours_triggered(receivers):
    assert client(receivers).resolve("gatewatch-exposure-1") == "gatewatch-exposure-1"
    assert receivers.received[0].body == {
        "routing_key": ROUTING_KEY,
        "event_action": "resolve",
        "dedup_key": "gatewatch-exposure-1",
    }


@pytest.mark.parametrize("key", ["short", ROUTING_KEY + "0"])
def test_a_wrong_routing_key_is_refused_for_both(receivers, http, key):
    (message,) = messages_of("world", "en")
    events = IncidentRenderer(LOADED).render(message)
    with pytest.raises(PermanentDeliveryError, match="HTTP 400"):
        PagerDutySender(http, secrets(key=key), receivers.url).post("pager", events, PagerDuty(KEY))
    with pytest.raises(pagerduty.HttpError):
        client(receivers, key).trigger("summary", "source")
    assert receivers.received == ()


def test_a_request_with_another_key_or_an_old_one_is_refused(receivers, http):
    (message,) = messages_of("world", "en")
    body = JsonRenderer(LOADED).render(message)
    url = receivers.webhook_url("siem")
    attempts = ((secrets(url, signing="another"), time.time), (secrets(url), lambda: time.time() - 301))
    for stored, now in attempts:
        with pytest.raises(PermanentDeliveryError, match="HTTP 401"):
            WebhookSender(http, stored, now).post("siem", body, Webhook(URL, SIGNING))
    assert receivers.received == ()


def status_of(receivers, path, body, **headers):
    return http_client().post(f"{receivers.url}{path}", body, headers).status


@pytest.mark.parametrize("body", [b"", b"[]", b"{", json.dumps({"type": "message", "attachments": []}).encode()])
def test_what_is_no_card_no_event_and_no_signed_object_is_refused(receivers, body):
    now = str(int(time.time()))
    signed = {TIMESTAMP_HEADER: now, SIGNATURE_HEADER: signature(SIGNING_KEY, now, body)}
    statuses = [status_of(receivers, path, body, **signed) for path in ("/teams/x", "/v2/enqueue", "/other")]
    assert statuses == [400, 400, 404]
    assert status_of(receivers, "/webhook/x", body) == 401
