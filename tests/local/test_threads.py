"""The local Slack edits messages in place, and the closed rule of the scenario becomes a thread."""

import json

import pytest
import urllib3

from gatewatch.local.demo.deployment import deploy
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.slack.inbox import Inbox


def body(title, **fields):
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    return {"channel": "sec-all", "attachments": [{"color": "#8b0000", "blocks": [header]}]} | fields


def call(inbox, method, content, authorization="Bearer xoxb-any"):
    headers = {"Content-Type": "application/json", "Authorization": authorization}
    return urllib3.request("POST", f"{inbox.api}{method}", body=json.dumps(content), headers=headers).json()


@pytest.fixture
def inbox():
    with Inbox() as inbox:
        yield inbox


def test_a_message_is_edited_in_place_and_stays_in_its_thread(inbox):
    parent = call(inbox, "chat.postMessage", body("opened"))["ts"]
    reply = call(inbox, "chat.postMessage", body("closed", thread_ts=parent))["ts"]
    answer = call(inbox, "chat.update", body("was opened", ts=parent))
    assert answer == {"ok": True, "channel": "C0SECALL", "ts": parent}
    call(inbox, "chat.update", body("was closed", ts=reply))
    first, second = inbox.received
    assert "was opened" in json.dumps(first.message)
    assert (first.ts, second.message["thread_ts"]) == (parent, parent)


@pytest.mark.parametrize(
    ("content", "authorization", "error"),
    [
        (body("x", ts="1.2"), "Bearer xoxb-any", "message_not_found"),
        (body("x"), "Bearer xoxb-any", "message_not_found"),
        (body("x", ts="1.2"), "", "not_authed"),
        (body("x", ts="1.2", channel=""), "Bearer xoxb-any", "channel_not_found"),
    ],
)
def test_an_edit_is_rejected_with_slacks_error_code(inbox, content, authorization, error):
    assert call(inbox, "chat.update", content, authorization) == {"ok": False, "error": error}


def test_an_edit_beyond_slacks_limits_is_rejected(inbox):
    ts = call(inbox, "chat.postMessage", body("x"))["ts"]
    assert call(inbox, "chat.update", body("x" * 151, ts=ts)) == {"ok": False, "error": "invalid_blocks"}


def test_the_message_of_a_rule_that_is_removed_later_turns_green_and_gets_the_removal_as_a_reply():
    events = load_scenario()
    opened, closed = (events[number].record["eventID"] for number in (1, 5))
    with Inbox() as inbox, deploy(inbox) as deployment:
        for wanted in (opened, closed):  # one after the other, because a critical alert has a lane of its own
            deployment.publish([event for event in events if event.record["eventID"] == wanted])
            deployment.poller.drain()
    (parent,) = [each for each in inbox.received if each.channel == "sec-all" and opened in json.dumps(each.message)]
    (reply,) = [each for each in inbox.received if closed in json.dumps(each.message)]
    assert parent.message["attachments"][0]["color"] == "#2b8a3e"
    assert "Closed after 20 min by `minji.kim@example.com" in json.dumps(parent.message)
    assert reply.message["thread_ts"] == parent.ts
