"""The sections severity.iam, severity.sign_in and access_keys of policy.yaml, and their error messages."""

import re
from datetime import date

import pytest

from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError


@pytest.fixture
def load(tmp_path):
    def run(policy):
        (tmp_path / "accounts.yaml").write_text("accounts: {}\n", "utf-8")
        (tmp_path / "policy.yaml").write_text(f"{policy}\nroutes: [{{to: [alerts]}}]\n", "utf-8")
        return load_settings(tmp_path / "accounts.yaml", tmp_path / "policy.yaml")

    return run


def test_missing_keys_have_their_defaults(load):
    settings = load("severity: {iam: {administrator: critical}, sign_in: {burst_count: 3}}\n")
    assert (settings.severity_rules.iam.administrator, settings.severity_rules.iam.mfa_removed) == ("critical", "high")
    assert (settings.severity_rules.sign_in.burst_count, settings.severity_rules.sign_in.root) == (3, "high")
    assert (settings.access_keys.mode, settings.access_keys.deactivate_after_days) == ("report", 90)


def test_an_exemption_has_an_owner_a_reason_and_an_expiry_date(load):
    (exemption,) = load(
        "access_keys: {exempt: [{user: ci, owner: '@ci', reason: moving to roles, expires: 2027-01-31}]}\n"
    ).access_keys.exempt
    assert (exemption.user, exemption.expires) == ("ci", date(2027, 1, 31))


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ("severity: {iam: {administrater: high}}", "administrater"),
        ("severity: {iam: {root: terrible}}", "terrible"),
        ('severity: {iam: {known_accounts: ["12"]}}', "severity.iam.known_accounts[0]: an account id has 12 digits"),
        ("severity: {sign_in: {burst_count: 0}}", "severity.sign_in.burst_count: must be at least 1"),
        ("severity: {sign_in: {burst_minutes: 9999999999999}}", "sign_in.burst_minutes: is more than a week"),
        ("access_keys: {deactivate_after_days: 9999999999}", "deactivate_after_days: is more than a hundred years"),
        ("access_keys: {recently_used_days: 9999999999}", "recently_used_days: is more than a hundred years"),
        ("access_keys: {mode: delete}", "access_keys.mode"),
        (
            "access_keys: {warn_after_days: 91}",
            "access_keys.warn_after_days: is not between 1 and deactivate_after_days",
        ),
        ("access_keys: {recently_used_days: -1}", "access_keys.recently_used_days: is below zero"),
        ('access_keys: {role: "a\\n"}', "is not a role name"),
        ("access_keys: {role: a/b}", 'access_keys.role: "a/b" is not a role name'),
        ("access_keys: {exempt: [{user: ci, owner: x, reason: y}]}", "expires"),
        ("access_keys: {exempt: [{user: ci, owner: '', reason: y, expires: 2027-01-31}]}", "exempt[0].owner: is empty"),
        (
            "access_keys: {exempt: [{user: ci, owner: x, reason: y, expires: 2027-01-31, account: '7'}]}",
            "exempt[0].account: an account id has 12 digits",
        ),
    ],
)
def test_an_invalid_value_is_reported_with_its_key(load, policy, sentence):
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        load(policy)
