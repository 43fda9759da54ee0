"""The HTTP server of the local Slack: access checks, paths, and the headers of every response."""

from __future__ import annotations

import json
import socketserver
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from gatewatch.local.slack import api
from gatewatch.local.slack.api import HttpResponse
from gatewatch.local.slack.page import content_security_policy, render_message, render_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.local.slack.interactions import Interactions
    from gatewatch.local.slack.store import MessageStore, ReceivedMessage

LOOPBACK = "127.0.0.1"
WEBHOOK = "/services/T00000000/B00000000/"
API = {
    "/api/chat.postMessage": api.post_message,
    "/api/chat.postEphemeral": api.post_ephemeral,
    "/api/chat.update": api.update,
    "/api/conversations.history": api.history,
    "/api/conversations.replies": api.replies,
    "/api/users.info": api.user_info,
    "/api/users.lookupByEmail": api.user_info,
    "/api/views.open": api.open_view,
}
INTERACTIONS = "/interactions"
MAX_BODY_BYTES = 1024 * 1024
_MAX_DISCARDED_BYTES = 8 * MAX_BODY_BYTES  # an oversized body is read up to here, so that the client sees the response
_KEEPALIVE_SECONDS = 15.0
_MAX_DIGITS = 18


class InboxServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Skip the reverse DNS lookup of the standard library, which is slow without DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnected."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class InboxRequestHandler(BaseHTTPRequestHandler):
    server_version, sys_version = "gatewatch", ""
    timeout = 30.0

    def __init__(self, *connection: Any, store: MessageStore, interactions: Interactions, title: str) -> None:
        self.store = store
        self.interactions = interactions
        self.title = title
        super().__init__(*connection)  # handles the whole request

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if denial := self._denial():
            self._send(denial)
        elif path == "/events":
            self._stream()
        else:
            pages: dict[str, Callable[[], HttpResponse]] = {"/": self._page, "/messages": self._messages}
            self._send(pages.get(path, _not_found)())

    def do_POST(self) -> None:
        self._send(self._denial() or self._bad_length() or self._post(self.rfile.read(self._length)))

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", content_security_policy(live=True))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
        """Log nothing; the page shows every message."""

    def _denial(self) -> HttpResponse | None:
        port = self.connection.getsockname()[1]
        hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
        if not self._has_allowed("Host", hosts):
            return HttpResponse(HTTPStatus.FORBIDDEN, "This is a local inbox; use its own address.")
        if "Origin" in self.headers and not self._has_allowed("Origin", {f"http://{host}" for host in hosts}):
            return HttpResponse(HTTPStatus.FORBIDDEN, "This is a local inbox; other sites may not use it.")
        return None

    def _has_allowed(self, header: str, allowed: set[str]) -> bool:
        values = self.headers.get_all(header, [])
        return len(values) == 1 and values[0] in allowed

    @property
    def _length(self) -> int:
        """Content-Length in bytes; -1 when it is missing or not a number."""
        number = _whole_number(self.headers.get("Content-Length", ""))
        return -1 if number is None else number

    def _bad_length(self) -> HttpResponse | None:
        if self._length < 0:
            return HttpResponse(HTTPStatus.LENGTH_REQUIRED, "The request has no valid Content-Length.")
        if self._length > MAX_BODY_BYTES:
            self.rfile.read(min(self._length, _MAX_DISCARDED_BYTES))
            return HttpResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than 1 MiB.")
        return None

    def _post(self, body: bytes) -> HttpResponse:
        path = urlsplit(self.path).path
        channel = unquote(path.removeprefix(WEBHOOK))
        if path == INTERACTIONS:
            return self._interact(body)
        if path in API:
            return API[path](self.store, self.headers.get("Authorization", ""), body)
        if path.startswith(WEBHOOK) and channel and "/" not in path.removeprefix(WEBHOOK):
            return api.webhook(self.store, channel, body)
        return HttpResponse(HTTPStatus.NOT_FOUND, "no_service")

    def _interact(self, body: bytes) -> HttpResponse:
        """What a person did on the page. Only the page itself may say so: a request needs its Origin."""
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict) or "Origin" not in self.headers:
            return HttpResponse(HTTPStatus.BAD_REQUEST, "Not a click on the page.")
        return api.json_response(self.interactions.interact(asked))

    def _page(self) -> HttpResponse:
        html = render_page(
            self.store.received, live=True, title=self.title, is_interactive=self.interactions.is_connected
        )
        return HttpResponse(HTTPStatus.OK, html, "text/html; charset=utf-8")

    def _messages(self) -> HttpResponse:
        revision = _whole_number(parse_qs(urlsplit(self.path).query).get("after", ["0"])[0])
        if revision is None:
            return HttpResponse(HTTPStatus.BAD_REQUEST, "`after` must be a number.")
        is_interactive = self.interactions.is_connected
        return api.json_response([_as_row(one, is_interactive) for one in self.store.changed_since(revision)])

    def _stream(self) -> None:
        """Server-Sent Events: each carries the current revision; the page then requests what it lacks."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        with suppress(OSError):  # the page was closed
            self._stream_revisions()

    def _stream_revisions(self) -> None:
        sent = -1
        while not self.store.is_closed:
            sent = self.store.wait(sent, _KEEPALIVE_SECONDS)
            self.wfile.write(f"data: {json.dumps(sent)}\n\n".encode())
            self.wfile.flush()

    def _send(self, response: HttpResponse) -> None:
        body = response.body.encode(errors="replace")
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _whole_number(text: str) -> int | None:
    """A decimal number of up to 18 digits; `int` raises for thousands of them."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def _not_found() -> HttpResponse:
    return HttpResponse(HTTPStatus.NOT_FOUND, "Not found.")


def _as_row(one: ReceivedMessage, is_interactive: bool) -> dict[str, object]:  # noqa: FBT001  one of two columns
    return {
        "number": one.number,
        "revision": one.revision,
        "channel": one.channel,
        "at": one.at.isoformat(),
        "message": one.message,
        "html": render_message(one, is_interactive=is_interactive),
    }
