"""Teams, PagerDuty and a webhook on this machine: they check and keep what they get, and answer as the real ones do.

The server listens on the loopback address only.
"""

from __future__ import annotations

import hmac
import json
import time
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewatch.delivery.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from gatewatch.local.slack.server import LOOPBACK, MAX_BODY_BYTES, InboxServer
from gatewatch.rendering.pagerduty import MAX_DEDUP_KEY, MAX_SUMMARY
from gatewatch.rendering.teams import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

SIGNING_KEY = "signing-key-of-the-local-webhook"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
_MAX_AGE = 300  # seconds of a signed request
_SEVERITIES = frozenset({"critical", "error", "warning", "info"})


class ReceivedRequest(NamedTuple):
    """`kind` is teams, pagerduty or webhook; `name` the destination, empty for PagerDuty."""

    kind: str
    name: str
    body: dict[str, Any]


class Receivers:
    """A context manager; what was received can still be read after the block ends."""

    def __init__(self) -> None:
        self._received: list[ReceivedRequest] = []
        self._server = InboxServer((LOOPBACK, 0), partial(_Handler, received=self._received))
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), name="receivers", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def received(self) -> tuple[ReceivedRequest, ...]:
        return tuple(self._received)

    def teams_url(self, name: str) -> str:
        return f"{self.url}/teams/{name}"

    def webhook_url(self, name: str) -> str:
        return f"{self.url}/webhook/{name}"


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "gatewatch", ""
    timeout = 30.0

    def __init__(self, *connection: Any, received: list[ReceivedRequest]) -> None:
        self.received = received
        super().__init__(*connection)  # handles the whole request

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY_BYTES))
        kind, _, name = self.path.strip("/").partition("/")
        answer = _ANSWERS.get(kind)
        status, text = answer(self, body) if answer else (HTTPStatus.NOT_FOUND, "")
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            known = "pagerduty" if kind == "v2" else kind
            self.received.append(ReceivedRequest(known, "" if kind == "v2" else name, json.loads(body)))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
        """Log nothing."""


def _teams(_handler: _Handler, body: bytes) -> tuple[HTTPStatus, str]:
    """A workflow takes a message with Adaptive Cards."""
    message = _object(body)
    attachments = message.get("attachments")
    cards = attachments if isinstance(attachments, list) else []
    is_card = bool(cards) and all(isinstance(each, dict) and each.get("contentType") == CONTENT_TYPE for each in cards)
    return (HTTPStatus.ACCEPTED if message.get("type") == "message" and is_card else HTTPStatus.BAD_REQUEST), ""


def _pagerduty(_handler: _Handler, body: bytes) -> tuple[HTTPStatus, str]:
    """Events API v2: 202 with the key, or 400 with the problems."""
    event = _object(body)
    if problems := list(_event_problems(event)):
        answer = {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
        return HTTPStatus.BAD_REQUEST, json.dumps(answer)
    answer = {"status": "success", "message": "Event processed", "dedup_key": event.get("dedup_key", "made-up")}
    return HTTPStatus.ACCEPTED, json.dumps(answer)


def _event_problems(event: dict[str, Any]) -> Iterator[str]:
    payload, action, key = event.get("payload") or {}, event.get("event_action"), event.get("dedup_key")
    if len(str(event.get("routing_key", ""))) != len(ROUTING_KEY):
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if action not in {"trigger", "acknowledge", "resolve"}:
        yield "'event_action' is invalid (must be one of trigger, acknowledge, resolve)"
    if len(str(key or "")) > MAX_DEDUP_KEY or (action != "trigger" and not key):
        yield "'dedup_key' is missing or too long"
    if action == "trigger" and not all(payload.get(each) for each in ("summary", "source", "severity")):
        yield "'payload.summary', 'payload.source' and 'payload.severity' are required"
    if len(payload.get("summary", "")) > MAX_SUMMARY or payload.get("severity", "info") not in _SEVERITIES:
        yield "'payload.summary' is too long, or 'payload.severity' is invalid"


def _webhook(handler: _Handler, body: bytes) -> tuple[HTTPStatus, str]:
    """Accept what is signed with the key within the last five minutes."""
    timestamp, given = handler.headers.get(TIMESTAMP_HEADER, ""), handler.headers.get(SIGNATURE_HEADER, "")
    is_recent = timestamp.isdigit() and abs(time.time() - int(timestamp)) < _MAX_AGE
    is_signed = hmac.compare_digest(signature(SIGNING_KEY, timestamp, body), given)
    return (HTTPStatus.OK if is_recent and is_signed and _object(body) else HTTPStatus.UNAUTHORIZED), ""


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


_ANSWERS: dict[str, Callable[[_Handler, bytes], tuple[HTTPStatus, str]]] = {
    "teams": _teams,
    "v2": _pagerduty,
    "webhook": _webhook,
}
