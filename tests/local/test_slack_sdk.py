"""Slack's own client library talks to the local Slack, and its models accept every golden message."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from gatewatch.actions.slack_signature import is_signed, signed_request
from gatewatch.config.destinations import SecretRef, SlackApp
from gatewatch.delivery.slack import Slack
from gatewatch.errors import PermanentDeliveryError, TransientDeliveryError, UncertainDeliveryError
from gatewatch.local.slack.inbox import Inbox
from support import judges
from support.destinations import http_client
from support.paths import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MESSAGES = sorted(GOLDEN.glob("*/slack.*.json"))
CHANNEL, TOKEN = "C0123456789", "xoxb-made-up"


@pytest.fixture(scope="module")
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


def payloads(path: Path) -> list[dict]:
    found = json.loads(path.read_text("utf-8"))
    return found if isinstance(found, list) else [found]


def client(inbox: Inbox, token: str = TOKEN) -> WebClient:
    return WebClient(token, base_url=inbox.api)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_golden_message_is_accepted_by_both_clients_and_by_the_models_of_the_library(inbox, path):
    for payload in payloads(path):
        answer = client(inbox).chat_postMessage(channel=CHANNEL, **payload)
        assert (answer["ok"], inbox.received[-1].ts) == (True, answer["ts"])
        webhook = WebhookClient(inbox.webhook_url("sec-prod")).send(**payload)
        assert (webhook.status_code, webhook.body) == (200, "ok")
        judges.count("slack_sdk", 2)
        for block in blocks(payload):
            parsed = Block.parse(block)
            assert parsed is not None
            assert parsed.type == block["type"]
            parsed.validate_json()
            judges.count("slack_sdk")


def blocks(payload: dict) -> list[dict]:
    return [*payload.get("blocks", []), *(block for each in payload["attachments"] for block in each["blocks"])]


def test_an_edit_shows_and_a_message_that_is_not_there_cannot_be_edited(inbox):
    slack, payload = client(inbox), payloads(MESSAGES[0])[0]
    ts = slack.chat_postMessage(channel=CHANNEL, **payload)["ts"]
    assert slack.chat_update(channel=CHANNEL, ts=ts, **payload)["ts"] == ts
    with pytest.raises(SlackApiError) as refused:
        slack.chat_update(channel=CHANNEL, ts="1.000001", **payload)
    assert refused.value.response["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("token", "arguments", "error"),
    [
        ("", {"channel": CHANNEL, "text": "hello"}, "not_authed"),
        (TOKEN, {"channel": "", "text": "hello"}, "channel_not_found"),
        (TOKEN, {"channel": CHANNEL, "text": "hello", "blocks": [{"type": "header"}]}, "invalid_blocks"),
    ],
)
def test_errors_have_the_codes_that_the_library_expects(inbox, token, arguments, error):
    with pytest.raises(SlackApiError) as refused:
        client(inbox, token).chat_postMessage(**arguments)
    assert refused.value.response["error"] == error


def test_the_models_refuse_a_block_that_slack_refuses():
    with pytest.raises(SlackObjectFormationError):
        Block.parse({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}).validate_json()


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """A function that starts a server with one answer and returns its address; all are stopped at the end."""
    servers = []

    def start(status: int, body: dict, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                self.send_response(status)
                text = json.dumps(body).encode()
                for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                """Nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/api/"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


@pytest.mark.parametrize(
    ("status", "error", "headers", "kind", "retry_after"),
    [
        (429, "ratelimited", {"Retry_After": "7"}, TransientDeliveryError, 7.0),
        (200, "channel_not_found", {}, PermanentDeliveryError, None),
        (200, "msg_too_long", {}, PermanentDeliveryError, None),
        (503, "service_unavailable", {}, TransientDeliveryError, None),
        (500, "fatal_error", {}, UncertainDeliveryError, None),
    ],
)
def test_rate_limits_and_errors_are_those_that_the_library_sees(answering, status, error, headers, kind, retry_after):
    api = answering(status, {"ok": False, "error": error}, **headers)
    with pytest.raises(SlackApiError) as theirs:
        WebClient(TOKEN, base_url=api, retry_handlers=[]).chat_postMessage(channel=CHANNEL, text="hello")
    sender = Slack(http_client(), SimpleNamespace(get=lambda _ref, **_: TOKEN), api)
    with pytest.raises(kind) as ours:
        sender.post("sec-app", {"text": "hello"}, SlackApp(token=SecretRef(ssm="/a"), channel=CHANNEL))
    judges.count("slack_sdk")
    response = theirs.value.response
    assert (response.status_code, response["error"], error in str(ours.value)) == (status, error, True)
    assert type(ours.value) is kind
    if retry_after:
        assert float(response.headers["Retry-After"]) == ours.value.retry_after == retry_after


# The example of https://docs.slack.dev/authentication/verifying-requests-from-slack.
DOCUMENTED = {
    "secret": "8f742231b10e8888abcd99yyyzzz85a5",
    "timestamp": "1531420618",
    "body": (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    ),
    "signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}


def judged(secret: str, timestamp: str, body: str, signature: str) -> tuple[bool, bool]:
    """Whether gatewatch and the library accept a signed request, both at the time of its timestamp."""
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
    request = signed_request({"headers": headers, "body": body}, float(timestamp))
    clock = SimpleNamespace(now=lambda: float(timestamp))
    theirs = SignatureVerifier(secret, clock).is_valid(body, timestamp, signature)
    judges.count("slack_sdk")
    return request is not None and is_signed(request, [secret.encode()]), theirs


def test_the_example_of_the_documentation_of_slack_is_accepted():
    assert judged(**DOCUMENTED) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "8f742231b10e8888abcd99yyyzzz85a6"},
        {"timestamp": "1531420619"},
        {"body": DOCUMENTED["body"] + "&"},
        {"signature": DOCUMENTED["signature"][:-1] + "4"},
        {"signature": DOCUMENTED["signature"].replace("v0", "v1")},
        {"signature": "v0="},
    ],
    ids=["secret", "time", "body", "last digit", "version", "empty"],
)
def test_a_changed_example_is_refused_by_both(change):
    assert judged(**DOCUMENTED | change) == (False, False)


@pytest.mark.parametrize("body", ["", "payload=%7B%7D", "한국어", "x" * 100_000])
def test_what_the_library_signs_is_accepted(body):
    signature = SignatureVerifier("another").generate_signature(timestamp="1700000000", body=body)
    assert judged("another", "1700000000", body, signature) == (True, True)
