"""`gatewatch members`: the plan, its commands, and its execution on moto."""

import re
import shlex

import pytest
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.member_stacks import (
    CreateInstances,
    CreateStackSet,
    DeployStack,
    LiveStackSet,
    UpdateStackSet,
    plan_members,
)
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud, without_unsupported_resource_warnings
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.stage import STAGE, write_stage

ONE_ACCOUNT = """
hub: {account: "999988887777", region: ap-northeast-2, accounts: ["111122223333"]}
members: {regions: [us-east-1]}
"""
WITHOUT_RULES = STAGE.replace("rules: true", "rules: false")


@pytest.fixture
def stage(tmp_path):
    return load_stage(write_stage(tmp_path, WITHOUT_RULES), "prod")


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def _quiet_moto():
    with without_unsupported_resource_warnings():  # in every test, because pytest resets the filters
        yield


def kinds(actions):
    return [type(each) for each in actions]


def test_the_first_plan_creates_stack_set_instances_and_the_stacks_of_other_accounts(stage):
    actions = plan_members(stage, {"gatewatch-member": None})
    assert kinds(actions) == [CreateStackSet, CreateInstances, *[DeployStack] * 4]
    assert [(each.account, each.region) for each in actions[2:]] == [
        ("999988887777", "us-east-1"),
        ("999988887777", "ap-northeast-2"),
        ("111122223333", "us-east-1"),
        ("111122223333", "ap-northeast-2"),
    ]


def test_a_later_plan_updates_with_all_parameters_and_creates_missing_regions_only(stage):
    live = LiveStackSet({}, frozenset({("r-ab12", "us-east-1")}))
    update, instances, *_ = plan_members(stage, {"gatewatch-member": live})
    assert update.target.parameters == stage.member_parameters()
    assert instances == CreateInstances("gatewatch-member", ("r-ab12",), ("ap-northeast-2",))


def test_the_config_rules_are_a_stack_set_of_their_own(tmp_path):
    stage = load_stage(write_stage(tmp_path), "prod")
    created = [each.target.name for each in plan_members(stage, {}) if isinstance(each, CreateStackSet)]
    assert created == ["gatewatch-member", "gatewatch-rules"]


def test_an_emptied_parameter_of_a_stack_set_is_a_narrowing_change(stage):
    live = LiveStackSet(
        stage.member_parameters() | {"KeyRotationRoleArn": "arn:aws:iam::999988887777:role/other"}, frozenset()
    )
    (update,) = (each for each in plan_members(stage, {"gatewatch-member": live}) if isinstance(each, UpdateStackSet))
    assert [each.name for each in update.narrowing] == ["KeyRotationRoleArn"]


def members(folder, *arguments):
    return CliRunner().invoke(app, ["members", *arguments, "--config", str(folder)])


def test_every_command_of_the_plan_names_every_parameter(tmp_path, stage):
    ran = members(tmp_path, "plan", "--offline")
    commands = [line for line in ran.stdout.splitlines() if line.startswith("aws ")]
    assert len(commands) == 6
    for line in commands:
        words = shlex.split(line)
        if "create-stack-instances" not in words:
            named = {re.split("[=,]", word.removeprefix("ParameterKey="))[0] for word in words if "=" in word}
            assert stage.member_parameters().keys() <= named


def test_apply_creates_the_stack_set_and_the_stacks_of_the_hub_account(cloud, tmp_path):
    folder = write_stage(tmp_path, WITHOUT_RULES)
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        first, second = members(folder, "apply"), members(folder, "apply")
        assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("cloudformation")
        found = client.describe_stack_set(StackSetName="gatewatch-member")["StackSet"]
        given = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
        assert given == load_stage(folder, "prod").member_parameters()
        stack = client.describe_stacks(StackName="gatewatch-member")["Stacks"][0]
        assert stack["StackStatus"].endswith("_COMPLETE")
        narrowed = members(write_stage(tmp_path, WITHOUT_RULES.replace("  key_rotation: true\n", "")), "apply")
    assert narrowed.exit_code == 1
    assert "! KeyRotationRoleArn: arn:" in narrowed.stdout


def test_apply_with_credentials_of_a_listed_account_creates_its_stack_only(cloud, tmp_path):
    folder = write_stage(tmp_path, ONE_ACCOUNT)
    with lambda_environment(cloud.variables("111122223333", HUB_REGION)):
        ran = members(folder, "apply")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.count("aws cloudformation deploy") == 1
    stacks = cloud.session("111122223333", "us-east-1").client("cloudformation").describe_stacks()["Stacks"]
    assert [each["StackName"] for each in stacks] == ["gatewatch-member"]
