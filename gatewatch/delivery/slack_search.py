"""Finds in a Slack channel a message of which the answer was lost, by the metadata that gatewatch posts with it.

The metadata is a random id, which only the ledger has until the message is in the channel: who can write it there has
read it there, so nobody can pretend a delivery. Whatever is not as expected counts as not found, and the message is
posted again. Sources: chat.postMessage (metadata), conversations.history and conversations.replies
(include_all_metadata, oldest, limit).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct

from gatewatch.delivery.answers import DeliveryOutcome
from gatewatch.delivery.slack_responses import SlackResponse
from gatewatch.model.typed_decoding import decode_json

if TYPE_CHECKING:
    from gatewatch.model.message import PostMark

FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
_EVENT_TYPE = "gatewatch_post"
NOT_FOUND = SlackResponse(DeliveryOutcome.DELIVERED, "not in the channel")
_MESSAGES = 50
_CLOCK_DIFFERENCE = 60.0  # seconds, between Slack and this process


class _Payload(Struct):
    id: str = ""
    parts: int = 0


class _Metadata(Struct):
    event_type: str = ""
    event_payload: _Payload = msgspec.field(default_factory=_Payload)


class _Message(Struct):
    ts: str
    metadata: _Metadata


class _Messages(Struct):
    messages: list[Raw]


def metadata(mark: PostMark) -> dict[str, Any]:
    """Return the field of chat.postMessage that identifies a post; none for a post without a mark."""
    payload = {"id": mark.id, "parts": mark.parts}
    return {"metadata": {"event_type": _EVENT_TYPE, "event_payload": payload}} if mark.id else {}


def search_request(channel: str, thread_ts: str, mark: PostMark) -> tuple[str, bytes]:
    """Return the method of the Web API that reads a channel, or a thread if `thread_ts` is given, and its body."""
    oldest = f"{mark.since - _CLOCK_DIFFERENCE:.6f}"
    fields = {"channel": channel, "oldest": oldest, "limit": _MESSAGES, "include_all_metadata": "true"}
    if not thread_ts:
        return "conversations.history", urlencode(fields).encode()
    return "conversations.replies", urlencode(fields | {"ts": thread_ts}).encode()


def find_post(body: bytes, channel: str, mark: PostMark) -> SlackResponse:
    """Return one of the earlier posts in the response of a search, as chat.postMessage answers, or `NOT_FOUND`.

    The oldest one: a copy of its metadata is younger. A post of other parts too has no `ts`, because an update would
    remove them from the message.
    """
    found = [each for each in _messages(body) if _id(each) in mark.earlier]
    if not found:
        return NOT_FOUND
    first = min(found, key=lambda each: each.ts)
    is_same = first.metadata.event_payload.parts == mark.parts
    reason = "found in the channel after a lost answer"
    return SlackResponse(DeliveryOutcome.DELIVERED, reason, channel=channel, ts=first.ts if is_same else "")


def _messages(body: bytes) -> list[_Message]:
    """The messages with metadata of this form; others in the channel can have any."""
    found = []
    try:
        raw = decode_json(body, _Messages).messages
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    for each in raw:
        try:
            found.append(decode_json(bytes(each), _Message))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
    return found


def _id(message: _Message) -> str:
    return message.metadata.event_payload.id if message.metadata.event_type == _EVENT_TYPE else ""
