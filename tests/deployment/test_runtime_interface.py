"""The packaged functions under awslambdaric, the client with which Lambda's Python runtime runs handlers.

Slow. The zip is the one that `make package` builds; the handlers, timeouts and environment are those of serverless.yml,
the queues and tables those of the hub's stack in the local AWS.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import zipfile
from types import SimpleNamespace

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBERS, Cloud, without_unsupported_resource_warnings
from gatewatch.local.demo import scenario as story
from gatewatch.local.lambda_.context import sqs_event
from gatewatch.local.lambda_.event_source_mapping import EventSourceMapping, Poller
from gatewatch.local.slack.inbox import Inbox
from support.lambda_python import install_locked, lambda_python
from support.limits import GUARD_SECONDS
from support.paths import EVENTBRIDGE, ROOT
from support.runtime_api import RuntimeFunction
from tools.package import LOCK, PROVIDED_BY_LAMBDA, Architecture, build

SERVERLESS = load(str(ROOT / "serverless.yml"))
FUNCTIONS = SERVERLESS["functions"]
PYTHON = lambda_python()
ARCHITECTURE = Architecture.ARM64 if platform.machine() in {"aarch64", "arm64"} else Architecture.X86_64
QUEUE_ARN = f"arn:aws:sqs:{HUB_REGION}:{HUB_ACCOUNT}:gatewatch-prod-outbox.fifo"
RUNTIME_CLIENT = {"awslambdaric", "simplejson", "snapshot-restore-py"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is made for Linux only"),
    pytest.mark.skipif(PYTHON is None, reason="the zip needs Python 3.13"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The folders on sys.path in Lambda's order: the unpacked zip, then what the runtime provides."""
    folder = tmp_path_factory.mktemp("runtime")
    with zipfile.ZipFile(build(ARCHITECTURE, folder / "functions.zip")) as archive:
        archive.extractall(folder / "task")
    install_locked(LOCK, PROVIDED_BY_LAMBDA, folder / "sdk")
    install_locked(LOCK.with_name("dev.txt"), RUNTIME_CLIENT, folder / "client")
    return [folder / "task", folder / "sdk", folder / "client"]


@pytest.fixture(scope="module")
def hub():
    """The hub's stack, a Slack inbox, and the ids of the resources by their logical names."""
    with Cloud() as cloud, Inbox() as inbox, without_unsupported_resource_warnings():
        parameters = {"OrganizationId": "o-a1b2c3d4e5", "OutboxVisibility": "0", "EventsVisibility": "5"}
        outputs = cloud.deploy(HUB_ACCOUNT, HUB_REGION, EVENTBRIDGE / "hub.yaml", parameters)
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        found = session.client("cloudformation").list_stack_resources(StackName="gatewatch-hub")
        ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResourceSummaries"]}
        ssm = session.client("ssm")
        ssm.put_parameter(Name="/gatewatch/slack/sec-all", Value=inbox.webhook_url("sec-all"), Type="SecureString")
        nobody = "http://127.0.0.1:1/services/T0/B0/closed"
        ssm.put_parameter(Name="/gatewatch/slack/sec-prod", Value=nobody, Type="SecureString")
        yield SimpleNamespace(cloud=cloud, inbox=inbox, ids=ids, outputs=outputs, sqs=session.client("sqs"))


def environment_of(name, hub):
    """The variables of serverless.yml, with the resources of the stack and the defaults of the stage."""
    configured = SERVERLESS["provider"]["environment"] | FUNCTIONS[name]["environment"]
    return {key: resolved(value, hub) for key, value in configured.items()}


def resolved(value, hub):
    if isinstance(value, dict):
        ((function, argument),) = value.items()
        return hub.outputs["BusArn"] if function == "Fn::GetAtt" else hub.ids[argument]
    defaults = SERVERLESS["params"]["default"] | {"logLevel": "INFO"}
    text = re.sub(r"\$\{param:(\w+)\}", lambda match: str(defaults.get(match[1]) or ""), str(value))
    return text.replace("${sls:stage}", "prod")


@pytest.fixture
def start(path, hub, tmp_path):
    """A function that starts one of serverless.yml; all are stopped at the end."""
    running = []

    def run(name, handler=None, without=()):
        environment = {
            **environment_of(name, hub),
            **hub.cloud.variables(HUB_ACCOUNT, HUB_REGION),
            "GATEWATCH_SLACK_API": hub.inbox.api,
            "PATH": os.environ["PATH"],
        }
        environment = {key: value for key, value in environment.items() if key not in without}
        function = RuntimeFunction(
            f"gatewatch-prod-{name}",
            handler or FUNCTIONS[name]["handler"],
            PYTHON,
            path,
            environment,
            tmp_path / f"{name}.log",
        )
        running.append(function)
        return function

    yield run
    for each in running:
        each.__exit__()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_starts_by_its_handler(start, name):
    assert start(name).has_started()


def test_a_wrong_handler_is_an_error_of_the_initialization(start):
    wrong = start("alert", handler="functions/alert.handle")
    answer = wrong.api.answer()
    assert (answer.kind, answer.body["errorType"]) == ("init/error", "Runtime.HandlerNotFound")


def test_a_missing_variable_is_an_error_of_the_invocation_and_the_next_one_is_served(start):
    function = start("alert", without=("GATEWATCH_OUTBOX_URL",))
    for _ in range(2):
        answer = function.invoke({"Records": []})
        assert (answer.kind, answer.body["errorType"]) == ("error", "KeyError")
        assert "GATEWATCH_OUTBOX_URL" in answer.body["errorMessage"]


def body_of(scene):
    detail_type = "AWS API Call via CloudTrail"
    return json.dumps({"source": "aws.ec2", "detail-type": detail_type, "detail": scene.record})


def source(name, function, hub, queue):
    arn = f"arn:aws:sqs:{HUB_REGION}:{HUB_ACCOUNT}:{queue}"
    return EventSourceMapping(name, function, hub.sqs, hub.ids[queue], arn, 10, float(FUNCTIONS[name]["timeout"]))


def received(hub):
    """What is in the outbox, as the batch that Lambda hands to the function. Its visibility timeout is 0."""
    answer = hub.sqs.receive_message(
        QueueUrl=hub.ids["Outbox"], MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    return sqs_event(answer.get("Messages", []), QUEUE_ARN)


def destinations(batch):
    return [record["attributes"]["MessageGroupId"] for record in batch["Records"]]


def test_events_become_messages_and_only_failed_records_are_returned(start, hub):
    """One event for two destinations, of which one does not answer, and one that cannot be read."""
    scene = next(each for each in story.load_scenario() if each.account == MEMBERS[0][0])
    for body in (body_of(scene), '{"detail": '):
        hub.sqs.send_message(QueueUrl=hub.ids["Events"], MessageBody=body)
    Poller(source("alert", start("alert"), hub, "Events")).drain()
    unread = hub.sqs.receive_message(QueueUrl=hub.ids["EventsDlq"])["Messages"]
    assert [each["Body"] for each in unread] == ['{"detail": ']

    deliver, batch = start("deliver"), received(hub)
    assert {"sec-all", "sec-prod"} <= {*destinations(batch)}
    late = deliver.invoke(batch, seconds=0.5)
    assert [each["itemIdentifier"] for each in late.body["batchItemFailures"]] == [
        each["messageId"] for each in batch["Records"]
    ]
    assert not hub.inbox.received

    answer = deliver.invoke(batch, seconds=GUARD_SECONDS)
    failed = {each["itemIdentifier"] for each in answer.body["batchItemFailures"]}
    assert answer.kind == "response"
    names = dict(zip((each["messageId"] for each in batch["Records"]), destinations(batch), strict=True))
    assert {names[each] for each in failed} == {"sec-prod"}
    assert {each.channel for each in hub.inbox.received} == {"sec-all"}
