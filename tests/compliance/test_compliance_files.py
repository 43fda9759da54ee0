from __future__ import annotations

import json
import re

import pytest
from cfnlint.decode.cfn_yaml import load

from gatewatch.config.controls import ControlCatalogue
from gatewatch.model.severity import Severity
from tools.compliance_templates import COMPLIANCE, pack_template, rules_template
from tools.generate_compliance import DOCS, files, table

CONTROLS = ControlCatalogue().controls
TEMPLATES = sorted(path for path in COMPLIANCE.glob("*.yaml") if path.name != "controls.yaml")
SEED_CRITICAL = {
    "iam-root-access-key-check",
    "root-account-hardware-mfa-enabled",
    "lambda-function-public-access-prohibited",
    "rds-snapshots-public-prohibited",
    "rds-instance-public-access-check",
    "s3-bucket-public-read-prohibited",
    "s3-bucket-public-write-prohibited",
    "ssm-document-not-public",
}
MORE = {
    "iam-user-mfa-enabled",
    "restricted-ssh",
    "restricted-common-ports",
    "vpc-default-security-group-closed",
    "vpc-sg-open-only-to-authorized-ports",
    "access-keys-rotated",
}


@pytest.mark.parametrize(("path", "text"), files().items(), ids=lambda value: getattr(value, "name", ""))
def test_generated_files_are_up_to_date(path, text):
    assert path.read_text("utf-8") == text


def test_the_catalogue_has_the_twenty_three_controls_and_the_six_others():
    assert len(CONTROLS) == 23 + 6
    assert set(CONTROLS) >= MORE
    assert {name for name, each in CONTROLS.items() if each.severity is Severity.CRITICAL} == SEED_CRITICAL
    assert sum(each.severity is Severity.HIGH for name, each in CONTROLS.items() if name not in MORE) == 15


def test_every_control_and_managed_rule_is_unique():
    identifiers = [each.identifier for each in CONTROLS.values()]
    controls = [each.control for each in CONTROLS.values() if each.control]
    assert len(set(identifiers)) == len(identifiers)
    assert len(set(controls)) == len(controls)


@pytest.mark.parametrize("template", [rules_template(), pack_template()], ids=["rules", "pack"])
class TestGeneratedTemplates:
    def test_every_control_is_a_rule_with_its_identifier_and_parameters(self, template):
        rules = [each for each in template["Resources"].values() if each["Type"] == "AWS::Config::ConfigRule"]
        made = {each["Properties"]["ConfigRuleName"]: each["Properties"] for each in rules}
        assert set(made) == {f"gatewatch-{name}" for name in CONTROLS}
        for name, each in CONTROLS.items():
            properties = made[f"gatewatch-{name}"]
            assert properties["Source"]["SourceIdentifier"] == each.identifier
            assert set(properties.get("InputParameters", {})) == set(each.parameters)
            assert ("MaximumExecutionFrequency" in properties) is (each.trigger == "periodic")

    def test_every_placeholder_of_the_catalogue_is_a_parameter(self, template):
        placeholders = {
            value.strip("<>") for each in CONTROLS.values() for value in each.parameters.values() if "<" in value
        }
        assert placeholders <= set(template["Parameters"])

    def test_remediation_is_manual_by_default(self, template):
        assert template["Parameters"]["Remediation"]["Default"] == "manual"
        remediations = [
            each for each in template["Resources"].values() if each["Type"] == "AWS::Config::RemediationConfiguration"
        ]
        assert len(remediations) == sum(each.remediation is not None for each in CONTROLS.values())
        for each in remediations:
            properties = each["Properties"]
            assert properties["Automatic"] == {"Fn::If": ["IsAutomatic", True, False]}
            assert "AutomationAssumeRole" in properties["Parameters"]
            assert each["DependsOn"] in template["Resources"]

    def test_a_remediation_exists_wherever_its_rule_does(self, template):
        for each in template["Resources"].values():
            if each["Type"] == "AWS::Config::RemediationConfiguration":
                assert each.get("Condition") == template["Resources"][each["DependsOn"]].get("Condition")


def test_a_remediation_passes_parameters_of_its_document_only():
    template = rules_template()["Resources"]
    for each in template.values():
        target = each["Properties"].get("TargetId")
        if isinstance(target, dict):
            content = template[target["Ref"]]["Properties"]["Content"]
            assert set(each["Properties"]["Parameters"]) <= set(content["parameters"])


def test_the_template_is_small_enough_for_a_stack_set():
    assert len((COMPLIANCE / "rules.yaml").read_bytes()) <= 51_200
    pack = {each["Type"] for each in pack_template()["Resources"].values()}
    assert pack == {"AWS::Config::ConfigRule", "AWS::Config::RemediationConfiguration"}


def test_the_table_of_the_docs_names_every_rule():
    text = DOCS.read_text("utf-8")
    assert table() in text
    assert all(f"| `{name}` |" in text for name in CONTROLS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_names_no_partition_and_no_account(path):
    text = path.read_text("utf-8")
    properties = json.dumps(load(str(path))["Resources"], default=str)
    assert "arn:aws:" not in properties
    assert not any(word.isdigit() and len(word) == 12 for word in text.replace('"', " ").split())


def test_the_custom_rules_name_both_change_messages_and_only_groups():
    template = load(str(COMPLIANCE / "ingress.yaml"))["Resources"]["Ingress"]["Properties"]
    messages = {each["MessageType"] for each in template["Source"]["SourceDetails"]}
    assert messages == {
        "ConfigurationItemChangeNotification",
        "OversizedConfigurationItemChangeNotification",
        "ScheduledNotification",
    }
    assert template["Scope"]["ComplianceResourceTypes"] == ["AWS::EC2::SecurityGroup"]


@pytest.mark.parametrize("name", ["rules.yaml", "pack.yaml"])
def test_the_scripts_of_systems_manager_import_nothing_of_gatewatch(name):
    text = (COMPLIANCE / name).read_text("utf-8")
    assert not re.search(r"^\s*(from|import) gatewatch", text, re.MULTILINE)
