"""The steps of docs/deploy.md for one account, on moto: hub, member stacks, and the first event in the hub's queue."""

import json
import re
from fnmatch import fnmatchcase
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud, without_unsupported_resource_warnings
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.paths import EVENTBRIDGE
from support.stage import write_stage

MEMBER, REGION = "111122223333", "us-east-1"
STAGE = f"""
hub: {{account: "{HUB_ACCOUNT}", region: {HUB_REGION}, accounts: ["{MEMBER}"]}}
members: {{regions: [{REGION}], lookups: true, key_rotation: true}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = write_stage(tmp_path_factory.mktemp("config"), STAGE)
    stage = load_stage(folder, "prod")
    with Cloud() as cloud, without_unsupported_resource_warnings():
        hub = cloud.session(HUB_ACCOUNT, HUB_REGION)
        given = stage.hub_stack_parameters().items()
        hub.client("cloudformation").create_stack(
            StackName=stage.hub_stack,
            TemplateBody=(EVENTBRIDGE / "hub.yaml").read_text("utf-8"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        for account in (HUB_ACCOUNT, MEMBER):
            with lambda_environment(cloud.variables(account, HUB_REGION)):
                ran = CliRunner().invoke(app, ["members", "apply", "--config", str(folder)])
                assert ran.exit_code == 0, ran.output
        yield SimpleNamespace(cloud=cloud, hub=hub, stage=stage, folder=folder)


def outputs(installed):
    (stack,) = installed.hub.client("cloudformation").describe_stacks(StackName="gatewatch-prod")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_an_event_of_the_member_account_reaches_the_hub(installed, build):
    record = build.authorize(build.item(v4=["0.0.0.0/0"]))
    installed.cloud.publish(MEMBER, REGION, record)
    messages = installed.hub.client("sqs").receive_message(QueueUrl=outputs(installed)["EventsQueueUrl"])["Messages"]
    assert [json.loads(each["Body"])["detail"]["eventID"] for each in messages] == [record["eventID"]]


def test_the_bus_admits_the_member_account(installed):
    (stack,) = installed.hub.client("cloudformation").describe_stacks(StackName="gatewatch-prod")["Stacks"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert MEMBER in given["MemberAccounts"]  # moto shows lists as Python does


@pytest.mark.parametrize(
    ("parameter", "output"),
    [("LookupRoleArn", "AlertRoleArn"), ("SweepRoleArn", "SweepRoleArn"), ("KeyRotationRoleArn", "AccessKeysRoleArn")],
)
def test_the_members_trust_the_roles_that_the_hub_has(installed, parameter, output):
    assert fnmatchcase(outputs(installed)[output], installed.stage.member_parameters()[parameter])


def test_the_same_deployment_again_changes_no_parameter(installed):
    with lambda_environment(installed.cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        ran = CliRunner().invoke(app, ["deploy-check", "--config", str(installed.folder)])
    others = [line for line in ran.stdout.splitlines() if not re.search("MemberAccounts|EventBuses", line)]  # lists
    assert others == []
