"""Clicks on the page as Slack sends them: a signed form with the payload of the click, to the app's request URL."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gatewatch.local.slack.workspace import APP, SIGNING_SECRET, TEAM, channel_id, member_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gatewatch.local.slack.store import MessageStore, ReceivedMessage
    from gatewatch.local.slack.workspace import Member

# Takes an event of a function URL, payload format 2.0, and returns the answer.
RequestUrl = Callable[[dict[str, Any]], dict[str, Any]]
_UNKNOWN = {"status": int(HTTPStatus.BAD_REQUEST)}


class Interactions:
    """`now` returns seconds since 1970. Until `connect`, no button of a message can be clicked."""

    def __init__(self, store: MessageStore, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._request_url: RequestUrl | None = None

    @property
    def is_connected(self) -> bool:
        return self._request_url is not None

    def connect(self, request_url: RequestUrl) -> None:
        self._request_url = request_url

    def interact(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Send what a person did on the page; return the status of the answer, and the dialog that it opened.

        `asked` has `user`, and either `message`, `action` and `value` of a button, or `view` and its `values`.
        """
        member = member_of(user_id=str(asked.get("user")))
        if member is None:
            return _UNKNOWN
        return self._submit(member, asked) if "view" in asked else self._click(member, asked)

    def _click(self, member: Member, asked: dict[str, Any]) -> dict[str, Any]:
        message = next((each for each in self._store.received if each.number == asked.get("message")), None)
        action = _action(message, asked) if message else None
        if message is None or action is None:
            return _UNKNOWN
        trigger = secrets.token_hex(8)
        channel = channel_id(message.channel)
        container = {"type": "message_attachment", "message_ts": message.ts, "channel_id": channel}
        payload = {
            **_who(member),
            "type": "block_actions",
            "container": container,
            "channel": {"id": channel, "name": message.channel},
            "message": message.message,
            "trigger_id": trigger,
            "response_url": "https://hooks.slack.com/actions/local",
            "actions": [{**action, "action_ts": f"{self._now():.6f}"}],
        }
        answer = self._send(payload)
        return {"status": answer["statusCode"], "view": self._store.dialogs.take(trigger)}

    def _submit(self, member: Member, asked: dict[str, Any]) -> dict[str, Any]:
        view, values = dict(asked["view"]), dict(asked.get("values") or {})
        state = {name: {name: {"value": str(value), "selected_date": str(value)}} for name, value in values.items()}
        answer = self._send({**_who(member), "type": "view_submission", "view": {**view, "state": {"values": state}}})
        return {"status": answer["statusCode"], "errors": json.loads(answer.get("body") or "{}").get("errors", {})}

    def _send(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self._request_url is None:
            return {"statusCode": int(HTTPStatus.SERVICE_UNAVAILABLE)}
        body, timestamp = urlencode({"payload": json.dumps(payload)}), str(int(self._now()))
        return self._request_url({"headers": _signed(body, timestamp), "body": body, "isBase64Encoded": False})


def _who(member: Member) -> dict[str, Any]:
    user = {"id": member.id, "username": member.name, "name": member.name, "team_id": TEAM}
    return {"user": user, "team": {"id": TEAM, "domain": "local"}, "api_app_id": APP}


def _signed(body: str, timestamp: str) -> dict[str, str]:
    base = f"v0:{timestamp}:{body}".encode()
    digest = hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}


def _action(message: ReceivedMessage, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the button or the option of a menu that was clicked; None when the message does not have it."""
    for block, element in _elements(message.message):
        if element.get("action_id") != asked.get("action"):
            continue
        option = next((each for each in element.get("options", ()) if each["value"] == asked.get("value")), None)
        if option or element.get("value") == asked.get("value"):
            chosen = {"selected_option": option} if option else {"value": element["value"]}
            return {
                "type": element["type"],
                "action_id": element["action_id"],
                "block_id": block.get("block_id", ""),
                **chosen,
            }
    return None


def elements_of(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the buttons and menus of a message."""
    yield from (element for _, element in _elements(message))


def _elements(message: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the buttons and menus, each with its block."""
    for container in (message, *message.get("attachments", ())):
        for block in container.get("blocks", ()):
            if block.get("type") == "actions":
                yield from ((block, element) for element in block["elements"])
