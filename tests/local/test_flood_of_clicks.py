"""A flood of forged clicks on the function URL while alerts go on: all are delivered, and no click is queued."""

import http.client
import json
import os
import queue
import sys
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import msgspec
import pytest

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION
from gatewatch.local.demo.deployment import deploy
from gatewatch.local.demo.scenario import load_scenario
from gatewatch.local.lambda_.context import LambdaContext
from gatewatch.local.lambda_.event_source_mapping import message_count
from gatewatch.local.lambda_.process import PackagedFunction, ProcessSettings
from gatewatch.local.slack.inbox import Inbox
from support.limits import GUARD_SECONDS
from support.paths import ROOT, TESTS
from support.slack_requests import clicked, event, form

CONCURRENCY = 2  # of functions/actions, of which each has a process; alerts have the other processor time
LEAST_REQUESTS, ALERTS = 400, 12
REFUSED = "Client.UnauthorizedOperation"  # a call that changes nothing can be reported again and again
pytestmark = pytest.mark.slow


class FunctionUrl(ThreadingHTTPServer):
    """functions/actions behind HTTP with reserved concurrency: a request for which no process is free gets 429."""

    daemon_threads = True

    def __init__(self, functions, queue_arn):
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.queue_arn, self.free = queue_arn, queue.SimpleQueue()
        for each in functions:
            self.free.put(each)

    def answer(self, asked):
        try:
            function = self.free.get_nowait()
        except queue.Empty:
            return 429
        try:
            return function(asked, LambdaContext.for_function("actions", self.queue_arn, 3.0))["statusCode"]
        finally:
            self.free.put(function)


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): text for name, text in self.headers.items()}
        status = self.server.answer({"headers": headers, "body": body, "isBase64Encoded": False})
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


class Flood:
    """Threads that send forged clicks to the end of the block, and `LEAST_REQUESTS`; `statuses` are the answers."""

    def __init__(self, port):
        self.port, self.statuses, self.stopped = port, [], threading.Event()
        self.numbers = count()
        self.threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(4)]

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for each in self.threads:
            each.join()

    def _send_all(self):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=GUARD_SECONDS)) as connection:
            for number in self.numbers:
                if self.stopped.is_set() and number >= LEAST_REQUESTS:
                    break
                forged = FORGERIES[number % len(FORGERIES)](number)
                connection.request("POST", "/", forged["body"], forged["headers"])
                with connection.getresponse() as response:
                    response.read()
                self.statuses.append(response.status)


# Without a signature, with one of the right form, and a stale one: the second reaches the verification.
FORGERIES = (
    lambda _: {"body": "payload=1", "headers": {}},
    lambda number: event(form(clicked()), time.time(), x_slack_signature=f"v0={number:064x}"),
    lambda _: event(form(clicked()), time.time() - 3600),
)


@contextmanager
def function_url(deployment, folder):
    """The URL in processes of its own, with the environment of the deployment."""
    settings = ProcessSettings(Path(sys.executable), [ROOT, TESTS], dict(os.environ))
    with ExitStack() as stack:
        functions = [
            stack.enter_context(
                PackagedFunction("support/actions_function.handler", settings, folder / f"{number}.log")
            )
            for number in range(CONCURRENCY)
        ]
        server = FunctionUrl(functions, deployment.hub["ClicksArn"])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        server.server_close()


def publish_alerts(deployment):
    """Publish events one after the other, each when the messages of the last one are posted; return their ids."""
    found = next(each for each in load_scenario() if each.record.get("errorCode") == REFUSED)
    names = [f"flooded-{number}" for number in range(ALERTS)]
    for name in names:
        deployment.publish([msgspec.structs.replace(found, record=found.record | {"eventID": name})])
        deployment.poller.drain()
    return names


def test_alerts_go_on_while_forged_clicks_flood_the_function_url(tmp_path):
    with Inbox() as inbox, deploy(inbox) as deployment, function_url(deployment, tmp_path) as server:
        with Flood(server.server_address[1]) as flood:
            names = publish_alerts(deployment)
        texts = [json.dumps(each.message) for each in inbox.received]
        assert [name for name in names if not any(f"`{name}`" in text for text in texts)] == []
        assert len(flood.statuses) >= LEAST_REQUESTS
        assert {401} <= set(flood.statuses) <= {401, 429}
        assert clicks_recorded(deployment) == (0, 0)
        assert deployment.dead_letter_count() == 0


def clicks_recorded(deployment):
    """Messages in the queue of clicks, and rows of requests in the table."""
    session = deployment.cloud.session(HUB_ACCOUNT, HUB_REGION)
    rows = session.client("dynamodb").scan(TableName=deployment.hub["TableName"])["Items"]
    marks = sum(each["pk"]["S"].startswith("click#") for each in rows)
    return message_count(session.client("sqs"), deployment.hub["ClicksUrl"]), marks
