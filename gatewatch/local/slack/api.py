"""The two doors of Slack, answering in its words: the incoming webhook in plain text, the Web API in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

from gatewatch.local.slack.store import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gatewatch.local.slack.store import Mailbox, Refused

PLAIN = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    status: HTTPStatus
    body: str
    content_type: str = PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)


def webhook(mailbox: Mailbox, channel: str, body: bytes) -> Answer:
    """Success is the plain text `ok`; a refusal is one word with status 400."""
    message = _object(body)
    if message is None:
        return Answer(HTTPStatus.BAD_REQUEST, "invalid_payload")
    if isinstance(mailbox.post(channel, message), Received):
        return Answer(HTTPStatus.OK, "ok")
    return Answer(HTTPStatus.BAD_REQUEST, "invalid_blocks")


def post_message(mailbox: Mailbox, authorization: str, body: bytes) -> Answer:
    """chat.postMessage: status 200 for yes and no alike; the JSON says which."""
    return _called(authorization, body, mailbox.post)


def update(mailbox: Mailbox, authorization: str, body: bytes) -> Answer:
    """chat.update: the same, for a message that is there."""
    return _called(authorization, body, lambda channel, message: mailbox.edit(channel, message.get("ts", ""), message))


def _called(authorization: str, body: bytes, act: Callable[[str, dict[str, Any]], Received | Refused | None]) -> Answer:
    message = _object(body)
    if not authorization.removeprefix("Bearer ").strip() or not authorization.startswith("Bearer "):
        return _no("not_authed")
    if message is None:
        return _no("invalid_json")
    channel = message.get("channel")
    if not isinstance(channel, str) or not channel:
        return _no("channel_not_found")
    outcome = act(channel, message)
    if isinstance(outcome, Received):
        return as_json({"ok": True, "channel": channel, "ts": outcome.ts})
    return _no("message_not_found" if outcome is None else "invalid_blocks")


def as_json(value: object) -> Answer:
    return Answer(HTTPStatus.OK, json.dumps(value), JSON)


def _no(error: str) -> Answer:
    return as_json({"ok": False, "error": error})


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None for anything else, also for NaN and for nesting without an end."""
    try:
        value = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")
