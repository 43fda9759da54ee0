"""`gatewatch deploy-check`: parameters against moto, resources against a stubbed change set."""

import boto3
import pytest
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.stack_comparison import (
    ParameterChange,
    ResourceChange,
    parameter_changes,
    resource_changes,
)
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.stage import STAGE, write_stage

TEMPLATE = """
Parameters:
  Stage: {Type: String}
  OrganizationId: {Type: String, Default: ""}
  MemberAccounts: {Type: String, Default: ""}
  LookupRole: {Type: String, Default: ""}
  MailTo: {Type: String, Default: ""}
Resources:
  Queue: {Type: AWS::SQS::Queue}
"""


@pytest.fixture(scope="module")
def cloud():
    with Cloud() as cloud, lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
        yield cloud


@pytest.fixture
def live(cloud):
    """Return a function that creates the live stack with parameters."""
    client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("cloudformation")

    def create(**parameters):
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        client.create_stack(StackName="gatewatch-prod", TemplateBody=TEMPLATE, Parameters=given)

    yield create
    client.delete_stack(StackName="gatewatch-prod")


def deploy_check(folder, *arguments):
    return CliRunner().invoke(app, ["deploy-check", "--config", str(folder), *arguments])


def matching_parameters():
    return {
        "Stage": "prod",
        "OrganizationId": "o-a1b2c3d4e5",
        "MemberAccounts": "111122223333",
        "LookupRole": "gatewatch/gatewatch-lookup",
        "MailTo": "alerts@example.com",
    }


@pytest.mark.usefixtures("cloud")
def test_a_first_deployment_goes_on(tmp_path):
    ran = deploy_check(write_stage(tmp_path))
    assert (ran.exit_code, "it will be created" in ran.stdout) == (0, True)


def test_added_parameters_go_on(live, tmp_path):
    live(**matching_parameters() | {"OrganizationId": "", "MailTo": ""})
    ran = deploy_check(write_stage(tmp_path))
    assert ran.exit_code == 0, ran.output
    assert "  OrganizationId: (empty) -> o-a1b2c3d4e5" in ran.stdout


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            "  organization: o-a1b2c3d4e5",
            "  organization: o-0000000000",
            "! OrganizationId: o-a1b2c3d4e5 -> o-0000000000",
        ),
        ('accounts: ["111122223333"]', "accounts: []", "! MemberAccounts: 111122223333 -> (empty)"),
        ("  lookups: true\n", "", "! LookupRole: gatewatch/gatewatch-lookup -> (empty)"),
    ],
)
def test_an_emptied_or_replaced_parameter_stops_the_deployment_until_it_is_confirmed(
    live, tmp_path, before, after, line
):
    live(**matching_parameters())
    assert before in STAGE
    folder = write_stage(tmp_path, STAGE.replace(before, after))
    ran = deploy_check(folder)
    assert ran.exit_code == 1
    assert line in ran.stdout
    assert deploy_check(folder, "--confirm").exit_code == 0


def test_the_account_of_the_credentials_has_to_be_the_hub(cloud, tmp_path):
    with lambda_environment(cloud.variables("111122223333", HUB_REGION)):
        ran = deploy_check(write_stage(tmp_path))
    assert "the credentials are of account 111122223333" in str(ran.exception)


@pytest.mark.parametrize(
    ("live", "planned", "is_narrowing"),
    [
        ("1,2", "1,2,3", False),
        ("1,2", "2,3", True),
        ("1,2", "", True),
        ("", "1", False),
        ("a", "b", True),
    ],
)
def test_a_change_of_a_parameter_narrows_when_something_is_lost(live, planned, is_narrowing):
    (change,) = parameter_changes({"Name": live}, {"Name": planned})
    assert change == ParameterChange("Name", live, planned)
    assert change.is_narrowing is is_narrowing


def test_a_new_version_of_a_zip_takes_nothing_away():
    assert not ParameterChange("CodeKey", "gatewatch-0.1.0.zip", "gatewatch-0.2.0.zip").is_narrowing
    assert ParameterChange("CodeKey", "gatewatch-0.1.0.zip", "").is_narrowing


@pytest.mark.parametrize(
    ("change", "is_narrowing"),
    [
        (ResourceChange("Add", "A", "AWS::SQS::Queue", ""), False),
        (ResourceChange("Modify", "A", "AWS::SQS::Queue", "False"), False),
        (ResourceChange("Modify", "A", "AWS::SQS::Queue", "Conditional"), True),
        (ResourceChange("Modify", "A", "AWS::Lambda::Permission", "Conditional"), False),
        (ResourceChange("Modify", "A", "AWS::Lambda::Permission", "True"), True),
        (ResourceChange("Remove", "A", "AWS::Events::EventBusPolicy", ""), True),
    ],
)
def test_a_change_of_a_resource_narrows_when_it_is_removed_or_replaced(change, is_narrowing):
    assert change.is_narrowing is is_narrowing


def stubbed(*changes, status="CREATE_COMPLETE", reason=""):
    """Return a client that creates, describes and deletes one change set."""
    client = boto3.Session("id", "key", region_name=HUB_REGION).client("cloudformation")
    stub = Stubber(client)
    name = {"StackName": "gatewatch-prod", "ChangeSetName": ANY}
    stub.add_response(
        "create_change_set", {"Id": "arn"}, {**name, "Parameters": ANY, "Capabilities": ANY, "TemplateBody": "{}"}
    )
    described = {"Status": status, "StatusReason": reason, "Changes": [{"ResourceChange": each} for each in changes]}
    stub.add_response("describe_change_set", described, name)
    if status == "CREATE_COMPLETE":
        stub.add_response("describe_change_set", described, name)
    stub.add_response("delete_change_set", {}, name)
    stub.activate()
    return client, stub


def test_the_resources_of_a_change_set_are_read_and_the_change_set_is_deleted():
    client, stub = stubbed(
        {
            "Action": "Modify",
            "LogicalResourceId": "Table",
            "ResourceType": "AWS::DynamoDB::Table",
            "Replacement": "True",
        }
    )
    found = resource_changes(client, "gatewatch-prod", {"TemplateBody": "{}"}, {"Stage": "prod"})
    assert [str(each) for each in found] == ["Modify Table (AWS::DynamoDB::Table, replaced)"]
    stub.assert_no_pending_responses()


def test_a_change_set_without_changes_is_no_error():
    client, stub = stubbed(status="FAILED", reason="The submitted information didn't contain changes.")
    assert resource_changes(client, "gatewatch-prod", {"TemplateBody": "{}"}, {}) == ()
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("padding", [0, 60_000])
def test_resources_are_compared_with_a_packaged_template_of_any_size(cloud, live, tmp_path, padding):
    live(**matching_parameters())
    template = tmp_path / "template.yaml"
    extra = "\n  Deployments: {Type: AWS::S3::Bucket}\n"
    template.write_text(TEMPLATE + extra + "#" * padding, "utf-8")
    session = cloud.session(HUB_ACCOUNT, HUB_REGION)
    if padding:
        session.client("cloudformation").update_stack(
            StackName="gatewatch-prod",
            TemplateBody=TEMPLATE + "\n  ServerlessDeploymentBucket: {Type: AWS::S3::Bucket}\n",
            Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in matching_parameters()],
        )
    ran = deploy_check(write_stage(tmp_path), "--template", str(template))
    assert "Add Deployments (AWS::S3::Bucket)" in ran.output, ran.output
    assert all(
        not session.client("s3").list_objects_v2(Bucket=each["Name"]).get("Contents")
        for each in session.client("s3").list_buckets()["Buckets"]
    )
