"""Slack responses as outcomes: delivered, retry, or refused.

Sources: Slack changelog 2016-05-17 (status codes of webhooks), chat.postMessage errors. The error strings of webhooks
come with varying status codes, so a known string decides before the status. Only `ok` from Slack is a delivery; a
redirect is not. Whether a message behind the page of a proxy, or behind an error that Slack documents as possibly
partially successful, was accepted is uncertain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gatewatch.delivery.answers import (
    GATEWAY_TIMEOUT,
    OK,
    REDIRECT,
    RETRY_STATUS,
    SERVER_ERROR,
    Answer,
    DeliveryOutcome,
    retry_after,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class SlackResponse(Answer, frozen=True):
    """`channel` and `ts` identify a posted message."""

    channel: str = ""
    ts: str = ""


# The secret may have been rotated: worth one more read of the store.
STALE_SECRET = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
# "It's possible some aspect of the operation succeeded before the error was raised" (chat.postMessage, errors).
_UNCERTAIN = frozenset({"fatal_error", "internal_error"})
_RETRY = frozenset(
    {
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
_REFUSED = STALE_SECRET | {
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_payload",
    "is_archived",
    "missing_scope",
    "missing_text_or_fallback_or_attachments",
    "msg_too_long",
    "no_team",
    "no_text",
    "not_in_channel",
    "posting_to_general_channel_denied",
    "restricted_action",
    "team_disabled",
    "too_many_attachments",
    "user_not_found",
}
_OK_STRING = "ok"
_BLANK = " \t\r\n\v\f\0\ufeff"  # a byte-order mark too
_MAX_ERROR_LENGTH = 100


def parse_response(status: int, body: bytes, headers: Mapping[str, str]) -> SlackResponse:
    """Interpret the response of a webhook (plain text) or of the Web API (JSON with `ok`, status 200)."""
    text = body.decode("utf-8", "replace").strip(_BLANK)
    error = _error_string(text)
    if error in _UNCERTAIN or (status == GATEWAY_TIMEOUT and not error):
        return SlackResponse(DeliveryOutcome.UNCERTAIN, _reason(status, error))
    if status in RETRY_STATUS or error in _RETRY:
        return SlackResponse(DeliveryOutcome.RETRY, _reason(status, error), retry_after(headers))
    if error in _REFUSED:
        return SlackResponse(DeliveryOutcome.REFUSED, error, is_secret_stale=error in STALE_SECRET)
    if status >= SERVER_ERROR:
        return SlackResponse(DeliveryOutcome.RETRY, _reason(status, error), retry_after(headers))
    if status == OK and error == _OK_STRING:
        channel, ts = _channel_and_ts(text)
        return SlackResponse(DeliveryOutcome.DELIVERED, _OK_STRING, channel=channel, ts=ts)
    if OK <= status < REDIRECT and (error in {"", _OK_STRING} or not _is_json(text)):
        return SlackResponse(DeliveryOutcome.UNCERTAIN, f"HTTP {status} without 'ok' from Slack")
    return SlackResponse(DeliveryOutcome.REFUSED, _reason(status, error))


def _reason(status: int, error: str) -> str:
    return error if error and error != _OK_STRING else f"HTTP {status}"


def _error_string(text: str) -> str:
    """`ok` or the error string, from text or JSON; empty for any other body."""
    if _is_json(text):
        return _json_error(text)
    if text.lower() == _OK_STRING:
        return _OK_STRING
    return text if _is_error_string(text) else ""


def _is_json(text: str) -> bool:
    return text.startswith("{")


def _json_error(text: str) -> str:
    try:
        answer: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    if "ok" not in answer:
        return ""
    error = answer.get("error")
    return (
        _OK_STRING
        if answer["ok"] is True
        else error
        if isinstance(error, str) and _is_error_string(error)
        else "not_ok"
    )


def _channel_and_ts(text: str) -> tuple[str, str]:
    """Channel and `ts` of the message from chat.postMessage; empty for a webhook."""
    try:
        answer: Any = msgspec.json.decode(text)
        return str(answer["channel"]), str(answer["ts"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError, UnicodeDecodeError):
        return "", ""


def _is_error_string(text: str) -> bool:
    return len(text) <= _MAX_ERROR_LENGTH and text.isascii() and text.replace("_", "").isalnum()
