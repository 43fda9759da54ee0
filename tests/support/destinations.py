"""A server that answers like a destination, and secrets, for the tests of senders."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gatewatch.delivery.http import HttpClient, http_pool
from support.limits import GUARD_SECONDS


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


class DestinationServer:
    """Answers each request by the next of its answers: a status, or a status and headers. The last one is repeated."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers or [200]), []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append(Request(self.path, dict(self.headers), body))
                answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/hook/sEcReT"


class FixedSecrets:
    """Secrets by the name of their parameter; `rotated` are those that a fresh read gives."""

    def __init__(self, values, rotated=()):
        self.values, self.rotated = values, dict(rotated)

    def get(self, ref, *, fresh=False):
        name = ref.ssm or ref.secret
        return self.rotated.get(name, self.values[name]) if fresh else self.values[name]


def http_client():
    return HttpClient(http_pool(GUARD_SECONDS, GUARD_SECONDS), GUARD_SECONDS)
