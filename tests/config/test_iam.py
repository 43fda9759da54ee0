"""What policy.yaml says about people's access: read, and refused with a sentence that says what to write."""

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


def test_what_the_policy_does_not_say_keeps_its_default(load):
    settings = load("severity: {iam: {administrator: critical}, sign_in: {burst_count: 3}}\n")
    assert (settings.judgement.iam.administrator, settings.judgement.iam.mfa_removed) == ("critical", "high")
    assert (settings.judgement.sign_in.burst_count, settings.judgement.sign_in.root) == (3, "high")
    assert (settings.access_keys.mode, settings.access_keys.deactivate_after_days) == ("report", 90)


def test_an_exemption_has_an_owner_a_reason_and_an_end(load):
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
        ("access_keys: {warn_after_days: 91}", "access_keys.warn_after_days: is after the deactivation"),
        ("access_keys: {recently_used_days: -1}", "access_keys.recently_used_days: is below zero"),
        ('access_keys: {role: "a\\n"}', "is no role name"),
        ("access_keys: {role: a/b}", 'access_keys.role: "a/b" is no role name'),
        ("access_keys: {exempt: [{user: ci, owner: x, reason: y}]}", "expires"),
        ("access_keys: {exempt: [{user: ci, owner: '', reason: y, expires: 2027-01-31}]}", "exempt[0].owner: is empty"),
        (
            "access_keys: {exempt: [{user: ci, owner: x, reason: y, expires: 2027-01-31, account: '7'}]}",
            "exempt[0].account: an account id has 12 digits",
        ),
    ],
)
def test_what_the_policy_gets_wrong_is_said_with_its_key(load, policy, sentence):
    with pytest.raises(ConfigurationError, match=re.escape(sentence)):
        load(policy)
