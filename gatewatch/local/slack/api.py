"""Slack's incoming webhook (answers in plain text) and Web API (answers in JSON), with Slack's own error codes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

from gatewatch.local.slack.store import ReceivedMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.local.slack.store import MessageStore, RejectedMessage

PLAIN = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: HTTPStatus
    body: str
    content_type: str = PLAIN


def webhook(store: MessageStore, channel: str, body: bytes) -> HttpResponse:
    """Answer `ok` as plain text, or one error code with status 400."""
    message = _object(body)
    if message is None:
        return HttpResponse(HTTPStatus.BAD_REQUEST, "invalid_payload")
    if isinstance(store.post(channel, message), ReceivedMessage):
        return HttpResponse(HTTPStatus.OK, "ok")
    return HttpResponse(HTTPStatus.BAD_REQUEST, "invalid_blocks")


def post_message(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """chat.postMessage. The status is always 200; `ok` in the JSON says whether it succeeded."""
    return _web_api_call(authorization, body, store.post)


def update(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """chat.update, with the same responses as chat.postMessage."""
    return _web_api_call(
        authorization, body, lambda channel, message: store.edit(channel, message.get("ts", ""), message)
    )


def _web_api_call(
    authorization: str,
    body: bytes,
    method: Callable[[str, dict[str, Any]], ReceivedMessage | RejectedMessage | None],
) -> HttpResponse:
    message = _object(body)
    if not authorization.removeprefix("Bearer ").strip() or not authorization.startswith("Bearer "):
        return _error_response("not_authed")
    if message is None:
        return _error_response("invalid_json")
    channel = message.get("channel")
    if not isinstance(channel, str) or not channel:
        return _error_response("channel_not_found")
    outcome = method(channel, message)
    if isinstance(outcome, ReceivedMessage):
        return json_response({"ok": True, "channel": channel, "ts": outcome.ts})
    return _error_response("message_not_found" if outcome is None else "invalid_blocks")


def json_response(value: object) -> HttpResponse:
    return HttpResponse(HTTPStatus.OK, json.dumps(value), JSON)


def _error_response(error: str) -> HttpResponse:
    return json_response({"ok": False, "error": error})


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None for anything else, including NaN and nesting that is too deep."""
    try:
        value = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")
