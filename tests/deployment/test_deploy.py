"""The real deploy tool against the embedded cloud, and the real zip behind the deployed queues.

Slow (about half a minute): one deployment serves all the tests of this file.
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
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from moto.ses.models import ses_backends

from gatewatch.digest.activity import Entry
from gatewatch.digest.activity_log import day_of
from gatewatch.local.aws.schedules import keep_schedules_apart_from_events
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBERS, Cloud, _unsupported_resources_are_skipped
from gatewatch.local.aws.sessions import without_aws
from gatewatch.local.demo import scenario as story
from gatewatch.local.lambda_.context import Invocation
from gatewatch.local.lambda_.event_source_mapping import Source, Worker
from gatewatch.local.lambda_.process import PackagedFunction, Process
from gatewatch.local.slack.inbox import Inbox
from tools.package import DIGEST_LOCK, LOCK, ROOT, Architecture, build, requirements

OSLS = ROOT / "node_modules" / ".bin" / "osls"
STAGE = "test"
WEBHOOKS = ("sec-prod", "sec-all")
LAMBDAS_PYTHON = (3, 13)
ZIPS = {"gatewatch-x86_64.zip": LOCK, "gatewatch-digest-x86_64.zip": DIGEST_LOCK}
MAILED = """
digest: {mail: {from: hub@example.com, to: [team@example.com]}, at: "00:00", timezone: UTC}
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


def python_of_lambda():
    """An interpreter of the functions' runtime: this one, one on the path, or pyenv's."""
    name = ".".join(map(str, LAMBDAS_PYTHON))
    candidates = [sys.executable, shutil.which(f"python{name}"), pyenv(name)]
    return next((Path(each) for each in candidates if each and version_of(each) == name), None)


def pyenv(name):
    tool = shutil.which("pyenv")
    prefix = run(tool, "prefix", run(tool, "latest", name).stdout.strip()).stdout.strip() if tool else ""
    return f"{prefix}/bin/python" if prefix else None


def version_of(python):
    return run(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


PYTHON = python_of_lambda()
pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="osls needs Node.js, and there is none"),
    pytest.mark.skipif(not OSLS.exists(), reason="osls is not installed; run `npm ci`"),
    pytest.mark.skipif(PYTHON is None, reason="the zip is for Python 3.13, and there is none to run it"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A folder with what osls reads, and the zip where serverless.yml looks for it."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copy(ROOT / "serverless.yml", folder)
    shutil.copytree(ROOT / "eventbridge", folder / "eventbridge")
    for name, lock in ZIPS.items():
        build(Architecture.X86_64, folder / "build" / name, lock=lock)
    return folder


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud, _unsupported_resources_are_skipped():
        yield cloud


@pytest.fixture(scope="module")
def osls(cloud, service):
    def call(command):
        options = ["--stage", STAGE, "--region", HUB_REGION, "--param=architecture=x86_64"]
        environment = without_aws(os.environ) | cloud.variables(HUB_ACCOUNT, HUB_REGION)
        result = run(OSLS, command, *options, "--param=organization=o-a1b2c3d4e5", cwd=service, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr

    return call


@pytest.fixture(scope="module")
def deployed(cloud, osls):
    """The hub's resources and functions, as the cloud has them; then the members' stacks.

    By name: of a stack that a change set made, as osls does, moto keeps no outputs.
    """
    osls("deploy")
    session = cloud.session(HUB_ACCOUNT, HUB_REGION)
    stack = session.client("cloudformation").list_stack_resources(StackName=f"gatewatch-{STAGE}")
    physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack["StackResourceSummaries"]}
    bus = session.client("events").describe_event_bus(Name=f"gatewatch-{STAGE}")["Arn"]
    lambda_ = session.client("lambda")
    functions = {each["FunctionName"]: each for each in lambda_.list_functions()["Functions"]}
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    for each in mappings:  # else the embedded cloud would run the functions itself, in containers
        lambda_.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    keep_schedules_apart_from_events(session)
    for account, region in MEMBERS:
        cloud.deploy(account, region, ROOT / "eventbridge" / "member.yaml", {"HubBusArn": bus})
    return SimpleNamespace(session=session, physical=physical, functions=functions, mappings=mappings)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """What Lambda's own Python brings: the AWS SDK, in the version of the lock."""
    folder = tmp_path_factory.mktemp("runtime")
    ours, everything = requirements(LOCK.read_text("utf-8")), LOCK.read_text("utf-8")
    blocks = [block for block in re.split(r"\n(?=\S)", everything) if "==" in block and block not in ours]
    wanted = folder.with_suffix(".txt")
    wanted.write_text("\n".join(blocks) + "\n", "utf-8")
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--no-deps", "--require-hashes", "--python-version", "3.13", "--target", folder]
    installed = run(uv, "pip", "install", *options, "-r", wanted)
    assert installed.returncode == 0, installed.stderr
    return folder


@pytest.fixture(scope="module")
def unpacked(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    for name in ZIPS:
        with zipfile.ZipFile(service / "build" / name) as archive:
            archive.extractall(folder / name)
    return folder


def zip_of(function_name):
    return "gatewatch-digest-x86_64.zip" if function_name.endswith("-digest") else "gatewatch-x86_64.zip"


def process_of(function, cloud, unpacked, runtime):
    """The environment of a function: its configuration, and what Lambda adds."""
    unpacked /= zip_of(function["FunctionName"])
    lambdas = {
        "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
        "LAMBDA_TASK_ROOT": str(unpacked),
        "TZ": ":UTC",
        "PATH": os.environ["PATH"],
    }
    configured = function["Environment"]["Variables"]
    environment = configured | lambdas | cloud.variables(HUB_ACCOUNT, HUB_REGION)
    return Process(PYTHON, [unpacked, runtime], environment)


@pytest.fixture(scope="module")
def told(cloud, deployed, unpacked, runtime, tmp_path_factory):
    """The story on the members' buses, told through the deployed queues by the functions of the zip."""
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
        for scene in story.load_story()[:3]:
            cloud.publish(scene.account, scene.region, scene.record)
        cloud.session(*MEMBERS[0]).client("events").put_events(Entries=[FOUND_BY_CONFIG])
        assert cloud.tick(*MEMBERS[0]) == 1
        Worker(*sources).drain()
        heartbeat = running[f"gatewatch-{STAGE}-heartbeat"]
        heartbeat({}, Invocation.of("heartbeat", queue_arn("events"), 60))
        running[f"gatewatch-{STAGE}-digest"]({}, Invocation.of("digest", queue_arn("events"), 300))
        yield SimpleNamespace(inbox=inbox, logs={path.name: path.read_text("utf-8") for path in logs.iterdir()})


def queue_arn(name):
    return f"arn:aws:sqs:{HUB_REGION}:{HUB_ACCOUNT}:gatewatch-{STAGE}-{name}"


def source(mapping, running, deployed):
    """An event source mapping as it was deployed."""
    function = mapping["FunctionArn"].rpartition(":")[2]
    queue = deployed.session.client("sqs").get_queue_url(QueueName=mapping["EventSourceArn"].rpartition(":")[2])
    sqs, size = deployed.session.client("sqs"), mapping["BatchSize"]
    timeout = float(deployed.functions[function]["Timeout"])
    return Source(function, running[function], sqs, queue["QueueUrl"], mapping["EventSourceArn"], size, timeout)


def test_five_functions_stand_each_with_its_role_its_zip_and_its_architecture(deployed, service):
    names = ("alert", "deliver", "heartbeat", "digest", "access_keys")
    assert set(deployed.functions) == {f"gatewatch-{STAGE}-{name}" for name in names}
    for function in deployed.functions.values():
        sha = hashlib.sha256((service / "build" / zip_of(function["FunctionName"])).read_bytes()).digest()
        assert function["CodeSha256"] == base64.b64encode(sha).decode()
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["x86_64"]
    roles = {function["Role"].rpartition("/")[2] for function in deployed.functions.values()}
    assert roles == {
        deployed.physical[f"{name}Role"] for name in ("Alert", "Deliver", "Heartbeat", "Digest", "AccessKeys")
    }


@pytest.mark.usefixtures("deployed")
def test_the_template_that_osls_makes_is_clean_in_every_partition(service):
    lint = Path(sys.executable).with_name("cfn-lint")
    regions = ["-r", "ap-northeast-2", "us-east-1", "us-gov-west-1", "cn-north-1"]
    template = service / ".serverless" / "cloudformation-template-update-stack.json"
    result = run(lint, *regions, "--", template)
    assert (result.returncode, result.stdout) == (0, "")


def test_every_variable_is_resolved_and_no_secret_is_among_them(deployed):
    for function in deployed.functions.values():
        for name, value in function["Environment"]["Variables"].items():
            assert "${" not in value, name
            assert "hooks.slack" not in value, name


def test_both_queues_report_what_failed_of_a_batch_and_bound_their_concurrency(deployed):
    arns = {each["EventSourceArn"] for each in deployed.mappings}
    assert arns == {queue_arn("events"), queue_arn("outbox.fifo")}
    for mapping in deployed.mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_an_event_on_a_members_bus_is_read_in_slack_as_the_zips_own_code_words_it(told):
    scenes = story.load_story()[:3]
    texts = [json.dumps(one.message) for one in told.inbox.received if one.channel == "sec-all"]
    assert [scene.record["eventID"] in text for scene, text in zip(scenes, texts[:3], strict=True)] == [True] * 3
    assert not told.inbox.refused


def test_what_config_found_is_read_with_the_control_of_the_catalogue_in_the_zip(told):
    texts = [text for one in told.inbox.received if "restricted-ssh" in (text := json.dumps(one.message))]
    assert texts
    assert all("EC2.13" in text for text in texts)


def test_what_is_serious_in_production_is_read_in_its_own_channel_too(told):
    assert {one.channel for one in told.inbox.received} == set(WEBHOOKS)


def test_nothing_died_on_the_way(told, deployed):
    sqs = deployed.session.client("sqs")
    for queue in ("EventsDead", "OutboxDead"):
        counted = sqs.get_queue_attributes(QueueUrl=deployed.physical[queue], AttributeNames=["All"])["Attributes"]
        assert counted["ApproximateNumberOfMessages"] == "0", told.logs


@pytest.mark.usefixtures("told")
def test_the_canary_of_a_member_is_in_the_table_and_the_heartbeat_ran(deployed):
    table = deployed.session.client("dynamodb").scan(TableName=deployed.physical["Table"])["Items"]
    rows = {item["pk"]["S"]: item for item in table}
    account, region = MEMBERS[0]
    assert f"{account} {region}" in rows[f"seen#{account[-2:]}"]
    assert "heartbeat#told" in rows


@pytest.mark.usefixtures("told")
def test_every_alert_is_in_the_day_book_and_the_digest_has_looked_at_it(deployed):
    rows = deployed.session.client("dynamodb").scan(TableName=deployed.physical["Book"])["Items"]
    booked = {json.loads(row["kept"]["S"])["key"] for row in rows if row["pk"]["S"].startswith("day#")}
    assert {scene.record["eventID"] for scene in story.load_story()[:3]} <= booked
    assert ("digest", "began") in {(row["pk"]["S"], row["sk"]["S"]) for row in rows}


@pytest.mark.usefixtures("told")
def test_the_digest_of_the_zip_is_mailed_with_a_chart_that_its_library_drew(
    cloud, deployed, unpacked, runtime, tmp_path
):
    session, book = deployed.session, deployed.physical["Book"]
    session.client("ses").verify_email_identity(EmailAddress="hub@example.com")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    entry = Entry(key="e", at=yesterday, account=MEMBERS[0][0], actor="alice", severities={"low": 2})
    kept = {"kept": {"S": msgspec.json.encode(entry).decode()}, "expires": {"N": "9999999999"}}
    times = {name: {"N": str(int(yesterday.timestamp()) - 86400 * 2 * (name == "at"))} for name in ("at", "seen")}
    for item in (
        {"pk": {"S": day_of(yesterday)}, "sk": {"S": "e"}, **kept},
        {"pk": {"S": "digest"}, "sk": {"S": "began"}, **times},
    ):
        session.client("dynamodb").put_item(TableName=book, Item=item)
    policy = re.sub(r"^digest:\n(  .*\n)+", MAILED, (ROOT / "policy.yaml").read_text("utf-8"), flags=re.MULTILINE)
    (tmp_path / "policy.yaml").write_text(policy, "utf-8")
    function = deployed.functions[f"gatewatch-{STAGE}-digest"]
    process = process_of(function, cloud, unpacked, runtime)
    process.environment["GATEWATCH_POLICY"] = str(tmp_path / "policy.yaml")
    with PackagedFunction(function["Handler"], process, tmp_path / "log") as running:
        running({}, Invocation.of("digest", queue_arn("events"), 300))
        running({}, Invocation.of("digest", queue_arn("events"), 300))
    (sent,) = ses_backends[HUB_ACCOUNT][HUB_REGION].sent_messages
    mail = email.message_from_string(sent.raw_data, policy=email.policy.default)
    assert (sent.source, set(sent.destinations)) == ("hub@example.com", {"team@example.com"})
    assert "payments-prod" in mail.get_body(("html",)).get_content()
    (picture,) = [part.get_payload(decode=True) for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.startswith(b"\x89PNG")


def test_the_functions_count_under_the_names_of_the_alarms(told):
    for name in ("alert", "deliver"):
        log = told.logs[f"gatewatch-{STAGE}-{name}"]
        metrics = [line for line in map(json.loads, filter(None, log.splitlines())) if "_aws" in line]
        assert {line["service"] for line in metrics} == {f"gatewatch-{STAGE}-{name}"}
        directives = [each for line in metrics for each in line["_aws"]["CloudWatchMetrics"]]
        assert {each["Namespace"] for each in directives} == {"gatewatch"}
        assert {tuple(map(tuple, each["Dimensions"])) for each in directives} == {(("service",),)}


def test_no_log_of_a_function_holds_a_webhook(told):
    assert told.logs
    for log in told.logs.values():
        assert not any(told.inbox.webhook_url(name) in log for name in WEBHOOKS)


def test_undeploying_leaves_nothing(told, deployed, osls):
    osls("remove")
    session = deployed.session
    assert told
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
def test_a_member_stack_that_is_removed_leaves_nothing(cloud):
    session = cloud.session(*MEMBERS[0])
    iam = session.client("iam")
    before = len(iam.list_roles(PathPrefix="/gatewatch/")["Roles"])  # of the account: one of each Region's stack
    session.client("cloudformation").delete_stack(StackName="gatewatch-member")
    assert session.client("events").list_rules()["Rules"] == []
    assert "QueueUrls" not in session.client("sqs").list_queues()
    assert len(iam.list_roles(PathPrefix="/gatewatch/")["Roles"]) == before - 1
