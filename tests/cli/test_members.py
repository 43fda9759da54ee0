"""`gatewatch members`: the plan, its commands, and its execution on moto."""

import json
import re
import shlex

import boto3
import msgspec
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.member_actions import (
    CreateInstances,
    CreateStackSet,
    DeleteInstances,
    DeleteStack,
    DeleteStackSet,
    DeployStack,
    UpdateStackSet,
    command_of,
    narrowing,
    targets_of,
)
from gatewatch.cli.deployment.member_executor import MemberExecutor
from gatewatch.cli.deployment.member_plan import Instance, LiveStackSet, live_stack_set, plan_members, plan_removal
from gatewatch.cli.deployment.stack_templates import member_templates
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud, without_unsupported_resource_warnings
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.aws_cli import problems
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


def live(stage, *pairs, **changed):
    """A StackSet as the stage asks for, with instances in pairs of unit and Region; `changed` parameters differ."""
    (target,) = member_templates(stage)
    return {
        target.name: LiveStackSet(
            parameters=target.parameters | changed,
            template=target.template.read_text("utf-8"),
            units=frozenset(unit for unit, _ in pairs),
            instances=tuple(instance(unit, region) for unit, region in pairs if region),
        )
    }


def instance(unit, region, status="CURRENT", reason=""):
    return Instance(
        stack_set="gatewatch-member",
        unit=unit,
        account="444455556666",
        region=region,
        status=status,
        detail="",
        reason=reason,
    )


def on_stack_sets(actions):
    return [each for each in actions if not isinstance(each, DeployStack)]


def test_a_plan_for_what_is_deployed_is_empty(stage):
    deployed = live(stage, ("r-ab12", "us-east-1"), ("r-ab12", "ap-northeast-2"))
    assert on_stack_sets(plan_members(stage, deployed)) == []


def test_a_changed_parameter_or_template_is_an_update_with_all_parameters(stage):
    pairs = [("r-ab12", "us-east-1"), ("r-ab12", "ap-northeast-2")]
    (update,) = on_stack_sets(plan_members(stage, live(stage, *pairs, CanarySchedule="")))
    assert update.target.parameters == stage.member_parameters()
    deployed = live(stage, *pairs)["gatewatch-member"]
    older = {"gatewatch-member": msgspec.structs.replace(deployed, template="Resources: {}")}
    assert kinds(on_stack_sets(plan_members(stage, older))) == [UpdateStackSet]


def test_new_regions_and_units_get_instances_and_what_exists_is_left_alone(tmp_path):
    units = "[r-ab12, ou-ab12-c3d4e5f6]"
    stage = load_stage(write_stage(tmp_path, WITHOUT_RULES.replace("[r-ab12]", units)), "prod")
    actions = on_stack_sets(plan_members(stage, live(stage, ("r-ab12", "us-east-1"))))
    assert actions == [
        CreateInstances("gatewatch-member", ("ou-ab12-c3d4e5f6", "r-ab12"), ("ap-northeast-2",), "999988887777"),
        CreateInstances("gatewatch-member", ("ou-ab12-c3d4e5f6",), ("us-east-1",), "999988887777"),
    ]


def test_a_stack_set_leaves_out_the_monitoring_account_which_has_stacks_of_its_own(stage):
    """Both would have rules and roles of the same names."""
    (created,) = (each for each in plan_members(stage, {}) if isinstance(each, CreateInstances))
    assert targets_of(created)["Accounts"] == ["999988887777"]
    assert "OrganizationalUnitIds=r-ab12,AccountFilterType=DIFFERENCE,Accounts=999988887777" in command_of(created)


def test_a_unit_without_accounts_is_not_deployed_again(stage):
    deployed = live(stage, ("r-ab12", "us-east-1"), ("r-ab12", "ap-northeast-2"))["gatewatch-member"]
    empty = msgspec.structs.replace(deployed, units=frozenset({"r-ab12", "ou-ab12-c3d4e5f6"}))
    assert ("ou-ab12-c3d4e5f6", "us-east-1") in empty.pairs


def test_a_region_that_is_left_out_of_the_file_is_a_removal_to_confirm(stage):
    pairs = [("r-ab12", region) for region in ("us-east-1", "ap-northeast-2", "eu-west-1")]
    (action,) = on_stack_sets(plan_members(stage, live(stage, *pairs)))
    assert action == DeleteInstances("gatewatch-member", ("r-ab12",), ("eu-west-1",))
    assert narrowing(action) == ("gatewatch-member is removed from r-ab12 in eu-west-1",)


def test_config_rules_that_are_switched_off_are_a_removal_to_confirm(stage):
    rules = {"gatewatch-rules": LiveStackSet(parameters={}, instances=(instance("r-ab12", "us-east-1"),))}
    found = [each for each in plan_members(stage, rules) if isinstance(each, DeleteInstances | DeleteStackSet)]
    assert found == [
        DeleteInstances("gatewatch-rules", ("r-ab12",), ("us-east-1",)),
        DeleteStackSet("gatewatch-rules"),
    ]


def test_removing_everything_deletes_instances_before_their_stack_set_and_then_the_stacks(stage):
    actions = plan_removal(stage, live(stage, ("r-ab12", "us-east-1")))
    assert kinds(actions) == [DeleteInstances, DeleteStackSet, *[DeleteStack] * 28]
    assert all(problems(command_of(each)) == [] for each in actions)


def test_the_config_rules_are_a_stack_set_of_their_own(tmp_path):
    stage = load_stage(write_stage(tmp_path), "prod")
    created = [each.target.name for each in plan_members(stage, {}) if isinstance(each, CreateStackSet)]
    assert created == ["gatewatch-member", "gatewatch-rules"]


def test_an_emptied_parameter_of_a_stack_set_is_a_narrowing_change(stage):
    changed = live(stage, ("r-ab12", "us-east-1"), KeyRotationRoleArn="arn:aws:iam::999988887777:role/other")
    (update,) = (each for each in plan_members(stage, changed) if isinstance(each, UpdateStackSet))
    assert [line.split()[:2] for line in narrowing(update)] == [["gatewatch-member", "KeyRotationRoleArn:"]]


def members(folder, *arguments):
    return CliRunner().invoke(app, ["members", *arguments, "--config", str(folder)])


def test_every_command_of_the_plan_names_every_parameter(tmp_path, stage):
    ran = members(tmp_path, "plan", "--offline")
    commands = [line for line in ran.stdout.splitlines() if line.startswith("aws ")]
    assert len(commands) == 6
    for line in commands:
        words = shlex.split(line)
        assert problems(line) == []
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
    assert "! gatewatch-member KeyRotationRoleArn: arn:" in narrowed.stdout
    assert "! us-east-1 gatewatch-member KeyRotationRoleArn: arn:" in narrowed.stdout
    assert "gatewatch-member to 999988887777 in us-east-1: unchanged" in second.stdout


def test_status_lists_what_is_not_current_and_remove_deletes_every_stack(cloud, tmp_path):
    folder = write_stage(tmp_path, WITHOUT_RULES)
    with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        assert members(folder, "apply", "--confirm").exit_code == 0
        status = members(folder, "status", "--format", "json")
        assert (status.exit_code, json.loads(status.stdout)) == (0, [])
        asked = CliRunner().invoke(app, ["members", "remove", "--config", str(folder)], input="n\n")
        assert asked.exit_code == 1
        removed = members(folder, "remove", "--yes")
        assert removed.exit_code == 0, removed.output
        assert removed.stdout.count("delete gatewatch-member in") == 4
        assert "gatewatch-rules" not in removed.stdout
        assert members(folder, "remove", "--yes").exit_code == 0
    client = cloud.session(HUB_ACCOUNT, "us-east-1").client("cloudformation")
    assert client.describe_stacks()["Stacks"] == []


def stubbed(*responses):
    """A client of CloudFormation that answers in this order."""
    client = boto3.Session("id", "key", region_name=HUB_REGION).client("cloudformation")
    stub = Stubber(client)
    for operation, response in responses:
        stub.add_response(operation, response)
    stub.activate()
    return client, stub


def operation(status):
    return "describe_stack_set_operation", {"StackSetOperation": {"OperationId": "one", "Status": status}}


def current(*states):
    summaries = [{"Account": "444455556666", "Region": "us-east-1", "Status": each} for each in states]
    return "list_stack_instances", {"Summaries": summaries}


@pytest.mark.parametrize(
    ("end", "text"), [("SUCCEEDED", "done"), ("FAILED", "failed: failed; `gatewatch members status`")]
)
def test_an_operation_of_a_stack_set_is_waited_for_before_the_next_one_starts(stage, end, text):
    client, stub = stubbed(
        ("update_stack_set", {"OperationId": "one"}),
        operation("QUEUED"),
        current("CURRENT", "OUTDATED"),
        operation("RUNNING"),
        current("CURRENT", "CURRENT"),
        operation(end),
        ("create_stack_instances", {"OperationId": "two"}),
        operation("SUCCEEDED"),
    )
    said, waited = [], []
    executor = MemberExecutor(stage, stage.hub.account, lambda _: client, said.append, waited.append)
    (target,) = member_templates(stage)
    created = CreateInstances(target.name, ("r-ab12",), ("us-east-1",), "999988887777")
    first, second = executor.apply([UpdateStackSet(target, ()), created])
    assert (first.text.startswith(text), first.has_failed) == (True, end == "FAILED")
    assert (second.text, len(waited)) == ("done", 2)
    assert said == [
        "gatewatch-member: queued, 1 of 2 stacks are current",
        "gatewatch-member: running, 2 of 2 stacks are current",
    ]
    stub.assert_no_pending_responses()


def test_a_region_that_fails_stops_no_other(stage):
    refusing, stub = stubbed()
    stub.add_client_error("delete_stack", "AccessDenied", "no")
    deleted = {"StackName": "gatewatch-member", "StackStatus": "DELETE_COMPLETE", "CreationTime": 0}
    other, _ = stubbed(("delete_stack", {}), ("describe_stacks", {"Stacks": [deleted]}))
    clients = {"us-east-1": refusing, "ap-northeast-2": other}
    executor = MemberExecutor(stage, stage.hub.account, clients.__getitem__, None, None)
    actions = [DeleteStack(stage.hub.account, region, "gatewatch-member") for region in clients]
    refused, done = executor.apply(actions)
    assert (refused.has_failed, "AccessDenied" in refused.text) == (True, True)
    assert (done.has_failed, done.text) == (False, "deleted")


def test_the_stacks_of_a_stack_set_are_read_with_unit_status_and_reason():
    summary = {
        "OrganizationalUnitId": "r-ab12",
        "Account": "444455556666",
        "Region": "us-east-1",
        "Status": "OUTDATED",
        "StatusReason": "no trail",
        "StackInstanceStatus": {"DetailedStatus": "FAILED"},
    }
    client, _ = stubbed(
        ("describe_stack_set", {"StackSet": {"Status": "ACTIVE", "OrganizationalUnitIds": ["r-ab12"]}}),
        ("list_stack_instances", {"Summaries": [summary]}),
    )
    (found,) = live_stack_set(client, "gatewatch-member").instances
    assert (found.unit, found.status, found.detail, found.reason) == ("r-ab12", "OUTDATED", "FAILED", "no trail")


def test_apply_with_credentials_of_a_listed_account_creates_its_stack_only(cloud, tmp_path):
    folder = write_stage(tmp_path, ONE_ACCOUNT)
    with lambda_environment(cloud.variables("111122223333", HUB_REGION)):
        ran = members(folder, "apply")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == "deploy gatewatch-member to 111122223333 in us-east-1: created\n"
    stacks = cloud.session("111122223333", "us-east-1").client("cloudformation").describe_stacks()["Stacks"]
    assert [each["StackName"] for each in stacks] == ["gatewatch-member"]
