"""functions/actions in a process of its own, against a local AWS: the first request, and what a flood costs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gatewatch.actions.click import decode_click
from support.paths import ROOT
from support.slack_requests import ALERT, SECRET, clicked, event, form
from support.tables import create_table

REGION = "eu-west-1"
POLICY = {
    "destinations": {"sec-app": {"kind": "slack_app", "channel": "C1", "token": {"ssm": "/gatewatch/actions/token"}}},
    "routes": [{"to": ["sec-app"]}],
    "actions": {
        "mode": "read_only",
        "team": "T0TEAM",
        "app": "A0APP",
        "signing_secret": {"ssm": "/gatewatch/actions/signing-secret"},
        "token": {"ssm": "/gatewatch/actions/token"},
    },
}
# Counts what each event costs in calls of Python functions, which is the same on every machine.
PROGRAM = """
import json, sys
from support.actions_function import handler
calls = 0
def count(_frame, event, _argument):
    global calls
    calls += event == "call"
answers, costs = [], []
sys.setprofile(count)
for event in json.loads(sys.stdin.read()):
    before = calls
    answers.append(handler(event, None))
    costs.append(calls - before)
print(json.dumps([costs, answers]))
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    folder = tmp_path_factory.mktemp("actions")
    (folder / "policy.yaml").write_text(json.dumps(POLICY), "utf-8")
    (folder / "accounts.yaml").write_text("{}", "utf-8")
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    clients = Clients(variables)
    clients.make("ssm").put_parameter(Name="/gatewatch/actions/signing-secret", Value=SECRET, Type="SecureString")
    create_table(clients.make("dynamodb"), "gatewatch")
    queue = clients.make("sqs").create_queue(QueueName="clicks.fifo", Attributes={"FifoQueue": "true"})
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "GATEWATCH_POLICY": str(folder / "policy.yaml"),
        "GATEWATCH_ACCOUNTS": str(folder / "accounts.yaml"),
        "GATEWATCH_TABLE": "gatewatch",
        "GATEWATCH_CLICKS_URL": queue["QueueUrl"],
        "GATEWATCH_SLACK_API": "http://127.0.0.1:9/",
        "POWERTOOLS_SERVICE_NAME": "gatewatch-test-actions",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    yield clients, environment | variables, queue["QueueUrl"]
    server.stop()


class Clients:
    def __init__(self, variables):
        self.variables = variables

    def make(self, service):
        return boto3.client(
            service,
            REGION,
            endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


def answered(environment, events):
    """Run the function in a new process; return the cost of each event, and the answers."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=Path(ROOT),
    )
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_click_in_a_new_process_is_on_the_queue(cloud):
    clients, environment, queue = cloud
    sent = event(form(clicked()), time.time())
    _, answers = answered(environment, [sent, sent])
    assert answers == [{"statusCode": 200}] * 2
    received = clients.make("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"])
    (message,) = received["Messages"]
    assert decode_click(message["Body"]).alert == ALERT
    assert message["Attributes"]["MessageGroupId"] == ALERT


@pytest.mark.slow
def test_a_thousand_unsigned_requests_cost_less_than_one_click(cloud):
    _, environment, _ = cloud
    forged = event(form(clicked()), time.time(), x_slack_signature="v0=00")
    signed = event(form(clicked(trigger_id="2.2")), time.time())
    costs, answers = answered(environment, [forged] * 1000 + [signed])
    assert answers == [{"statusCode": 401}] * 1000 + [{"statusCode": 200}]
    assert sum(costs[:1000]) < costs[-1]
