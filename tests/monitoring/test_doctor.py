"""The doctor against the local AWS: a hub with a healthy and a broken member account."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError
from cfnlint.decode.cfn_yaml import load
from typer.testing import CliRunner

from gatewatch.alerts.context.first_seen_table import FirstCallRows
from gatewatch.aws.clients import Aws
from gatewatch.aws.hub_table import HubTable
from gatewatch.cli.app import app
from gatewatch.config.settings import load_settings
from gatewatch.events.canary import AccountRegion, Canary
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.local.slack.inbox import Inbox
from gatewatch.monitoring.doctor.checks import (
    GLOBAL_REGIONS,
    HealthCheck,
    NoHubError,
    find_bus,
    member_session,
    own_account_id,
)
from gatewatch.monitoring.doctor.destinations import DestinationChecks
from gatewatch.monitoring.doctor.model import CheckStatus
from gatewatch.monitoring.heartbeat.store import HeartbeatStore
from tools.package import ROOT

HEALTHY, BROKEN = MEMBER_ACCOUNTS
NOW = 1_795_230_000
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = """
destinations:
  hook: {kind: slack_webhook, url: {ssm: /gatewatch/slack/hook}}
  lost: {kind: slack_webhook, url: {ssm: /gatewatch/slack/lost}}
  app: {kind: slack_app, channel: C0123, token: {ssm: /gatewatch/slack/token}}
routes: [{to: [hook]}]
context: {source_country: true, first_time: {enabled: true}}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    accounts, policy = folder / "accounts.yaml", folder / "policy.yaml"
    accounts.write_text(f'accounts: {{"{HEALTHY}": {{alias: healthy}}, "{BROKEN}": {{alias: broken}}}}')
    policy.write_text(POLICY)
    return accounts, policy


@pytest.fixture(scope="module")
def inbox():
    with Inbox() as inbox:
        yield inbox


@pytest.fixture(scope="module")
def cloud(inbox):
    with Cloud() as cloud:
        hub = cloud.deploy(
            HUB_ACCOUNT, HUB_REGION, ROOT / "eventbridge" / "hub.yaml", {"OrganizationId": "o-a1b2c3d4e5"}
        )
        for account in MEMBER_ACCOUNTS:
            cloud.deploy(account, HUB_REGION, ROOT / "eventbridge" / "member.yaml", {"HubBusArn": hub["BusArn"]})
        session = cloud.session(HUB_ACCOUNT, HUB_REGION)
        complete(session, hub, inbox)
        enable_recording(cloud.session(HEALTHY, HUB_REGION))
        break_member(cloud.session(BROKEN, HUB_REGION))
        HeartbeatStore(HubTable(session.client("dynamodb"), hub["TableName"])).record(
            Canary(AccountRegion(HEALTHY, HUB_REGION), NOW - 60)
        )
        yield cloud


def complete(session, hub, inbox):
    """Create what the local CloudFormation leaves out, and what serverless.yml and operators add."""
    session.client("events").put_permission(
        EventBusName=hub["BusName"], StatementId="m", Action="events:PutEvents", Principal=HEALTHY
    )
    ssm = session.client("ssm")
    ssm.put_parameter(Name="/gatewatch/slack/hook", Value=inbox.webhook_url("hook"), Type="SecureString")
    ssm.put_parameter(Name="/gatewatch/slack/token", Value="xoxb-a-token", Type="SecureString")
    session.client("sns").subscribe(TopicArn=hub["OperatorsTopicArn"], Protocol="sqs", Endpoint=hub["EventsQueueArn"])
    for name, queue in (
        ("alert", "EventsQueueArn"),
        ("deliver", "OutboxArn"),
        ("heartbeat", None),
        ("escalate", None),
        ("sweep", None),
        ("access_keys", None),
        ("digest", None),
    ):
        function(session, name, hub[queue] if queue else None)


def break_member(session):
    """Disable one rule, delete another, and delete the roles that send events."""
    events, iam = session.client("events"), session.client("iam")
    events.disable_rule(Name="gatewatch-security-group")
    events.remove_targets(Rule="gatewatch-compliance", Ids=["hub"])
    events.delete_rule(Name="gatewatch-compliance")
    for role in iam.list_roles(PathPrefix="/gatewatch/")["Roles"]:
        iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="put-events-on-the-hub")
        iam.delete_role(RoleName=role["RoleName"])


def function(session, name, queue):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "")
    role = session.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    lambda_ = session.client("lambda")
    lambda_.create_function(
        FunctionName=f"gatewatch-prod-{name}",
        Runtime="python3.13",
        Role=role,
        Handler="a.b",
        Code={"ZipFile": code.getvalue()},
    )
    if queue:
        lambda_.create_event_source_mapping(FunctionName=f"gatewatch-prod-{name}", EventSourceArn=queue)


def enable_recording(session):
    """Create a trail and a configuration recorder."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="trail-of-healthy", CreateBucketConfiguration={"LocationConstraint": HUB_REGION})
    trail = session.client("cloudtrail")
    trail.create_trail(Name="main", S3BucketName="trail-of-healthy", IsMultiRegionTrail=True)
    trail.put_event_selectors(
        TrailName="main", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    )
    trail.start_logging(Name="main")
    config = session.client("config")
    role = f"arn:aws:iam::{HEALTHY}:role/config"
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "trail-of-healthy"})
    config.start_configuration_recorder(ConfigurationRecorderName="default")


@pytest.fixture
def environment(cloud):
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        yield


@pytest.fixture
def run_checks(cloud, files):
    def run(**options):
        aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
        health_check = HealthCheck(
            aws=aws,
            settings=load_settings(*files),
            stage="prod",
            session_for=lambda origin: Aws(cloud.session(origin.account_id, origin.region)),
            now=NOW,
            auth_test="http://127.0.0.1:9/api/auth.test",
            **options,
        )
        return list(health_check.results())

    return run


def by_check(results, where):
    return {each.check: each for each in results if where in each.where}


def test_a_healthy_account_has_no_warning_or_error(run_checks):
    healthy = by_check(run_checks(accounts=[HEALTHY]), "healthy")
    assert {check: each.status for check, each in healthy.items()} == dict.fromkeys(
        ("canary", "bus policy", "trail", "rule", "undelivered", "recorder"), CheckStatus.OK
    )


def test_a_broken_account_has_errors_with_remedies(run_checks):
    results = [each for each in run_checks(accounts=[BROKEN]) if "broken" in each.where]
    broken = by_check(results, "broken")
    assert {check for check, each in broken.items() if each.status is CheckStatus.ERROR} == {
        "canary",
        "bus policy",
        "trail",
        "rule",
    }
    rules = [each.detail for each in results if each.check == "rule"]
    assert "gatewatch-security-group is disabled" in rules
    assert "gatewatch-compliance does not exist" in rules
    assert "gatewatch-prefix-list has no role that may put events on the hub's bus" in rules
    assert broken["recorder"].status is CheckStatus.WARNING
    assert all(each.remedy for each in results if each.status is not CheckStatus.OK)


def test_the_hub_and_every_account_in_the_regions_with_canaries_are_checked(run_checks):
    results = run_checks()
    assert by_check(results, "hub")["alert"].status is CheckStatus.OK
    assert {each.where for each in results if " " in each.where} == {
        f"healthy {HEALTHY} {HUB_REGION}",
        f"broken {BROKEN} {HUB_REGION}",
    }


def test_without_the_doctor_role_an_account_is_a_warning_and_its_canary_is_still_checked(cloud, files):
    def refused(_origin):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

    aws, nowhere = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION)), "http://127.0.0.1:9/"
    health_check = HealthCheck(aws, load_settings(*files), "prod", refused, NOW, accounts=[HEALTHY], auth_test=nowhere)
    healthy = by_check(health_check.results(), "healthy")
    assert {check: each.status for check, each in healthy.items()} == {
        "canary": CheckStatus.OK,
        "bus policy": CheckStatus.OK,
        "doctor role": CheckStatus.WARNING,
    }
    assert "AccessDenied" in healthy["doctor role"].detail


def test_destinations_are_checked_without_sending(run_checks, inbox):
    before = inbox.received
    results = run_checks(accounts=[HEALTHY])
    assert by_check(results, "hook")["destination"].status is CheckStatus.SKIPPED
    assert by_check(results, "lost")["destination"].status is CheckStatus.ERROR
    assert by_check(results, "app")["destination"].detail.startswith("auth.test of Slack: no response")
    assert by_check(results, "alerts")["destination"].status is CheckStatus.WARNING
    assert inbox.received == before


def test_remembered_calls_and_the_age_of_the_data_about_source_addresses_are_checked(run_checks, cloud):
    before = run_checks(accounts=[HEALTHY])
    assert by_check(before, "iptocc")["data"].detail == "its data is of 2026-10-26"
    assert by_check(before, "hub")["first calls"].detail == "no account is remembered yet"
    table = HubTable(cloud.session(HUB_ACCOUNT, HUB_REGION).client("dynamodb"), "gatewatch-prod")
    FirstCallRows(table).since(HEALTHY, NOW - 20 * 86400)
    assert by_check(run_checks(accounts=[HEALTHY]), "hub")["first calls"].detail == "1 accounts are remembered"


def test_a_destination_receives_a_test_message_with_send(cloud, files, inbox):
    aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    destinations, before = load_settings(*files).destinations, len(inbox.received)
    wanted = {name: destinations[name] for name in ("hook", "lost")}
    results = list(DestinationChecks(aws, "arn:aws:sns:x").check_all(wanted, send=True))
    assert [each.status for each in results] == [CheckStatus.OK, CheckStatus.ERROR]
    (received,) = inbox.received[before:]
    assert "A test of gatewatch" in json.dumps(received.message)


def test_a_token_is_checked_with_auth_test(cloud, files, httpserver_like):
    aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    app_ = {"app": load_settings(*files).destinations["app"]}
    for answer, status in (
        (b'{"ok": true}', CheckStatus.OK),
        (b'{"ok": false, "error": "invalid_auth"}', CheckStatus.ERROR),
    ):
        with httpserver_like(answer) as (url, headers):
            (result,) = DestinationChecks(aws, "", url).check_all(app_, send=False)
        assert result.status is status
        assert headers == ["Bearer xoxb-a-token"]
        assert "xoxb" not in result.detail


@pytest.fixture
def httpserver_like():
    """A server that returns one response and records the Authorization headers."""

    @contextlib.contextmanager
    def serve(answer):
        headers = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                headers.append(self.headers["Authorization"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/api/auth.test", headers
            server.shutdown()
            thread.join()

    return serve


def test_the_global_regions_are_those_of_the_member_template():
    mapping = load(str(ROOT / "eventbridge" / "member.yaml"))["Mappings"]["Partition"]
    assert {partition: each["GlobalRegion"] for partition, each in mapping.items()} == GLOBAL_REGIONS


@pytest.mark.usefixtures("environment")
def test_the_doctor_uses_its_own_credentials_in_its_account_and_the_doctor_role_in_others():
    aws = Aws()
    assert own_account_id(aws) == HUB_ACCOUNT
    session_for = member_session(aws, HUB_ACCOUNT)
    assert own_account_id(session_for(AccountRegion(HUB_ACCOUNT, "us-east-1"))) == HUB_ACCOUNT
    assert own_account_id(session_for(AccountRegion(HEALTHY, "us-east-1"))) == HEALTHY
    role = load(str(ROOT / "eventbridge" / "member.yaml"))["Resources"]["DoctorRole"]["Properties"]
    assert role["Path"] + role["RoleName"] == "/gatewatch/gatewatch-doctor"


@pytest.mark.usefixtures("environment")
def test_a_missing_hub_is_an_error_with_a_remedy():
    with pytest.raises(NoHubError, match="no bus gatewatch-staging here"):
        find_bus(Aws(), "staging")


@pytest.mark.usefixtures("environment")
def test_the_command_prints_the_table_and_exits_with_1_after_an_error(files):
    accounts, policy = files
    policy = policy.with_name("without-an-app.yaml")
    policy.write_text(
        POLICY.replace("  app: {kind: slack_app, channel: C0123, token: {ssm: /gatewatch/slack/token}}\n", "")
    )
    result = CliRunner().invoke(app, ["doctor", "--accounts", str(accounts), "--policy", str(policy)])
    assert result.exit_code == 1
    assert "checks:" in result.output


@pytest.mark.usefixtures("environment")
def test_the_command_send_test_sends_a_test_message(files, inbox):
    accounts, policy = files
    options = ["--accounts", str(accounts), "--policy", str(policy)]
    before = len(inbox.received)
    result = CliRunner().invoke(app, ["send-test", "hook", *options])
    assert (result.exit_code, result.output) == (0, "hook accepted the message: ok\n")
    assert len(inbox.received) == before + 1
    refused = CliRunner().invoke(app, ["send-test", "nobody", *options])
    assert "has no destination nobody" in str(refused.exception)
