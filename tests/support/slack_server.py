"""A server that answers as Slack does, or as a broken network, and the real client for it."""

import contextlib
import socket
import struct
import threading
from itertools import count

from gatewatch.config.destinations import SecretRef, SlackApp, SlackWebhook
from gatewatch.delivery.http import HttpClient, http_pool
from gatewatch.delivery.slack import Slack
from support.limits import GUARD_SECONDS

SECRET = "sEcReTwEbHoOk000"
TOKEN = "xoxb-sEcReTtOkEn"
HEADER = {"type": "header", "text": {"type": "plain_text", "text": "t"}}
PAYLOAD = {"attachments": [{"fallback": "f", "blocks": [HEADER]}]}
WEBHOOK = SlackWebhook(url=SecretRef(ssm="/hook"))
APP = SlackApp(channel="C0123456789", token=SecretRef(ssm="/token"))


class Secrets:
    """One value after the other: a store whose secret was changed. Remembers how it was asked."""

    def __init__(self, *values):
        self.values = list(values)
        self.asked = []

    def get(self, ref, *, fresh=False):
        self.asked.append((ref, fresh))
        if fresh and len(self.values) > 1:
            self.values.pop(0)
        return self.values[0]


class Server:
    """Answers each connection by the next of its answers: bytes, or something to do with the socket."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        with socket.create_connection(self._socket.getsockname()):
            """A connection without a request, behind those of the test: it ends the thread."""
        self._thread.join()
        self._socket.close()

    @property
    def port(self):
        return self._socket.getsockname()[1]

    def url(self, secret=SECRET):
        return f"http://127.0.0.1:{self.port}/services/T0/B0/{secret}"

    def _serve(self):
        while True:
            connection, _ = self._socket.accept()
            with connection:
                request = _request(connection)
                if request is None:
                    return
                self.requests.append(request)
                answer = self.answers.pop(0) if self.answers else http(200, "ok")
                with contextlib.suppress(OSError):
                    if callable(answer):
                        answer(connection, self._stop)
                    else:
                        connection.sendall(answer)


def _request(connection):
    """Head and body; None without a request."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65536)):
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head.decode(), body


def http(status, body, length=None, **headers):
    lines = [
        f"HTTP/1.1 {status} said",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def reset(after=b""):
    def do(connection, _stop):
        connection.sendall(after)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return do


def silence(after=b""):
    def do(connection, stop):
        connection.sendall(after)
        stop.wait()

    return do


def slack(secrets, api="http://127.0.0.1:9/api/", read=GUARD_SECONDS):
    """Waits for `read` seconds for each part of an answer, and for five parts."""
    return Slack(HttpClient(http_pool(GUARD_SECONDS, read), 5, count().__next__), secrets, api)
