"""osls against moto, and the packaged functions on the deployed queues.

Slow (about half a minute); all tests share one deployment.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import os
import re
import shutil
import sys
import zipfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from moto.ses.models import ses_backends

from gatewatch.digest.activity import AlertSummary
from gatewatch.digest.activity_log import day_of
from gatewatch.local.aws.schedules import isolate_scheduled_rules
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBERS, Cloud, without_unsupported_resource_warnings
from gatewatch.local.aws.sessions import without_aws
from gatewatch.local.demo import scenario as story
from gatewatch.local.lambda_.context import LambdaContext
from gatewatch.local.lambda_.event_source_mapping import EventSourceMapping, Poller
from gatewatch.local.lambda_.process import PackagedFunction, ProcessSettings
from gatewatch.local.slack.inbox import Inbox
from support.lambda_python import install_locked, lambda_python, run
from tools.package import LOCK, PROVIDED_BY_LAMBDA, ROOT, Architecture, build

OSLS = ROOT / "node_modules" / ".bin" / "osls"
STAGE = "test"
WEBHOOKS = ("sec-prod", "sec-all")
ZIP = "gatewatch-x86_64.zip"
MAILED = """
digest: {mail: {from: hub@example.com, to: [team@example.com]}, at: "00:00", timezone: UTC}
"""
PARAMETERS = f"""
hub: {{account: "{HUB_ACCOUNT}", region: {HUB_REGION}, organization: o-a1b2c3d4e5, architecture: x86_64}}
members: {{regions: [{HUB_REGION}]}}
"""
FOUND_BY_CONFIG = {
    "Source": "aws.config",
    "DetailType": "Config Rules Compliance Change",
    "Detail": json.dumps(
        {
            "resourceId": "sg-0aaaaaaaaaaaaaaa1",
            "resourceType": "AWS::EC2::SecurityGroup",
            "awsRegion": MEMBERS[0][1],
            "awsAccountId": MEMBERS[0][0],
            "configRuleName": "restricted-ssh",
            "messageType": "ComplianceChangeNotification",
            "newEvaluationResult": {"complianceType": "NON_COMPLIANT"},
        }
    ),
}


PYTHON = lambda_python()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="osls needs Node.js"),
    pytest.mark.skipif(not OSLS.exists(), reason="osls is not installed; run `npm ci`"),
    pytest.mark.skipif(PYTHON is None, reason="the zip needs Python 3.13"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Return a folder with the files that osls reads and the zip that serverless.yml names."""
    folder = tmp_path_factory.mktemp("service")
    for name in ("serverless.yml", "accounts.yaml", "policy.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "eventbridge", folder / "eventbridge")
    (folder / "deploy").mkdir()
    (folder / "deploy" / f"{STAGE}.yaml").write_text(PARAMETERS, "utf-8")
    build(Architecture.X86_64, folder / "build" / ZIP)
    return folder


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud, without_unsupported_resource_warnings():
        yield cloud


@pytest.fixture(scope="module")
def osls(cloud, service):
    environment = without_aws(os.environ) | cloud.variables(HUB_ACCOUNT, HUB_REGION)

    def call(command):
        stage = ["--stage", STAGE, "--config", service]
        options = run(sys.executable, "-m", "gatewatch", "deploy-options", *stage).stdout.split()
        result = run(OSLS, command, *options, cwd=service, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr

    return call


@pytest.fixture(scope="module")
def deployed(cloud, osls):
    """Deploy the hub with osls and the member stacks; return their resources.

    Resources are found by name, because moto keeps no outputs of stacks made by a change set.
    """
    osls("deploy")
    session = cloud.session(HUB_ACCOUNT, HUB_REGION)
    stack = session.client("cloudformation").list_stack_resources(StackName=f"gatewatch-{STAGE}")
    physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack["StackResourceSummaries"]}
    bus = session.client("events").describe_event_bus(Name=f"gatewatch-{STAGE}")["Arn"]
    lambda_ = session.client("lambda")
    functions = {each["FunctionName"]: each for each in lambda_.list_functions()["Functions"]}
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    for each in mappings:  # otherwise moto would run the functions in containers
        lambda_.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    isolate_scheduled_rules(session.client("events"))
    for account, region in MEMBERS:
        cloud.deploy(account, region, ROOT / "eventbridge" / "member.yaml", {"HubBusArn": bus})
    return SimpleNamespace(session=session, physical=physical, functions=functions, mappings=mappings)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """Return a folder with the AWS SDK, which the Lambda runtime provides, in the locked version."""
    folder = tmp_path_factory.mktemp("runtime")
    install_locked(LOCK, PROVIDED_BY_LAMBDA, folder)
    return folder


@pytest.fixture(scope="module")
def unpacked(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(service / "build" / ZIP) as archive:
        archive.extractall(folder)
    return folder


def process_of(function, cloud, unpacked, runtime):
    """Return a process with the configured environment and the variables that Lambda sets."""
    set_by_lambda = {
        "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
        "LAMBDA_TASK_ROOT": str(unpacked),
        "TZ": ":UTC",
        "PATH": os.environ["PATH"],
    }
    configured = function["Environment"]["Variables"]
    environment = configured | set_by_lambda | cloud.variables(HUB_ACCOUNT, HUB_REGION)
    return ProcessSettings(PYTHON, [unpacked, runtime], environment)


@pytest.fixture(scope="module")
def delivered(cloud, deployed, unpacked, runtime, tmp_path_factory):
    """Publish three scenario events and a Config finding, and run the packaged functions until the queues are empty."""
    logs = tmp_path_factory.mktemp("logs")
    with Inbox() as inbox, ExitStack() as stack:
        ssm = deployed.session.client("ssm")
        for name in WEBHOOKS:
            url = inbox.webhook_url(name)
            ssm.put_parameter(Name=f"/gatewatch/slack/{name}", Value=url, Type="SecureString")
        running = {
            name: stack.enter_context(
                PackagedFunction(each["Handler"], process_of(each, cloud, unpacked, runtime), logs / name)
            )
            for name, each in deployed.functions.items()
        }
        sources = [source(each, running, deployed) for each in deployed.mappings]
        for scene in story.load_scenario()[:3]:
            cloud.publish(scene.account, scene.region, scene.record)
        cloud.session(*MEMBERS[0]).client("events").put_events(Entries=[FOUND_BY_CONFIG])
        assert cloud.run_scheduled_rules(*MEMBERS[0]) == 1
        Poller(*sources).drain()
        heartbeat = running[f"gatewatch-{STAGE}-heartbeat"]
        heartbeat({}, LambdaContext.for_function("heartbeat", queue_arn("events"), 60))
        running[f"gatewatch-{STAGE}-escalate"]({}, LambdaContext.for_function("escalate", queue_arn("events"), 60))
        running[f"gatewatch-{STAGE}-sweep"]({}, LambdaContext.for_function("sweep", queue_arn("sweep"), 300))
        running[f"gatewatch-{STAGE}-digest"]({}, LambdaContext.for_function("digest", queue_arn("events"), 300))
        yield SimpleNamespace(inbox=inbox, logs={path.name: path.read_text("utf-8") for path in logs.iterdir()})


def queue_arn(name):
    return f"arn:aws:sqs:{HUB_REGION}:{HUB_ACCOUNT}:gatewatch-{STAGE}-{name}"


def source(mapping, running, deployed):
    """Return an event source mapping with the deployed settings."""
    function = mapping["FunctionArn"].rpartition(":")[2]
    queue = deployed.session.client("sqs").get_queue_url(QueueName=mapping["EventSourceArn"].rpartition(":")[2])
    sqs, size = deployed.session.client("sqs"), mapping["BatchSize"]
    timeout = float(deployed.functions[function]["Timeout"])
    return EventSourceMapping(
        function, running[function], sqs, queue["QueueUrl"], mapping["EventSourceArn"], size, timeout
    )


def test_nine_functions_are_deployed_each_with_its_role_zip_and_architecture(deployed, service):
    names = ("alert", "deliver", "heartbeat", "escalate", "sweep", "digest", "access_keys", "actions", "act")
    assert set(deployed.functions) == {f"gatewatch-{STAGE}-{name}" for name in names}
    sha = hashlib.sha256((service / "build" / ZIP).read_bytes()).digest()
    for function in deployed.functions.values():
        assert function["CodeSha256"] == base64.b64encode(sha).decode()
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["x86_64"]
    roles = {function["Role"].rpartition("/")[2] for function in deployed.functions.values()}
    own = ("Alert", "Deliver", "Heartbeat", "Escalate", "Sweep", "Digest", "AccessKeys", "Actions", "Act")
    assert roles == {deployed.physical[f"{name}Role"] for name in own}


@pytest.mark.usefixtures("deployed")
def test_the_template_generated_by_osls_passes_cfn_lint_in_every_partition(service):
    lint = Path(sys.executable).with_name("cfn-lint")
    regions = ["-r", "ap-northeast-2", "us-east-1", "us-gov-west-1", "cn-north-1"]
    template = service / ".serverless" / "cloudformation-template-update-stack.json"
    result = run(lint, *regions, "--", template)
    assert (result.returncode, result.stdout) == (0, "")


def test_environment_variables_are_resolved_and_contain_no_secret(deployed):
    for function in deployed.functions.values():
        for name, value in function["Environment"]["Variables"].items():
            assert "${" not in value, name
            assert "hooks.slack" not in value, name


def test_event_source_mappings_report_failures_and_limit_concurrency(deployed):
    arns = {each["EventSourceArn"] for each in deployed.mappings}
    assert arns == {queue_arn(name) for name in ("events", "outbox.fifo", "clicks.fifo", "sweep")}
    for mapping in deployed.mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_an_event_on_a_member_bus_is_delivered_to_slack_by_the_packaged_functions(delivered):
    scenes = story.load_scenario()[:3]
    texts = [json.dumps(one.message) for one in delivered.inbox.received if one.channel == "sec-all"]
    assert [sum(scene.record["eventID"] in text for text in texts) for scene in scenes] == [1] * 3
    assert not delivered.inbox.rejected


def test_a_config_finding_is_delivered_with_its_security_hub_control(delivered):
    texts = [text for one in delivered.inbox.received if "restricted-ssh" in (text := json.dumps(one.message))]
    assert texts
    assert all("EC2.13" in text for text in texts)


def test_serious_alerts_of_production_go_to_their_own_channel_too(delivered):
    assert {one.channel for one in delivered.inbox.received} == set(WEBHOOKS)


def test_no_message_is_dead_lettered(delivered, deployed):
    sqs = deployed.session.client("sqs")
    for queue in ("EventsDlq", "OutboxDlq"):
        counted = sqs.get_queue_attributes(QueueUrl=deployed.physical[queue], AttributeNames=["All"])["Attributes"]
        assert counted["ApproximateNumberOfMessages"] == "0", delivered.logs


@pytest.mark.usefixtures("delivered")
def test_canaries_and_the_heartbeat_run_are_recorded(deployed):
    table = deployed.session.client("dynamodb").scan(TableName=deployed.physical["Table"])["Items"]
    rows = {item["pk"]["S"]: item for item in table}
    account, region = MEMBERS[0]
    assert f"{account} {region}" in rows[f"canaries#{account[-2:]}"]
    assert "heartbeat#reported" in rows


@pytest.mark.usefixtures("delivered")
def test_alerts_are_in_the_activity_log_and_the_digest_ran(deployed):
    rows = deployed.session.client("dynamodb").scan(TableName=deployed.physical["ActivityTable"])["Items"]
    booked = {json.loads(row["value"]["S"])["key"] for row in rows if row["pk"]["S"].startswith("day#")}
    assert {scene.record["eventID"] for scene in story.load_scenario()[:3]} <= booked
    assert ("digest", "started") in {(row["pk"]["S"], row["sk"]["S"]) for row in rows}


@pytest.mark.usefixtures("delivered")
def test_the_packaged_digest_is_mailed(cloud, deployed, unpacked, runtime, tmp_path):
    session, book = deployed.session, deployed.physical["ActivityTable"]
    session.client("ses").verify_email_identity(EmailAddress="hub@example.com")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    entry = AlertSummary(key="e", at=yesterday, account=MEMBERS[0][0], actor="alice", severities={"low": 2})
    kept = {"value": {"S": msgspec.json.encode(entry).decode()}, "expires": {"N": "9999999999"}}
    last_run, since = yesterday, yesterday - timedelta(days=2)
    times = {"since": {"N": str(int(since.timestamp()))}, "last_run": {"N": str(int(last_run.timestamp()))}}
    for item in (
        {"pk": {"S": day_of(yesterday)}, "sk": {"S": "e"}, **kept},
        {"pk": {"S": "digest"}, "sk": {"S": "started"}, **times},
    ):
        session.client("dynamodb").put_item(TableName=book, Item=item)
    policy = re.sub(r"^digest:\n(  .*\n)+", MAILED, (ROOT / "policy.yaml").read_text("utf-8"), flags=re.MULTILINE)
    (tmp_path / "policy.yaml").write_text(policy, "utf-8")
    function = deployed.functions[f"gatewatch-{STAGE}-digest"]
    process = process_of(function, cloud, unpacked, runtime)
    process.environment["GATEWATCH_POLICY"] = str(tmp_path / "policy.yaml")
    with PackagedFunction(function["Handler"], process, tmp_path / "log") as running:
        running({}, LambdaContext.for_function("digest", queue_arn("events"), 300))
        running({}, LambdaContext.for_function("digest", queue_arn("events"), 300))
    (sent,) = ses_backends[HUB_ACCOUNT][HUB_REGION].sent_messages
    mail = email.message_from_string(sent.raw_data, policy=email.policy.default)
    assert (sent.source, set(sent.destinations)) == ("hub@example.com", {"team@example.com"})
    assert "payments-prod" in mail.get_body(("html",)).get_content()


def test_metrics_have_the_names_that_the_alarms_use(delivered):
    for name in ("alert", "deliver"):
        log = delivered.logs[f"gatewatch-{STAGE}-{name}"]
        metrics = [line for line in map(json.loads, filter(None, log.splitlines())) if "_aws" in line]
        assert {line["service"] for line in metrics} == {f"gatewatch-{STAGE}-{name}"}
        directives = [each for line in metrics for each in line["_aws"]["CloudWatchMetrics"]]
        assert {each["Namespace"] for each in directives} == {"gatewatch"}
        assert {tuple(map(tuple, each["Dimensions"])) for each in directives} == {(("service",),)}


def test_no_log_contains_a_webhook_url(delivered):
    assert delivered.logs
    for log in delivered.logs.values():
        assert not any(delivered.inbox.webhook_url(name) in log for name in WEBHOOKS)


def test_removing_the_hub_leaves_no_resource(delivered, deployed, osls):
    osls("remove")
    session = deployed.session
    assert delivered
    assert session.client("lambda").list_functions()["Functions"] == []
    assert session.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert "QueueUrls" not in session.client("sqs").list_queues()
    assert session.client("s3").list_buckets()["Buckets"] == []
    assert session.client("dynamodb").list_tables()["TableNames"] == []
    assert session.client("sns").list_topics()["Topics"] == []
    assert session.client("iam").list_roles()["Roles"] == []
    assert session.client("logs").describe_log_groups()["logGroups"] == []
    assert session.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
    events = session.client("events")
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
    assert events.list_rules()["Rules"] == []
    assert events.list_archives()["Archives"] == []


@pytest.mark.usefixtures("deployed")
def test_removing_a_member_stack_leaves_no_resource(cloud):
    session = cloud.session(*MEMBERS[0])
    iam = session.client("iam")
    before = len(iam.list_roles(PathPrefix="/gatewatch/")["Roles"])  # of the account: one of each Region's stack
    session.client("cloudformation").delete_stack(StackName="gatewatch-member")
    assert session.client("events").list_rules()["Rules"] == []
    assert "QueueUrls" not in session.client("sqs").list_queues()
    assert len(iam.list_roles(PathPrefix="/gatewatch/")["Roles"]) == before - 1
