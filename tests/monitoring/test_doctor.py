"""The doctor in the embedded cloud: a hub with two members, one of them in order, one not."""

from __future__ import annotations

import ast
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

from gatewatch.aws.clients import Aws
from gatewatch.cli.app import app
from gatewatch.config.settings import load_settings
from gatewatch.events.canary import Canary, Place
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, MEMBER_ACCOUNTS, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from gatewatch.local.slack.inbox import Inbox
from gatewatch.monitoring.doctor.checks import GLOBAL_REGIONS, Examination, NoHubError, entrance, find_bus, identity
from gatewatch.monitoring.doctor.destinations import Destinations
from gatewatch.monitoring.doctor.model import Light
from gatewatch.monitoring.heartbeat.store import LastSeen
from tools.package import ROOT

GOOD, BAD = MEMBER_ACCOUNTS
NOW = 1_795_230_000
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = """
destinations:
  hook: {kind: slack_webhook, url: {ssm: /gatewatch/slack/hook}}
  lost: {kind: slack_webhook, url: {ssm: /gatewatch/slack/lost}}
  app: {kind: slack_app, channel: C0123, token: {ssm: /gatewatch/slack/token}}
routes: [{to: [hook]}]
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    accounts, policy = folder / "accounts.yaml", folder / "policy.yaml"
    accounts.write_text(f'accounts: {{"{GOOD}": {{alias: good}}, "{BAD}": {{alias: bad}}}}')
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
        for account in MEMBER_ACCOUNTS:
            mend_roles(cloud.session(account, HUB_REGION).client("iam"))
        watch(cloud.session(GOOD, HUB_REGION))
        spoil(cloud.session(BAD, HUB_REGION))
        LastSeen(session.client("dynamodb"), hub["TableName"]).record(Canary(Place(GOOD, HUB_REGION), NOW - 60))
        yield cloud


def complete(session, hub, inbox):
    """What the embedded cloud's CloudFormation leaves out, and what serverless.yml and people add."""
    session.client("events").put_permission(
        EventBusName=hub["BusName"], StatementId="m", Action="events:PutEvents", Principal=GOOD
    )
    ssm = session.client("ssm")
    ssm.put_parameter(Name="/gatewatch/slack/hook", Value=inbox.webhook_url("hook"), Type="SecureString")
    ssm.put_parameter(Name="/gatewatch/slack/token", Value="xoxb-a-token", Type="SecureString")
    session.client("sns").subscribe(TopicArn=hub["OperatorsTopicArn"], Protocol="sqs", Endpoint=hub["EventsQueueArn"])
    for name, queue in (
        ("alert", "EventsQueueArn"),
        ("deliver", "OutboxArn"),
        ("heartbeat", None),
        ("access_keys", None),
        ("digest", None),
    ):
        function(session, name, hub[queue] if queue else None)


def spoil(session):
    """One rule switched off, one gone, and nobody's right to send."""
    events, iam = session.client("events"), session.client("iam")
    events.disable_rule(Name="gatewatch-security-group")
    events.remove_targets(Rule="gatewatch-compliance", Ids=["hub"])
    events.delete_rule(Name="gatewatch-compliance")
    for role in iam.list_roles(PathPrefix="/gatewatch/")["Roles"]:
        iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="put-events-on-the-hub")
        iam.delete_role(RoleName=role["RoleName"])


def mend_roles(iam):
    """The embedded CloudFormation writes a policy as Python prints it, and not as JSON."""
    for role in iam.list_roles(PathPrefix="/gatewatch/")["Roles"]:
        named = {"RoleName": role["RoleName"], "PolicyName": "put-events-on-the-hub"}
        written = iam.get_role_policy(**named)["PolicyDocument"]
        iam.put_role_policy(**named, PolicyDocument=json.dumps(ast.literal_eval(written)))


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


def watch(session):
    """A trail and a recorder, as an account in order has them."""
    s3 = session.client("s3")
    s3.create_bucket(Bucket="trail-of-good", CreateBucketConfiguration={"LocationConstraint": HUB_REGION})
    trail = session.client("cloudtrail")
    trail.create_trail(Name="main", S3BucketName="trail-of-good", IsMultiRegionTrail=True)
    trail.put_event_selectors(
        TrailName="main", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
    )
    trail.start_logging(Name="main")
    config = session.client("config")
    role = f"arn:aws:iam::{GOOD}:role/config"
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "trail-of-good"})
    config.start_configuration_recorder(ConfigurationRecorderName="default")


@pytest.fixture
def environment(cloud):
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        yield


@pytest.fixture
def findings(cloud, files):
    def look(**options):
        aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
        examination = Examination(
            aws=aws,
            settings=load_settings(*files),
            stage="prod",
            enter=lambda place: Aws(cloud.session(place.account_id, place.region)),
            now=NOW,
            auth_test="http://127.0.0.1:9/api/auth.test",
            **options,
        )
        return list(examination.findings())

    return look


def of(found, where):
    return {each.what: each for each in found if where in each.where}


def test_an_account_in_order_is_green(findings):
    good = of(findings(accounts=[GOOD]), "good")
    assert {what: each.light for what, each in good.items()} == dict.fromkeys(
        ("canary", "bus policy", "trail", "rule", "undelivered", "recorder"), Light.GREEN
    )


def test_an_account_that_is_not_says_what_is_amiss_and_what_to_do(findings):
    found = [each for each in findings(accounts=[BAD]) if "bad" in each.where]
    bad = of(found, "bad")
    assert {what for what, each in bad.items() if each.light is Light.RED} == {"canary", "bus policy", "trail", "rule"}
    rules = [each.said for each in found if each.what == "rule"]
    assert "gatewatch-security-group is disabled" in rules
    assert "gatewatch-compliance is not there" in rules
    assert "gatewatch-prefix-list has no role that may put events on the hub's bus" in rules
    assert bad["recorder"].light is Light.YELLOW
    assert all(each.remedy for each in found if each.light is not Light.GREEN)


def test_the_hub_is_looked_at_and_every_account_of_the_file_in_the_regions_that_were_heard_of(findings):
    found = findings()
    assert of(found, "hub")["alert"].light is Light.GREEN
    assert {each.where for each in found if " " in each.where} == {
        f"good {GOOD} {HUB_REGION}",
        f"bad {BAD} {HUB_REGION}",
    }


def test_an_account_that_nobody_may_enter_is_yellow_and_its_canary_is_looked_at_all_the_same(cloud, files):
    def refused(_place):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

    aws, nowhere = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION)), "http://127.0.0.1:9/"
    looked = Examination(aws, load_settings(*files), "prod", refused, NOW, accounts=[GOOD], auth_test=nowhere)
    good = of(looked.findings(), "good")
    assert {what: each.light for what, each in good.items()} == {
        "canary": Light.GREEN,
        "bus policy": Light.GREEN,
        "inside": Light.YELLOW,
    }
    assert "AccessDenied" in good["inside"].said


def test_destinations_are_looked_at_without_sending(findings, inbox):
    found = findings(accounts=[GOOD])
    assert of(found, "hook")["destination"].light is Light.GREY
    assert of(found, "lost")["destination"].light is Light.RED
    assert of(found, "app")["destination"].said.startswith("Slack says nothing")
    assert of(found, "alerts")["destination"].light is Light.YELLOW
    assert not inbox.received


def test_a_destination_takes_a_test_message_when_it_may_be_sent(cloud, files, inbox):
    aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    destinations = load_settings(*files).destinations
    wanted = {name: destinations[name] for name in ("hook", "lost")}
    found = list(Destinations(aws, "arn:aws:sns:x").look(wanted, send=True))
    assert [each.light for each in found] == [Light.GREEN, Light.RED]
    (received,) = inbox.received
    assert "A test of gatewatch" in json.dumps(received.message)


def test_slack_is_asked_about_a_token(cloud, files, httpserver_like):
    aws = Aws(cloud.session(HUB_ACCOUNT, HUB_REGION))
    app_ = {"app": load_settings(*files).destinations["app"]}
    for answer, light in ((b'{"ok": true}', Light.GREEN), (b'{"ok": false, "error": "invalid_auth"}', Light.RED)):
        with httpserver_like(answer) as (url, asked):
            (found,) = Destinations(aws, "", url).look(app_, send=False)
        assert found.light is light
        assert asked == ["Bearer xoxb-a-token"]
        assert "xoxb" not in found.said


@pytest.fixture
def httpserver_like():
    """A Slack that gives one answer and notes the Authorization headers."""

    @contextlib.contextmanager
    def serve(answer):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(self.headers["Authorization"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/api/auth.test", asked
            server.shutdown()
            thread.join()

    return serve


def test_the_global_regions_are_those_of_the_member_template():
    mapping = load(str(ROOT / "eventbridge" / "member.yaml"))["Mappings"]["Partition"]
    assert {partition: each["GlobalRegion"] for partition, each in mapping.items()} == GLOBAL_REGIONS


@pytest.mark.usefixtures("environment")
def test_the_doctor_enters_its_own_account_as_it_is_and_others_by_the_role_of_the_member_template():
    aws = Aws()
    assert identity(aws) == HUB_ACCOUNT
    enter = entrance(aws, HUB_ACCOUNT)
    assert identity(enter(Place(HUB_ACCOUNT, "us-east-1"))) == HUB_ACCOUNT
    assert identity(enter(Place(GOOD, "us-east-1"))) == GOOD
    role = load(str(ROOT / "eventbridge" / "member.yaml"))["Resources"]["ReadRole"]["Properties"]
    assert role["Path"] + role["RoleName"] == "/gatewatch/gatewatch-read"


@pytest.mark.usefixtures("environment")
def test_without_a_hub_there_is_a_sentence():
    with pytest.raises(NoHubError, match="no bus gatewatch-staging here"):
        find_bus(Aws(), "staging")


@pytest.mark.usefixtures("environment")
def test_the_command_prints_the_table_and_its_status_says_that_something_is_broken(files):
    accounts, policy = files
    policy = policy.with_name("without-an-app.yaml")
    policy.write_text(
        POLICY.replace("  app: {kind: slack_app, channel: C0123, token: {ssm: /gatewatch/slack/token}}\n", "")
    )
    result = CliRunner().invoke(app, ["doctor", "--accounts", str(accounts), "--policy", str(policy)])
    assert result.exit_code == 1
    assert "findings:" in result.output


@pytest.mark.usefixtures("environment")
def test_a_test_message_is_sent_by_command(files, inbox):
    accounts, policy = files
    options = ["--accounts", str(accounts), "--policy", str(policy)]
    before = len(inbox.received)
    result = CliRunner().invoke(app, ["send-test", "hook", *options])
    assert (result.exit_code, result.output) == (0, "hook took it: ok\n")
    assert len(inbox.received) == before + 1
    refused = CliRunner().invoke(app, ["send-test", "nobody", *options])
    assert "has no destination nobody" in str(refused.exception)
