"""The webhook of the user's choice against a local server: signature, answers, secrets and URLs."""

import hashlib
import hmac
import json
import shutil
import subprocess

import pytest

from gatewatch.config.destinations import SecretRef, Webhook
from gatewatch.delivery.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookSender, signature
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.rendering.json_message import JsonMessage
from support.destinations import DestinationServer, FixedSecrets, http_client

DESTINATION = Webhook(url=SecretRef(ssm="/gatewatch/url"), signing_key=SecretRef(secret="gatewatch/key"))
KEY = "kEy-of-32-characters-0123456789ab"
MESSAGE = JsonMessage(
    kind="notice",
    id="one",
    destination="siem",
    fallback_for=None,
    severity="high",
    language="ko",
    summary="보안 그룹",
    text=(),
)


def secrets(url, key=KEY, rotated=()):
    return FixedSecrets({"/gatewatch/url": url, "gatewatch/key": key}, rotated)


def post(stored, now=1_700_000_000.9):
    return WebhookSender(http_client(), stored, lambda: now).post("siem", MESSAGE, DESTINATION)


def test_a_message_is_posted_as_signed_json():
    with DestinationServer(202) as server:
        receipt = post(secrets(f" {server.url}\n"))
    (request,) = server.requests
    assert (receipt.destination, receipt.response) == ("siem", "HTTP 202")
    assert json.loads(request.body)["summary"] == "보안 그룹"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert request.headers[TIMESTAMP_HEADER] == "1700000000"
    expected = hmac.new(KEY.encode(), b"v1:1700000000:" + request.body, hashlib.sha256).hexdigest()
    assert request.headers[SIGNATURE_HEADER] == f"v1={expected}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_computes_the_same_signature():
    body = b'{"version":"1"}'
    ran = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", KEY], input=b"v1:1700000000:" + body, capture_output=True, check=True
    )
    assert signature(KEY, "1700000000", body) == f"v1={ran.stdout.decode().split()[-1]}"


@pytest.mark.parametrize("other", [("x" + KEY, "1", b"{}"), (KEY, "2", b"{}"), (KEY, "1", b"{} ")])
def test_the_signature_depends_on_key_time_and_body(other):
    assert signature(*other) != signature(KEY, "1", b"{}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_a_delivery(status):
    with DestinationServer(status) as server:
        assert post(secrets(server.url)).response == f"HTTP {status}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_an_error_that_may_pass_is_retried(status):
    with DestinationServer((status, {"Retry-After": "17"})) as server, pytest.raises(TransientDeliveryError) as caught:
        post(secrets(server.url))
    assert (str(caught.value), caught.value.retry_after, len(server.requests)) == (f"HTTP {status}", 17.0, 1)


def test_whether_a_message_behind_a_timeout_of_a_proxy_was_accepted_is_uncertain():
    with DestinationServer(504) as server, pytest.raises(UncertainDeliveryError, match="HTTP 504"):
        post(secrets(server.url))


@pytest.mark.parametrize("status", [301, 302, 307, 400, 413, 422])
def test_an_error_that_will_not_pass_is_refused_at_once(status):
    with DestinationServer((status, {"Location": "/"})) as server, pytest.raises(PermanentDeliveryError) as caught:
        post(secrets(server.url))
    assert (str(caught.value), len(server.requests)) == (f"HTTP {status}", 1)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_rejected_secret_is_read_again_once(status):
    with DestinationServer(status, 200) as server:
        assert post(secrets(server.url, "old", rotated={"gatewatch/key": KEY})).response == "HTTP 200"
    last = server.requests[-1]
    assert last.headers[SIGNATURE_HEADER] == signature(KEY, last.headers[TIMESTAMP_HEADER], last.body)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_secret_that_is_rejected_twice_is_permanent(status):
    with DestinationServer(status) as server, pytest.raises(PermanentDeliveryError, match=f"HTTP {status}"):
        post(secrets(server.url))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("url", "key", "reason"),
    [
        ("http://siem.example/sEcReT", KEY, "no https URL of a public host"),
        ("https://169.254.169.254/sEcReT", KEY, "no https URL of a public host"),
        ("https://siem.example/sEcReT", " ", "signing_key is empty"),
    ],
)
def test_an_unusable_secret_is_permanent_and_not_shown(url, key, reason):
    with pytest.raises(PermanentDeliveryError, match=reason) as caught:
        post(secrets(url, key))
    assert "sEcReT" not in str(caught.value)
