"""Clicks on the page of the local Slack become the signed requests that Slack sends."""

import json
from urllib.error import HTTPError
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import pytest

from gatewatch.actions.click import click_of, is_ours, payload_of
from gatewatch.actions.slack_signature import is_signed, signed_request
from gatewatch.config.actions import ActionSettings
from gatewatch.local.slack.inbox import Inbox
from gatewatch.local.slack.workspace import APP, SIGNING_SECRET, TEAM

ALERT = "0" * 32
BUTTON = {
    "type": "button",
    "action_id": "gatewatch.acknowledge",
    "value": ALERT,
    "text": {"type": "plain_text", "text": "Acknowledge"},
}
OPTION = {"text": {"type": "plain_text", "text": "Snooze"}, "value": f"snooze_hour:{ALERT}"}
MENU = {"type": "overflow", "action_id": "gatewatch.menu", "options": [OPTION]}
CLICK = {"user": "U0ALICE", "message": 1, "action": "gatewatch.acknowledge", "value": ALERT}


def call(inbox, method, fields):
    headers = {"Authorization": "Bearer any"}
    request = Request(f"{inbox.api}{method}", json.dumps(fields).encode(), headers, method="POST")  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310  the inbox of this test
        return json.loads(answer.read())


def status(inbox, **headers):
    """Return the status of a click that another program sends to the page's address."""
    request = Request(f"{inbox.url}interactions", json.dumps(CLICK).encode(), headers, method="POST")  # noqa: S310
    try:
        urlopen(request).close()  # noqa: S310  the inbox of this test
    except HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.fixture
def inbox():
    """An inbox with one message that has a button and a menu, and the requests that it sent."""
    with Inbox() as inbox:
        blocks = [{"type": "actions", "elements": [BUTTON, MENU]}]
        attachment = {"color": "#8b0000", "fallback": "alert", "blocks": blocks}
        call(inbox, "chat.postMessage", {"channel": "sec-all", "attachments": [attachment]})
        inbox.requests = []
        inbox.connect(lambda event: inbox.requests.append(event) or {"statusCode": 200})
        yield inbox


def test_a_click_is_a_request_that_the_verifier_and_the_reader_of_clicks_accept(inbox):
    assert inbox.interact(CLICK)["status"] == 200
    (event,) = inbox.requests
    at = int(event["headers"]["x-slack-request-timestamp"])
    request = signed_request(event, at)
    assert is_signed(request, [SIGNING_SECRET.encode()])
    payload = payload_of(request)
    assert is_ours(payload, ActionSettings(team=TEAM, app=APP))
    click = click_of(payload, request.digest, at)
    assert (click.button, click.alert, click.user, click.channel) == ("acknowledge", ALERT, "U0ALICE", "C0SECALL")
    assert click.ts == inbox.received[0].ts


def test_an_option_of_a_menu_is_sent_as_the_selected_one(inbox):
    inbox.interact(CLICK | {"action": "gatewatch.menu", "value": OPTION["value"]})
    payload = json.loads(parse_qs(inbox.requests[0]["body"])["payload"][0])
    assert payload["actions"][0]["selected_option"] == OPTION


@pytest.mark.parametrize(
    "other",
    [
        {"user": "U0NOBODY"},
        {"message": 2},
        {"message": "1"},
        {"action": "gatewatch.approve_revert"},
        {"value": "1" * 32},
        {"user": None},
    ],
)
def test_nothing_is_sent_for_a_person_a_message_or_a_button_that_does_not_exist(inbox, other):
    assert inbox.interact(CLICK | other)["status"] == 400
    assert inbox.requests == []


def test_a_dialog_that_the_app_opens_is_returned_to_the_click_that_opened_it(inbox):
    def open_view(event):
        payload = json.loads(parse_qs(event["body"])["payload"][0])
        call(inbox, "views.open", {"trigger_id": payload["trigger_id"], "view": {"type": "modal"}})
        return {"statusCode": 200}

    inbox.connect(open_view)
    assert inbox.interact(CLICK) == {"status": 200, "view": {"type": "modal"}}


def test_a_page_of_another_site_cannot_click(inbox):
    assert status(inbox) == 400
    assert status(inbox, Origin="https://evil.example") == 403
    assert inbox.requests == []
    assert status(inbox, Origin=inbox.url.rstrip("/")) == 200
    assert len(inbox.requests) == 1


def test_members_are_looked_up_by_id_and_by_address_and_a_guest_is_marked(inbox):
    assert call(inbox, "users.info", {"user": "U0BOB"})["user"]["profile"] == {"email": "bob@example.com"}
    assert call(inbox, "users.lookupByEmail", {"email": "Alice@example.com"})["user"]["id"] == "U0ALICE"
    assert call(inbox, "users.info", {"user": "U0GUEST"})["user"]["is_restricted"] is True
    assert call(inbox, "users.info", {"user": "U0NOBODY"}) == {"ok": False, "error": "users_not_found"}


def test_an_answer_to_one_person_is_shown_with_the_name_of_the_person(inbox):
    call(inbox, "chat.postEphemeral", {"channel": "C0SECALL", "user": "U0BOB", "text": "no"})
    shown = inbox.received[-1]
    assert (shown.channel, shown.message) == ("sec-all", {"text": "no", "ephemeral_to": "bob"})
