"""deploy/<stage>.yaml: its checks, and the parameters that it gives to every template."""

import re
import shlex
from fnmatch import fnmatchcase

import pytest
from cfnlint.decode.cfn_yaml import load
from typer.testing import CliRunner

from gatewatch.cli.app import app
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.errors import ConfigurationError
from support.cloudformation import Stack
from support.paths import ROOT
from support.stage import STAGE, write_stage

HUB = load(str(ROOT / "eventbridge" / "hub.yaml"))["Parameters"]
MEMBER = load(str(ROOT / "eventbridge" / "member.yaml"))["Parameters"]
SERVERLESS = load(str(ROOT / "serverless.yml"))


@pytest.fixture
def stage(tmp_path):
    return load_stage(write_stage(tmp_path), "prod")


def allowed(values, parameters):
    return all(re.search(parameters[name].get("AllowedPattern", ""), value) for name, value in values.items())


def test_the_stage_gives_every_parameter_of_serverless_yml(stage):
    assert stage.hub_parameters().keys() == SERVERLESS["params"]["default"].keys()


def test_the_stage_knows_every_stack_parameter_that_serverless_yml_passes(stage):
    passed = {each["ParameterKey"]: each["ParameterValue"] for each in SERVERLESS["provider"]["stackParameters"]}
    given = stage.hub_parameters()
    expected = {key: given.get(re.sub(r"\$\{param:(\w+)\}", r"\1", value), "prod") for key, value in passed.items()}
    assert stage.hub_stack_parameters() == expected
    assert allowed(stage.hub_stack_parameters(), HUB)


def test_the_stage_gives_every_parameter_of_the_member_template(stage):
    assert stage.member_parameters().keys() == MEMBER.keys()
    assert allowed(stage.member_parameters(), MEMBER)
    assert all(stage.member_parameters().values())


def test_without_a_file_every_optional_parameter_of_the_member_is_empty(tmp_path):
    text = 'hub: {account: "999988887777", region: us-east-1}\nmembers: {regions: [us-east-1]}\n'
    found = load_stage(write_stage(tmp_path, text), "prod").member_parameters()
    given = {name for name, value in found.items() if value and not name.startswith("Forward")}
    given |= {name for name, value in found.items() if value and name.endswith("Arn")}
    assert given == {"HubBusArn", "CanarySchedule", "ForwardingCheckRoleArn"}


def test_the_remediation_role_admits_the_role_of_the_config_rule(stage):
    parameters = {"HubRegion": "us-east-1", "CodeBucket": "bucket", "CodeKey": "code.zip"}
    function = Stack(ROOT / "compliance" / "function.yaml", stage.hub.account, "us-east-1", parameters=parameters)
    assert fnmatchcase(function.arn("Role"), stage.member_parameters()["RemediationRoleArn"])


def test_a_family_that_is_not_forwarded_has_its_parameter_off(tmp_path):
    text = STAGE.replace("lookups: true", "lookups: true\n  not_forwarded: [network, public_access]")
    found = load_stage(write_stage(tmp_path, text), "prod").member_parameters()
    switches = {name: value for name, value in found.items() if name.startswith("Forward") and not name.endswith("Arn")}
    assert {name for name, value in switches.items() if value == "false"} == {"ForwardNetwork", "ForwardPublicAccess"}
    assert len(switches) == 5


def test_the_bus_of_another_partition_has_its_arn(tmp_path):
    text = 'hub: {account: "999988887777", region: cn-north-1}\nmembers: {regions: [cn-north-1]}\n'
    found = load_stage(write_stage(tmp_path, text), "prod").member_parameters()
    assert found["HubBusArn"] == "arn:aws-cn:events:cn-north-1:999988887777:event-bus/gatewatch-prod"


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ('account: "999988887777"', 'account: "99998888777"', "hub.account"),
        ("region: ap-northeast-2", "region: Seoul", "hub.region"),
        ("organization: o-a1b2c3d4e5", "organization: a1b2", "hub.organization"),
        ("organization: o-a1b2c3d4e5", 'organization: ""', "hub.organization"),
        ("alerts_email: alerts@example.com", "alerts_email: $(id)@example.com", "hub.alerts_email"),
        ('accounts: ["111122223333"]', "accounts: [alice]", "hub.accounts[0]"),
        ("regions: [us-east-1, ap-northeast-2]", "regions: []", "members.regions"),
        ("regions: [us-east-1, ap-northeast-2]", "regions: [everywhere]", "members.regions[0]"),
        ("organizational_units: [r-ab12]", "organizational_units: [root]", "members.organizational_units[0]"),
        ("lookups: true", "lookup: true", "members"),
        ("compliance:", "complience:", "complience"),
    ],
)
def test_a_wrong_value_is_reported_with_its_key(tmp_path, before, after, key):
    assert before in STAGE
    with pytest.raises(ConfigurationError, match=rf"prod\.yaml:\d+: {re.escape(key)}"):
        load_stage(write_stage(tmp_path, STAGE.replace(before, after)), "prod")


def test_a_missing_stage_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(ConfigurationError, match=r"staging\.yaml: does not exist"):
        load_stage(tmp_path, "staging")


def test_the_example_of_the_repository_is_valid():
    assert load_stage(ROOT, "prod").hub.account == "999988887777"


def test_the_options_for_osls_survive_the_shell(tmp_path):
    ran = with_policy(tmp_path, "{}\n")
    options = ran.stdout.split()
    assert options == shlex.split(ran.stdout)
    assert options[:4] == ["--stage", "prod", "--region", "ap-northeast-2"]
    assert "--param=organization=o-a1b2c3d4e5" in options


def test_a_parameter_that_may_be_empty_is_empty_by_default_in_serverless_yml(tmp_path):
    text = 'hub: {account: "999988887777", region: us-east-1}\nmembers: {regions: [us-east-1]}\n'
    given = load_stage(write_stage(tmp_path, text), "prod").hub_parameters()
    empty = {name for name, value in given.items() if not value}
    assert {SERVERLESS["params"]["default"][name] for name in empty} == {""}


BUS = "arn:aws:events:ap-northeast-2:555566667777:event-bus/security"


def with_policy(folder, policy):
    write_stage(folder)
    (folder / "accounts.yaml").write_text("{}\n", "utf-8")
    (folder / "policy.yaml").write_text(policy, "utf-8")
    return CliRunner().invoke(app, ["deploy-options", "--config", str(folder)])


def with_bus(folder, bus):
    return with_policy(folder, f"destinations: {{bus: {{kind: eventbridge, bus: '{bus}'}}}}\n")


def test_an_event_bus_of_the_policy_that_the_stage_names_is_deployed(tmp_path):
    ran = with_bus(tmp_path, BUS)
    assert f"--param=eventBuses={BUS}" in shlex.split(ran.stdout)


@pytest.mark.parametrize(
    ("bus", "message"),
    [
        (BUS.replace("security", "other"), "is not in hub.event_buses of deploy/prod.yaml"),
        (
            BUS.replace("ap-northeast-2", "us-east-1"),
            "is in another Region than the hub; write a bus in ap-northeast-2",
        ),
    ],
)
def test_any_other_event_bus_of_the_policy_refuses_the_deployment(tmp_path, bus, message):
    ran = with_bus(tmp_path, bus)
    assert message in str(ran.exception)


@pytest.mark.parametrize("name", ["gatewatch-identity-store", "another"])
def test_the_role_of_the_identity_store_is_the_one_of_the_stage(tmp_path, name):
    role = f"arn:aws:iam::666677778888:role/gatewatch/{name}"
    store = f"identity_store: {{id: d-1234567890, region: us-east-1, role: '{role}'}}\n"
    write_stage(tmp_path)
    (tmp_path / "accounts.yaml").write_text(store, "utf-8")
    (tmp_path / "policy.yaml").write_text("{}\n", "utf-8")
    ran = CliRunner().invoke(app, ["deploy-options", "--config", str(tmp_path)])
    if name == "another":
        assert "is not hub.identity_store_role of deploy/prod.yaml" in str(ran.exception)
    else:
        assert f"--param=identityStoreRole={role}" in shlex.split(ran.stdout)
