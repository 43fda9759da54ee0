"""Slack's incoming webhook (answers in plain text) and Web API (answers in JSON), with Slack's own error codes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl

from gatewatch.local.slack.store import ReceivedMessage
from gatewatch.local.slack.workspace import APP, BOT, channel_id, member_of, user_object

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
    return _web_api_call(authorization, body, lambda channel, message: store.post(store.channel_name(channel), message))


def post_ephemeral(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """chat.postEphemeral: a message that only one person sees, which the page says."""

    def post(channel: str, message: dict[str, Any]) -> ReceivedMessage | RejectedMessage:
        member = member_of(user_id=str(message.get("user")))
        shown = {"text": message.get("text", ""), "ephemeral_to": member.name if member else "nobody"}
        return store.post(store.channel_name(channel), shown)

    return _web_api_call(authorization, body, post)


def user_info(_store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """users.info and users.lookupByEmail."""
    fields = _object(body) or {}
    member = member_of(user_id=str(fields.get("user") or ""), email=str(fields.get("email") or ""))
    if not _is_authorized(authorization):
        return _error_response("not_authed")
    return json_response({"ok": True, "user": user_object(member)}) if member else _error_response("users_not_found")


def open_view(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """views.open: the page shows the dialog to the person whose click has the trigger."""
    fields = _object(body) or {}
    trigger, view = fields.get("trigger_id"), fields.get("view")
    if not _is_authorized(authorization) or not isinstance(trigger, str) or not isinstance(view, dict):
        return _error_response("invalid_arguments")
    store.dialogs.open(trigger, view)
    return json_response({"ok": True, "view": view})


def update(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """chat.update, with the same responses as chat.postMessage."""
    return _web_api_call(
        authorization,
        body,
        lambda channel, message: store.edit(store.channel_name(channel), message.get("ts", ""), message),
    )


def history(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """conversations.history: the messages of a channel without the answers in threads, the latest one first."""
    return _read(store, authorization, body, lambda one, _: not one.parent_number, is_latest_first=True)


def replies(store: MessageStore, authorization: str, body: bytes) -> HttpResponse:
    """conversations.replies: a message and the answers in its thread, the latest one last."""
    return _read(
        store, authorization, body, lambda one, ts: ts in {one.ts, one.message.get("thread_ts")}, is_latest_first=False
    )


def _read(
    store: MessageStore,
    authorization: str,
    body: bytes,
    is_wanted: Callable[[ReceivedMessage, str], bool],
    *,
    is_latest_first: bool,
) -> HttpResponse:
    fields = _object(body) or {}
    if not _is_authorized(authorization):
        return _error_response("not_authed")
    channel, ts, oldest = (str(fields.get(name, "")) for name in ("channel", "ts", "oldest"))
    found = [
        _with_sender(one, with_metadata=fields.get("include_all_metadata") in {True, "true"})
        for one in store.received
        if channel_id(one.channel) == channel_id(channel) and one.ts > oldest and is_wanted(one, ts)
    ]
    ordered = found[::-1] if is_latest_first else found
    return json_response({"ok": True, "messages": ordered[: int(fields.get("limit", 100))]})


def _with_sender(one: ReceivedMessage, *, with_metadata: bool) -> dict[str, Any]:
    shown = {name: value for name, value in one.message.items() if with_metadata or name != "metadata"}
    return {**shown, "type": "message", "ts": one.ts, "app_id": APP, "bot_id": BOT}


def _web_api_call(
    authorization: str,
    body: bytes,
    method: Callable[[str, dict[str, Any]], ReceivedMessage | RejectedMessage | None],
) -> HttpResponse:
    message = _object(body)
    if not _is_authorized(authorization):
        return _error_response("not_authed")
    if message is None:
        return _error_response("invalid_json")
    channel = message.get("channel")
    if not isinstance(channel, str) or not channel:
        return _error_response("channel_not_found")
    outcome = method(channel, message)
    if isinstance(outcome, ReceivedMessage):
        return json_response({"ok": True, "channel": channel_id(channel), "ts": outcome.ts})
    return _error_response("message_not_found" if outcome is None else "invalid_blocks")


def _is_authorized(authorization: str) -> bool:
    return authorization.startswith("Bearer ") and bool(authorization.removeprefix("Bearer ").strip())


def json_response(value: object) -> HttpResponse:
    return HttpResponse(HTTPStatus.OK, json.dumps(value), JSON)


def _error_response(error: str) -> HttpResponse:
    return json_response({"ok": False, "error": error})


_FORM = re.compile(rb"[a-z_]+=")


def _object(body: bytes) -> dict[str, Any] | None:
    """The JSON object or the form in a body; None for anything else, including NaN and nesting that is too deep."""
    if _FORM.match(body):
        return {name: _form_value(value) for name, value in parse_qsl(body.decode(errors="replace"))}
    try:
        value = json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _form_value(value: str) -> Any:
    """Objects and arrays are JSON in a form."""
    try:
        return json.loads(value, parse_constant=_reject_constant) if value[:1] in "[{" else value
    except (ValueError, RecursionError):
        return value


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")
