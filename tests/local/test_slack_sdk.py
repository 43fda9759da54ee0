"""Slack's own client library talks to the local Slack, and its models accept every golden message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from gatewatch.local.slack.inbox import Inbox
from support.paths import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Iterator
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
        for block in blocks(payload):
            parsed = Block.parse(block)
            assert parsed is not None
            assert parsed.type == block["type"]
            parsed.validate_json()


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
