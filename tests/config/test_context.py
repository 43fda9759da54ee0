"""`context` of policy.yaml, and the list of known AWS accounts that it names."""

import pytest

from gatewatch.config.context import ContextSettings
from gatewatch.config.settings import load_settings
from gatewatch.config.yaml_file import precompiled_path
from gatewatch.errors import ConfigurationError
from tools.precompile import parse_yaml

LIST = """\
- name: Example Monitoring
  source: ["https://docs.example.com/aws"]
  accounts: ["444455556666", "777788889999"]
- name: AWS Something
  type: aws
  enabled: false
  deprecated_date: 2024-01-31
  source: https://docs.example.com/aws
  accounts: ["012345678901"]
"""


def load(folder, policy, vendors=LIST):
    (folder / "accounts.yaml").write_text("{}", "utf-8")
    (folder / "policy.yaml").write_text(policy, "utf-8")
    (folder / "vendors.yaml").write_text(vendors, "utf-8")
    return load_settings(folder / "accounts.yaml", folder / "policy.yaml")


def problem(folder, policy, vendors=LIST):
    with pytest.raises(ConfigurationError) as caught:
        load(folder, policy, vendors)
    return str(caught.value)


def test_everything_is_off_by_default(tmp_path):
    found = load(tmp_path, "{}")
    assert found.context == ContextSettings()
    assert not any([found.context.is_remembered, found.context.source_country, found.context.source_network])
    assert found.vendor_names == {}


def test_the_list_of_vendors_is_read_with_its_other_keys(tmp_path):
    found = load(tmp_path, "context: {vendor_accounts: vendors.yaml}")
    assert found.vendor_names == {
        "444455556666": "Example Monitoring",
        "777788889999": "Example Monitoring",
        "012345678901": "AWS Something",
    }


def test_a_packaged_list_is_read_without_a_yaml_parser(tmp_path):
    before = load(tmp_path, "context: {vendor_accounts: vendors.yaml}")
    parse_yaml(tmp_path)
    assert precompiled_path(tmp_path / "vendors.yaml").is_file()
    after = load(tmp_path, "context: {vendor_accounts: vendors.yaml}", "read: never")
    assert after.vendor_names == before.vendor_names


@pytest.mark.parametrize(
    "path", ["/etc/vendors.yaml", "../vendors.yaml", "lists/vendors.yaml", "vendors.json", "", "a b.yaml"]
)
def test_a_list_that_is_not_beside_the_policy_is_refused(tmp_path, path):
    assert "policy.yaml:1: context.vendor_accounts: " in problem(tmp_path, f'context: {{vendor_accounts: "{path}"}}')


@pytest.mark.parametrize(
    ("vendors", "sentence"),
    [
        ("- {name: A, accounts: [123456789012]}", "Expected `str`, got `int` - at `$[0].accounts[0]`"),
        ('- {name: A, accounts: ["1234"]}', "[0].accounts[0]: an account id has 12 digits"),
        ("- {accounts: []}", "missing required field `name`"),
        ("name: A", "Expected `array`"),
        ("- {", "is not valid YAML"),
    ],
)
def test_a_wrong_list_is_a_problem_with_its_place(tmp_path, vendors, sentence):
    found = problem(tmp_path, "context:\n  vendor_accounts: vendors.yaml", vendors)
    assert found.startswith(f"{tmp_path / 'policy.yaml'}:2: context.vendor_accounts: vendors.yaml: ")
    assert sentence in found


def test_a_name_is_bounded(tmp_path):
    entry = f'- {{name: "{"x" * 500}", accounts: ["444455556666"]}}'
    assert load(tmp_path, "context: {vendor_accounts: vendors.yaml}", entry).vendor_names == {"444455556666": "x" * 80}


def test_a_missing_list_and_an_unknown_key_are_problems(tmp_path):
    assert "nothing.yaml: does not exist" in problem(tmp_path, "context: {vendor_accounts: nothing.yaml}")
    assert "the keys here are enabled, raises_severity" in problem(tmp_path, "context: {first_time: {enable: true}}")
