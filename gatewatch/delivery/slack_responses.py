"""What Slack's answers mean: delivered, later, or never. One table, no other opinion anywhere.

Sources: Slack changelog 2016-05-17 (status codes of webhooks), chat.postMessage errors. A webhook's own error
strings come with varying status codes, so a word that is known decides before the code does. A yes is Slack's own
yes and nothing else: a redirect, or the page of a proxy, took no message.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(Enum):
    DELIVERED = "delivered"
    LATER = "later"
    NEVER = "never"


class Answer(Struct, frozen=True):
    verdict: Verdict
    reason: str
    retry_after: float | None = None
    channel: str = ""
    ts: str = ""


# A new secret may be waiting in the store: these are worth one more look there.
STALE_SECRET = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "token_expired",
        "token_revoked",
    }
)
_LATER = frozenset(
    {
        "fatal_error",
        "internal_error",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
_NEVER = STALE_SECRET | {
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
_YES = "ok"
_STATUS_LATER = frozenset({408, 425, 429})
_OK, _REDIRECT, _SERVER_ERROR = 200, 300, 500
_LONGEST_WORD = 100


def answer_of(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """The answer of a webhook (plain text) or of chat.postMessage (JSON, `ok` false in a 200)."""
    word = _word(body)
    if status in _STATUS_LATER or word in _LATER:
        return Answer(Verdict.LATER, _reason(status, word), _retry_after(headers))
    if word in _NEVER:
        return Answer(Verdict.NEVER, word)
    if status >= _SERVER_ERROR:
        return Answer(Verdict.LATER, _reason(status, word), _retry_after(headers))
    if status == _OK and word == _YES:
        return Answer(Verdict.DELIVERED, _YES, None, *_name(body))
    if _OK <= status < _REDIRECT and (word in {"", _YES} or not _is_json(body)):
        return Answer(Verdict.LATER, f"HTTP {status} without Slack's yes")
    return Answer(Verdict.NEVER, _reason(status, word))


def _reason(status: int, word: str) -> str:
    return word if word and word != _YES else f"HTTP {status}"


def _word(body: bytes) -> str:
    """`ok`, or the name of an error, in either form; empty when the body is nothing that Slack says."""
    text = body.decode("utf-8", "replace").strip()
    if _is_json(body):
        return _json_word(text)
    return text if _is_word(text) else ""


def _is_json(body: bytes) -> bool:
    return body.lstrip().startswith(b"{")


def _json_word(text: str) -> str:
    try:
        answer: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    if "ok" not in answer:
        return ""
    error = answer.get("error")
    return _YES if answer["ok"] is True else error if isinstance(error, str) and _is_word(error) else "not_ok"


def _name(body: bytes) -> tuple[str, str]:
    """Channel and `ts` of the message, as chat.postMessage answers them; a webhook does not say."""
    try:
        answer: Any = msgspec.json.decode(body)
        return str(answer["channel"]), str(answer["ts"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError, UnicodeDecodeError):
        return "", ""


def _is_word(text: str) -> bool:
    return len(text) <= _LONGEST_WORD and text.isascii() and text.replace("_", "").isalnum()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; Slack never sends the date form."""
    value = headers.get("Retry-After", "").strip()
    return float(value) if value.isascii() and value.isdigit() else None
