"""A local Lambda runtime API, and functions that awslambdaric, the runtime's own client, runs against it.

API: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from support import judges
from support.limits import GUARD_SECONDS

_VERSION = "/2018-06-01/runtime"


class Answer(NamedTuple):
    """`kind` is `response`, `error` or `init/error`; `body` the decoded JSON."""

    kind: str
    body: Any


class RuntimeApi:
    """One execution environment: hands out invocations one at a time and keeps the answers."""

    def __init__(self) -> None:
        self._invocations: queue.Queue = queue.Queue()
        self._answers: queue.Queue = queue.Queue()
        self.polled = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Any, function: str, seconds: float) -> Answer:
        """`seconds` until the deadline that the function sees. Raises `queue.Empty` without an answer in time."""
        arn = f"arn:aws:lambda:ap-northeast-2:999988887777:function:{function}"
        self._invocations.put(
            (event, {"Invoked-Function-Arn": arn, "Deadline-Ms": int((time.time() + seconds) * 1000)})
        )
        return self.answer()

    def answer(self) -> Answer:
        found = self._answers.get(timeout=GUARD_SECONDS)
        judges.count("awslambdaric")
        return found

    def _handler(self):
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                assert self.path == f"{_VERSION}/invocation/next"
                api.polled.set()
                invocation = api._invocations.get()
                if invocation is None:
                    self.close_connection = True
                    return
                event, headers = invocation
                self.send_response(200)
                for name, value in {"Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", **headers}.items():
                    self.send_header(f"Lambda-Runtime-{name}", str(value))
                self._send(json.dumps(event).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                kind = "init/error" if self.path == f"{_VERSION}/init/error" else self.path.rpartition("/")[2]
                api._answers.put(Answer(kind, json.loads(body)))
                self.send_response(202)
                self._send(b'{"status": "OK"}')

            def _send(self, body):
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nothing: the answers say what happened."""

        return Handler


class RuntimeFunction:
    """A packaged function, run by awslambdaric in its own process. A context manager that is callable as a handler."""

    def __init__(self, name, handler, python, path, environment, log):
        self.name, self._log = name, log.open("ab")
        self.api = RuntimeApi()
        set_by_lambda = {
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "LAMBDA_TASK_ROOT": str(path[0]),
            "PYTHONPATH": ":".join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": ":UTC",
        }
        self._process = subprocess.Popen(
            [str(python), "-m", "awslambdaric", handler],
            env={**environment, **set_by_lambda},
            cwd=path[0],
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(GUARD_SECONDS)
        self.api.close()
        self._log.close()

    def has_started(self) -> bool:
        """Wait until the function asks for its first invocation."""
        judges.count("awslambdaric")
        return self.api.polled.wait(GUARD_SECONDS)

    def invoke(self, event, seconds=60.0) -> Answer:
        return self.api.invoke(event, self.name, seconds)

    def __call__(self, event, context):
        answer = self.invoke(event, context.get_remaining_time_in_millis() / 1000)
        assert answer.kind == "response", answer.body
        return answer.body
