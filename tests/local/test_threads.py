"""The local Slack edits a message where it stands, and the story's open gate ends as a thread."""

import json

import pytest
import urllib3

from gatewatch.local.demo import scenario as story
from gatewatch.local.demo.run import road
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


def test_a_message_is_edited_where_it_stands_and_stays_in_its_thread(inbox):
    root = call(inbox, "chat.postMessage", body("opened"))["ts"]
    answer = call(inbox, "chat.postMessage", body("closed", thread_ts=root))["ts"]
    assert call(inbox, "chat.update", body("was opened", ts=root)) == {"ok": True, "channel": "sec-all", "ts": root}
    call(inbox, "chat.update", body("was closed", ts=answer))
    first, second = inbox.received
    assert "was opened" in json.dumps(first.message)
    assert (first.ts, second.message["thread_ts"]) == (root, root)


@pytest.mark.parametrize(
    ("content", "authorization", "error"),
    [
        (body("x", ts="1.2"), "Bearer xoxb-any", "message_not_found"),
        (body("x"), "Bearer xoxb-any", "message_not_found"),
        (body("x", ts="1.2"), "", "not_authed"),
        (body("x", ts="1.2", channel=""), "Bearer xoxb-any", "channel_not_found"),
    ],
)
def test_an_edit_is_refused_in_slacks_words(inbox, content, authorization, error):
    assert call(inbox, "chat.update", content, authorization) == {"ok": False, "error": error}


def test_an_edit_that_slack_would_not_show_is_refused(inbox):
    ts = call(inbox, "chat.postMessage", body("x"))["ts"]
    assert call(inbox, "chat.update", body("x" * 151, ts=ts)) == {"ok": False, "error": "invalid_blocks"}


def test_the_gate_of_the_story_that_is_closed_later_ends_green_with_its_closing_in_the_thread():
    scenes = story.load_story()
    opened, closed = (scenes[number].record["eventID"] for number in (1, 5))
    with Inbox() as inbox, road(inbox) as deployed:
        deployed.tell(tuple(scene for scene in scenes if scene.record["eventID"] in {opened, closed}))
        deployed.worker.drain()
    (root,) = [each for each in inbox.received if each.channel == "sec-all" and opened in json.dumps(each.message)]
    (answer,) = [each for each in inbox.received if closed in json.dumps(each.message)]
    assert root.message["attachments"][0]["color"] == "#2b8a3e"
    assert "Closed after 20 min by `minji.kim@example.com" in json.dumps(root.message)
    assert answer.message["thread_ts"] == root.ts
