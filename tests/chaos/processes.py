"""The real functions in processes of their own, real queues, a real HTTP Slack; SIGKILL before any request."""

import json
import os
import random
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

import yaml

from chaos.invoke import MARK
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.aws.sessions import without_aws
from gatewatch.local.lambda_.context import failed_message_ids, sqs_event
from gatewatch.local.lambda_.event_source_mapping import message_count
from support.limits import GUARD_SECONDS
from support.paths import ROOT
from support.tables import create_table

QUEUES = ("events", "events-dlq", "outbox.fifo", "outbox-dlq.fifo")
BOOK = "gatewatch-prod-activity"
VISIBILITY = 2  # seconds


class SlackServer(socketserver.ThreadingTCPServer):
    """`answers(channel)` names what happens to a post; `taken` is what a person would see."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answers=lambda _channel: None):
        super().__init__(("127.0.0.1", 0), _Slack)
        self.answers, self.taken, self.injected, self.unanswered = answers, [], Counter(), 0
        self.lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.shutdown()
        self.server_close()

    def url(self, channel, secret):
        return f"http://127.0.0.1:{self.server_address[1]}/services/{channel}/{secret}"

    def handle_error(self, _request, _address):
        """A client that was killed is no error."""


class _Slack(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        channel = self.path.split("/")[2]
        with self.server.lock:
            fault = self.server.answers(channel)
            self.server.injected[fault] += fault is not None
            if fault in {None, "answer reset mid-body"}:
                self.server.taken.append((channel, body.decode()))
                self.server.unanswered += fault is not None
        self._answer(fault)

    def _answer(self, fault):
        if fault == "reset":
            self._reset()
        elif fault == "answer reset mid-body":
            self._say(200, "o", length=2)
            self._reset()
        elif fault is None:
            self._say(200, "ok")
        else:
            status, _, wait = fault.partition(" after ")
            self._say(int(status), "", wait=wait)

    def _say(self, status, body, length=None, wait=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if wait:
            self.send_header("Retry-After", wait)
        self.end_headers()
        self.wfile.write(body.encode())

    def _reset(self):
        self.wfile.flush()
        self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_arguments):
        """Silent."""


class Function:
    """One Lambda function: a process that is started when it is needed, and may be killed at work."""

    def __init__(self, name, environment):
        self.name, self.environment = name, environment
        self.written = []
        self._process = None

    def invoke(self, event, sends=None):
        """The answer, or None when it died on the way: before its send number `sends`, or before it answered."""
        process = self._running()
        try:
            process.stdin.write(json.dumps({"event": event, "sends": sends}) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        return self._answer(process)

    def end(self):
        if self._process is not None:
            self._process.stdin.close()
            self.written.extend(self._process.stdout)
            self._process.stdout.close()
            self._process.wait(GUARD_SECONDS)
            self._process = None

    def _answer(self, process):
        for line in process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
            self.written.append(line)
        self.end()
        return None

    def _running(self):
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.invoke", self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                env=self.environment,
            )
        return self._process


class Hub:
    """Queues, table, topic and secrets in the embedded cloud, and the two functions over them."""

    def __init__(self, cloud, folder, policy, secrets, **variables):
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        self.sqs, self.dynamodb, self.sns = (session.client(name) for name in ("sqs", "dynamodb", "sns"))
        self.urls = {name: self._queue(name) for name in QUEUES}
        self.topic = self.sns.create_topic(Name="gatewatch-prod-alerts")["TopicArn"]
        self.subscriber = self.sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self._arn(self.subscriber))
        create_table(self.dynamodb, "gatewatch-prod")
        create_table(self.dynamodb, BOOK, sort_key=True)
        for name, value in secrets.items():
            session.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")
        environment = _environment(cloud, folder, policy, self) | variables
        self.alert = Function("alert", environment | {"POWERTOOLS_SERVICE_NAME": "gatewatch-prod-alert"})
        self.deliver = Function("deliver", environment | {"POWERTOOLS_SERVICE_NAME": "gatewatch-prod-deliver"})

    def send(self, *bodies):
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.urls["events"], MessageBody=body)

    def serve(self, function, queue, sends=None):
        """One batch; whether there was one, and whether the function lived."""
        url = self.urls[queue]
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return False, True
        said = function.invoke(sqs_event(messages, self._arn(url)), sends)
        sent = frozenset(each["MessageId"] for each in messages)
        failed = sent if said is None else failed_message_ids(said, sent)
        for each in messages:
            if each["MessageId"] not in failed:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            else:
                self._shorten_wait(url, each["ReceiptHandle"])
        return True, said is not None

    def _shorten_wait(self, url, receipt):
        """A message is received again after minutes, which a run of processes does not have."""
        self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=1)

    def waiting(self):
        return sum(message_count(self.sqs, self.urls[queue]) for queue in ("events", "outbox.fifo"))

    def bodies(self, queue):
        """All of a queue: bodies and attributes."""
        url, found = self.urls.get(queue, queue), []
        while got := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageAttributeNames=["All"]
        ).get("Messages"):
            found.extend((each["Body"], each.get("MessageAttributes", {})) for each in got)
        return found

    def written(self):
        return [*self.alert.written, *self.deliver.written]

    def end(self):
        self.alert.end()
        self.deliver.end()

    def _queue(self, name):
        kind = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        kind["VisibilityTimeout"] = str(VISIBILITY)
        return self.sqs.create_queue(QueueName=f"gatewatch-prod-{name}", Attributes=kind)["QueueUrl"]

    def _arn(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _environment(cloud, folder, policy, hub):
    accounts, policy_file = Path(folder) / "accounts.yaml", Path(folder) / "policy.yaml"
    accounts.write_text("accounts: {}\n", "utf-8")
    policy_file.write_text(yaml.safe_dump(policy), "utf-8")
    return {
        **without_aws(os.environ),
        **cloud.variables(HUB_ACCOUNT, HUB_REGION),
        "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}",
        "GATEWATCH_ACCOUNTS": str(accounts),
        "GATEWATCH_POLICY": str(policy_file),
        "GATEWATCH_OUTBOX_URL": hub.urls["outbox.fifo"],
        "GATEWATCH_OUTBOX_DLQ_URL": hub.urls["outbox-dlq.fifo"],
        "GATEWATCH_EVENTS_DLQ_URL": hub.urls["events-dlq"],
        "GATEWATCH_ALERTS_TOPIC": hub.topic,
        "GATEWATCH_TABLE": "gatewatch-prod",
        "GATEWATCH_ACTIVITY_TABLE": BOOK,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


@contextmanager
def running(folder, policy, secrets, **variables):
    with Cloud() as cloud:
        hub = Hub(cloud, folder, policy, secrets, **variables)
        try:
            yield hub
        finally:
            hub.end()


def drain(hub, seed=0, kills=0, seconds=GUARD_SECONDS):
    """Until both queues are empty; answers how many processes were killed at work, and how many of them at which."""
    dice, killed = random.Random(seed), Counter()  # noqa: S311  a seed is the point
    deadline = time.monotonic() + seconds
    while hub.waiting():
        assert time.monotonic() < deadline, f"{hub.waiting()} messages left"
        served = False
        for function, queue in ((hub.alert, "events"), (hub.deliver, "outbox.fifo")):
            is_up = function._process is not None  # noqa: SLF001
            wanted = is_up and killed.total() < kills and dice.random() < 0.4
            some, lived = hub.serve(function, queue, dice.randint(1, 8) if wanted else None)
            killed[function.name] += some and not lived
            served = served or some
        time.sleep(0 if served else 0.05)
    return killed
