"""The stacks that a stage deploys: which, in which order, and with every parameter of their templates."""

import re

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.cli.deployment.stack_templates import MEMBER_STACKS, OWN_STACKS, member_templates, own_templates
from gatewatch.cli.deployment.stage_file import load_stage
from gatewatch.errors import ConfigurationError
from support.stage import STAGE, write_stage

HUB, MEMBER = "999988887777", "111122223333"
EVERYTHING = """compliance:
  recorder: true
  rules: true
  ingress: true
  code_bucket: code-{region}
  code_key: gatewatch-0.1.0.zip
  excluded_accounts: ["444455556666"]
  pack: s3://packs/pack.yaml
  aggregator: true
"""
ORGANIZATION = STAGE.partition("compliance:")[0] + EVERYTHING
ACCOUNTS = ORGANIZATION.replace("  organization: o-a1b2c3d4e5\n", "").replace("  organizational_units: [r-ab12]\n", "")


@pytest.fixture(params=[ORGANIZATION, ACCOUNTS], ids=["organization", "accounts"])
def stage(request, tmp_path):
    return load_stage(write_stage(tmp_path, request.param), "prod")


def names(stage, account, region="ap-northeast-2"):
    return [each.name for each in own_templates(stage, account, region)]


@pytest.mark.parametrize("account", [HUB, MEMBER])
def test_every_stack_gets_every_parameter_of_its_template_with_an_allowed_value(stage, account):
    for each in (*member_templates(stage), *own_templates(stage, account, stage.hub.region)):
        defined = load(str(each.template))["Parameters"]
        assert each.parameters.keys() == defined.keys(), each.name
        for name, value in each.parameters.items():
            assert re.search(defined[name].get("AllowedPattern", ""), value), name
            assert value in defined[name].get("AllowedValues", [value]), name


def test_a_transform_has_the_capability_to_expand_it(stage):
    for each in (*member_templates(stage), *own_templates(stage, HUB, stage.hub.region)):
        assert ("CAPABILITY_AUTO_EXPAND" in each.capabilities) is ("Transform" in load(str(each.template)))


def test_the_function_is_deployed_before_the_rules_that_need_it(tmp_path):
    stage = load_stage(write_stage(tmp_path, ORGANIZATION), "prod")
    assert names(stage, HUB) == ["gatewatch-config-rule", "gatewatch-organization-rules", "gatewatch-aggregator"]
    assert names(stage, HUB, "us-east-1") == ["gatewatch-config-rule", "gatewatch-organization-rules"]
    stage = load_stage(write_stage(tmp_path, ACCOUNTS), "prod")
    assert names(stage, HUB) == ["gatewatch-config-rule", "gatewatch-ingress", "gatewatch-aggregator"]
    assert names(stage, MEMBER) == ["gatewatch-ingress", "gatewatch-aggregator"]


def test_the_function_comes_from_a_bucket_in_its_region_and_admits_the_accounts(tmp_path):
    stage = load_stage(write_stage(tmp_path, ACCOUNTS), "prod")
    function, ingress = list(own_templates(stage, HUB, "us-east-1"))
    assert (function.parameters["CodeBucket"], function.parameters["MemberAccounts"]) == (
        "code-us-east-1",
        f"{HUB},{MEMBER}",
    )
    arn = f"arn:aws:lambda:us-east-1:{HUB}:function:gatewatch-prod-config-rule"
    assert ingress.parameters["FunctionArn"] == arn


def test_an_account_outside_lets_the_aggregator_read(tmp_path):
    stage = load_stage(write_stage(tmp_path, ACCOUNTS), "prod")
    of_hub, of_member = (list(own_templates(stage, each, stage.hub.region))[-1].parameters for each in (HUB, MEMBER))
    assert (of_hub["Source"], of_hub["AccountIds"]) == ("accounts", MEMBER)
    assert (of_member["Source"], of_member["AggregatorAccount"]) == ("authorization", HUB)


def test_every_stack_is_known_to_the_removal(stage):
    found = {each.name for account in (HUB, MEMBER) for each in own_templates(stage, account, stage.hub.region)}
    assert found <= set(OWN_STACKS)
    assert [each.name for each in member_templates(stage)] == list(MEMBER_STACKS)


def test_the_ingress_rule_needs_a_zip(tmp_path):
    folder = write_stage(tmp_path, ORGANIZATION.replace("  code_key: gatewatch-0.1.0.zip\n", ""))
    with pytest.raises(ConfigurationError, match=r"compliance\.ingress: needs code_bucket and code_key"):
        load_stage(folder, "prod")
