"""The HTTP of the local Slack: who may ask, which path answers, and the headers on every answer."""

from __future__ import annotations

import json
import socketserver
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from gatewatch.local.slack import api as slack_api
from gatewatch.local.slack.api import Answer
from gatewatch.local.slack.page import content_security_policy, fragment, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatewatch.local.slack.store import Mailbox, Received

LOOPBACK = "127.0.0.1"
WEBHOOK = "/services/T00000000/B00000000/"
API = {"/api/chat.postMessage": slack_api.post_message, "/api/chat.update": slack_api.update}
LARGEST_BODY = 1024 * 1024
_DRAINED = 8 * LARGEST_BODY  # a body too large is read up to here, so that the client gets to see the answer
_HEARTBEAT = 15.0  # seconds


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Without the standard library's reverse look-up, which takes long where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "gatewatch", ""
    timeout = 30.0

    def __init__(self, *connection: Any, mailbox: Mailbox, title: str) -> None:
        self.mailbox = mailbox
        self.title = title
        super().__init__(*connection)  # answers the request before it returns

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if refusal := self._refusal():
            self._send(refusal)
        elif path == "/events":
            self._stream()
        else:
            pages: dict[str, Callable[[], Answer]] = {"/": self._page, "/messages": self._messages}
            self._send(pages.get(path, _not_found)())

    def do_POST(self) -> None:
        self._send(self._refusal() or self._bad_length() or self._posted(self.rfile.read(self._length)))

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", content_security_policy(live=True))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
        """Silent: the page is the log."""

    def _refusal(self) -> Answer | None:
        port = self.connection.getsockname()[1]
        hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
        if not self._names(hosts, "Host"):
            return Answer(HTTPStatus.FORBIDDEN, "This is a local inbox; it answers to its own address only.")
        if "Origin" in self.headers and not self._names({f"http://{host}" for host in hosts}, "Origin"):
            return Answer(HTTPStatus.FORBIDDEN, "This is a local inbox; other sites may not use it.")
        return None

    def _names(self, allowed: set[str], header: str) -> bool:
        values = self.headers.get_all(header, [])
        return len(values) == 1 and values[0] in allowed

    @property
    def _length(self) -> int:
        """Of the body, in bytes; -1 when it is not said, or not as a number."""
        said = self.headers.get("Content-Length", "")
        return int(said) if said.isascii() and said.isdigit() else -1

    def _bad_length(self) -> Answer | None:
        if self._length < 0:
            return Answer(HTTPStatus.LENGTH_REQUIRED, "The request does not say how long its body is.")
        if self._length > LARGEST_BODY:
            self.rfile.read(min(self._length, _DRAINED))
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is larger than 1 MiB.")
        return None

    def _posted(self, body: bytes) -> Answer:
        path = urlsplit(self.path).path
        channel = unquote(path.removeprefix(WEBHOOK))
        if path in API:
            return API[path](self.mailbox, self.headers.get("Authorization", ""), body)
        if path.startswith(WEBHOOK) and channel and "/" not in path.removeprefix(WEBHOOK):
            return slack_api.webhook(self.mailbox, channel, body)
        return Answer(HTTPStatus.NOT_FOUND, "no_service")

    def _page(self) -> Answer:
        html = page(self.mailbox.received, live=True, title=self.title)
        return Answer(HTTPStatus.OK, html, "text/html; charset=utf-8")

    def _messages(self) -> Answer:
        after = parse_qs(urlsplit(self.path).query).get("after", ["0"])[0]
        first = int(after) if after.isascii() and after.isdigit() else 0
        return slack_api.as_json([_listed(one) for one in self.mailbox.news(first)])

    def _stream(self) -> None:
        """Server-Sent Events: each says how much happened so far; the page asks for what it lacks."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.end_headers()
        with suppress(OSError):  # the page was closed
            self._count_up()

    def _count_up(self) -> None:
        told = -1
        while not self.mailbox.is_closed:
            count = self.mailbox.wait(told, _HEARTBEAT)
            self.wfile.write(f"data: {json.dumps(count)}\n\n".encode())
            self.wfile.flush()
            told = count

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode(errors="replace")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _not_found() -> Answer:
    return Answer(HTTPStatus.NOT_FOUND, "Nothing is here.")


def _listed(one: Received) -> dict[str, object]:
    return {
        "number": one.number,
        "changed": one.changed,
        "channel": one.channel,
        "at": one.at.isoformat(),
        "message": one.message,
        "html": fragment(one),
    }
