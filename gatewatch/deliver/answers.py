"""What Slack's answers mean: delivered, later, or never. One table, no other opinion anywhere.

Sources: Slack changelog 2016-05-17 (status codes of webhooks), chat.postMessage errors. A webhook's own error
strings come with varying status codes, so the text decides before the code does.
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
# A new secret may be waiting in the store: these are worth one more look there.
STALE_SECRET = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "token_revoked",
    }
)
_STATUS_LATER = frozenset({408, 429})
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_LONGEST_REASON = 100


def answer_of(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """The answer of a webhook (plain text) or of chat.postMessage (JSON, `ok` false in a 200)."""
    error = _error(body)
    wait = _retry_after(headers)
    if error in _LATER or status in _STATUS_LATER or status >= _SERVER_ERROR:
        return Answer(Verdict.LATER, error or f"HTTP {status}", wait)
    if status >= _CLIENT_ERROR or error:
        return Answer(Verdict.NEVER, error or f"HTTP {status}")
    return Answer(Verdict.DELIVERED, "ok")


def _error(body: bytes) -> str:
    """The name of the error in either form; empty when the answer is a yes."""
    text = body.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        return _json_error(text)
    return "" if text == "ok" or not text.replace("_", "").isalnum() else text[:_LONGEST_REASON]


def _json_error(text: str) -> str:
    try:
        answer: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return ""
    return "" if answer.get("ok") is True else str(answer.get("error") or "not_ok")[:_LONGEST_REASON]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; Slack never sends the date form."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
