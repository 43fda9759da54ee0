"""The Terraform modules: their format, their parameters, and Terraform itself with a local provider on moto."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatewatch.cli.deployment.stack_templates import member_templates
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud, without_unsupported_resource_warnings
from gatewatch.local.aws.sessions import without_aws
from support.paths import ROOT
from support.stage import STAGE, write_stage

MODULES = ROOT / "terraform"
MEMBER = "111122223333"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("terraform"), reason="Terraform is not installed"),
]
SMALL = f"""
hub: {{account: "{HUB_ACCOUNT}", region: {HUB_REGION}, accounts: ["{MEMBER}"]}}
members: {{regions: [us-east-1]}}
"""
# Every partition, every switch and the compliance section.
STAGES = {
    "everything": STAGE,
    "defaults": SMALL,
    "govcloud": SMALL.replace(HUB_REGION, "us-gov-west-1").replace("us-east-1", "us-gov-west-1, us-gov-east-1"),
    "china": SMALL.replace(HUB_REGION, "cn-north-1").replace("us-east-1", "cn-north-1"),
    "switches": SMALL.replace(
        "us-east-1]",
        "eu-west-1], not_forwarded: [public_access, detection], forwarding_check: false, canary_schedule: ''",
    ),
    "compliance": SMALL
    + "compliance: {rules: true, recorder: true, remediation: automatic, access_key_age: 30, blocked_ports: [1, 2, 3]}",
}


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    """A folder with the local provider, and the configuration that makes Terraform use it without `init`."""
    folder = tmp_path_factory.mktemp("provider")
    program = folder / "terraform-provider-aws"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m support.terraform_provider\n", "utf-8")
    program.chmod(0o755)
    overrides = f'provider_installation {{\n  dev_overrides {{ "hashicorp/aws" = "{folder}" }}\n  direct {{}}\n}}\n'
    (folder / "terraformrc").write_text(overrides, "utf-8")
    return folder


@pytest.fixture
def terraform(installation, tmp_path):
    """Return a function that runs Terraform in a copy of the modules."""
    shutil.copytree(MODULES, tmp_path / "terraform")
    for name in ("eventbridge", "compliance"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {
        **without_aws(os.environ),
        "TF_CLI_CONFIG_FILE": str(installation / "terraformrc"),
        "TF_IN_AUTOMATION": "1",
        "PYTHONPATH": str(ROOT / "tests"),
    }

    def run(module, *arguments, status=0, **variables):
        ran = subprocess.run(
            ["terraform", f"-chdir={tmp_path / 'terraform' / module}", *arguments],
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == status, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    run.modules = tmp_path / "terraform"
    return run


def modules():
    return sorted(path.parent.relative_to(MODULES).as_posix() for path in MODULES.rglob("main.tf"))


def test_the_files_are_formatted(terraform):
    assert terraform(".", "fmt", "-check", "-recursive") == ""


@pytest.mark.parametrize("module", modules())
def test_a_module_is_valid(terraform, module):
    load_modules(terraform, module)
    assert "Success" in terraform(module, "validate")


def load_modules(terraform, module):
    """Install the modules that a module calls; `get` downloads no provider."""
    terraform(module, "get")


def test_a_misspelt_argument_is_refused(terraform):
    main = terraform.modules / "member" / "main.tf"
    main.write_text(main.read_text("utf-8").replace("template_body", "template_bodies"), "utf-8")
    load_modules(terraform, "member")
    assert 'An argument named "template_bodies" is not expected here' in terraform("member", "validate", status=1)


@pytest.mark.parametrize("name", STAGES)
def test_the_parameters_are_those_of_gatewatch(terraform, tmp_path, name):
    folder = write_stage(tmp_path, STAGES[name])
    file = folder / "deploy" / "prod.yaml"
    terraform("stage", "apply", "-auto-approve", f"-var=stage_file={file}")
    found = json.loads(terraform("stage", "output", "-json"))
    stage = load_stage(folder, "prod")
    stacks = {key: (Path(each["template"]).name, each["parameters"]) for key, each in found["stacks"]["value"].items()}
    assert stacks == {each.name: (each.template.name, each.parameters) for each in member_templates(stage)}
    assert tuple(found["regions"]["value"]) == stage.members.regions
    assert tuple(found["organizational_units"]["value"]) == stage.members.organizational_units


def test_an_unknown_key_of_a_stage_file_is_refused(terraform, tmp_path):
    folder = write_stage(tmp_path, SMALL.replace("members: {", "members: {lookup: true, "))
    output = terraform("stage", "plan", f"-var=stage_file={folder}/deploy/prod.yaml", status=1)
    assert "The stage file has unknown keys: lookup" in " ".join(output.replace("│", " ").split())


@pytest.fixture
def cloud():
    with Cloud() as cloud, without_unsupported_resource_warnings():
        yield cloud


def test_the_stacks_of_one_account_are_created_again_unchanged_updated_and_destroyed(terraform, cloud, tmp_path):
    folder = write_stage(tmp_path, SMALL)
    variables = cloud.variables(MEMBER, "us-east-1")
    module, file = "examples/one-account", f"-var=stage_file={folder}/deploy/prod.yaml"
    load_modules(terraform, module)
    terraform(module, "apply", "-auto-approve", file, **variables)
    session = cloud.session(MEMBER, "us-east-1")
    assert len(session.client("events").list_rules()["Rules"]) > 5
    terraform(module, "plan", "-detailed-exitcode", file, **variables)
    write_stage(tmp_path, SMALL.replace("us-east-1]", "us-east-1], lookups: true"))
    plan = terraform(module, "plan", "-detailed-exitcode", file, status=2, **variables)
    assert "gatewatch-prod-AlertRole-*" in plan
    terraform(module, "apply", "-auto-approve", file, **variables)
    assert "gatewatch-lookup" in str(session.client("iam").list_roles())
    terraform(module, "destroy", "-auto-approve", file, **variables)
    assert session.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"] == []


def test_an_organization_gets_its_stack_sets_with_all_parameters(terraform, cloud, tmp_path):
    organizations = cloud.session("123456789012", HUB_REGION).client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    created = organizations.create_account(AccountName="monitoring", Email="monitoring@example.com")
    hub = created["CreateAccountStatus"]["AccountId"]
    folder = write_stage(tmp_path, STAGE.replace("999988887777", hub))
    credentials = tmp_path / "credentials"
    profiles = {"management": "123456789012", "monitoring": hub}
    credentials.write_text("".join(profile(cloud, *each) for each in profiles.items()), "utf-8")
    iam = cloud.session(hub, HUB_REGION).client("iam")
    iam.create_role(RoleName="pipeline", AssumeRolePolicyDocument="{}")
    variables = {"AWS_ENDPOINT_URL": cloud.endpoint, "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    module = "examples/organization"
    options = [f"-var=stage_file={folder}/deploy/prod.yaml", *(f"-var={name}_profile={name}" for name in profiles)]
    options.append("-var=deployer_role=pipeline")
    load_modules(terraform, module)
    terraform(module, "apply", "-auto-approve", *options, **variables)
    delegated = organizations.list_delegated_administrators()["DelegatedAdministrators"]
    assert [each["Id"] for each in delegated] == [hub]
    attached = iam.list_attached_role_policies(RoleName="pipeline")["AttachedPolicies"]
    names = {f"gatewatch-prod-deploy-{name}" for name in ("stacks", "hub", "stack-sets")}
    assert {each["PolicyName"] for each in attached} == names
    client = cloud.session(hub, HUB_REGION).client("cloudformation")
    for target in member_templates(load_stage(folder, "prod")):
        found = client.describe_stack_set(StackSetName=target.name)["StackSet"]
        assert {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]} == target.parameters
        assert found["PermissionModel"] == "SERVICE_MANAGED"
    terraform(module, "plan", "-detailed-exitcode", *options, **variables)


def profile(cloud, name, account):
    """Return a section of a credentials file."""
    found = cloud.variables(account, HUB_REGION)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return f"[{name}]\n" + "".join(f"{key.lower()} = {found[key]}\n" for key in names)
