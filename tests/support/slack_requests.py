"""Requests as Slack sends them to the function URL, signed and not."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

SECRET, OLD_SECRET = "8f742231b10e8888abcd99yyyzzz85a5", "0ldsecret0ldsecret0ldsecret0ldsec"
ALERT = "0123456789abcdef" * 2


def clicked(button="acknowledge", value=ALERT, **fields):
    """The payload of a click on a button of a message."""
    action = {"action_id": f"gatewatch.{button}", "block_id": "b", "type": "button", "value": value, "action_ts": "1.1"}
    return {
        "type": "block_actions",
        "user": {"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": "T0TEAM"},
        "api_app_id": "A0APP",
        "token": "legacy",
        "container": {"type": "message_attachment", "message_ts": "1712345678.000100", "channel_id": "C0123456789"},
        "trigger_id": "123.456.abc",
        "team": {"id": "T0TEAM", "domain": "example"},
        "channel": {"id": "C0123456789", "name": "alerts"},
        "message": {"ts": "1712345678.000100"},
        "response_url": "https://hooks.slack.com/actions/T0TEAM/1/secret",
        "actions": [action],
    } | fields


def chosen(name, **fields):
    """The payload of an entry of the menu."""
    option = {"value": f"{name}:{ALERT}", "text": {"type": "plain_text", "text": "x"}}
    action = {"action_id": "gatewatch.menu", "type": "overflow", "selected_option": option}
    return clicked(actions=[action], **fields)


def submitted(view, user="U0ALICE", **inputs):
    """The payload of a submitted dialog, from the view that was opened."""
    values = {
        block: {block: {"type": "datepicker", "selected_date": text} if text[:2] == "20" else {"value": text}}
        for block, text in inputs.items()
    }
    return {
        "type": "view_submission",
        "user": {"id": user, "name": "alice", "team_id": "T0TEAM"},
        "api_app_id": "A0APP",
        "team": {"id": "T0TEAM"},
        "view": {
            "callback_id": view["callback_id"],
            "private_metadata": view["private_metadata"],
            "state": {"values": values},
        },
    }


def form(payload):
    return urlencode({"payload": json.dumps(payload)})


def event(body, at, secret=SECRET, *, is_encoded=False, **headers):
    """The event of a function URL; `headers` replace those of Slack, with `_` for `-`, and None leaves one out."""
    raw = body.encode()
    base = b"v0:" + str(int(at)).encode() + b":" + raw
    signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    named = {"x_slack_request_timestamp": str(int(at)), "x_slack_signature": signature} | headers
    return {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"http": {"method": "POST", "path": "/", "sourceIp": "198.51.100.7"}},
        "headers": {name.replace("_", "-"): text for name, text in named.items() if text is not None},
        "body": base64.b64encode(raw).decode() if is_encoded else body,
        "isBase64Encoded": is_encoded,
    }
