"""The switch of a family, and the keys of accounts.yaml that say whose accounts are known."""

import msgspec
import pytest

from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from tools.example_calls import EXAMPLES, rows_of

SWITCHED = ("network", "public_access", "organization", "detection")


def loaded(folder, accounts, policy):
    for name, content in (("accounts", accounts), ("policy", policy)):
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(content))
    return load_settings(folder / "accounts.json", folder / "policy.json")


@pytest.mark.parametrize("family", SWITCHED)
def test_a_family_that_is_switched_off_gives_no_rows(tmp_path, family):
    off = loaded(tmp_path, {}, {"severity": {family: {"enabled": False}}})
    calls = [each for each in EXAMPLES if each.family == family and each.expected["severity"] not in {"none", "row"}]
    families = {row["family"] for each in calls for row in rows_of(each, off)}
    assert family not in families
    assert {row["family"] for each in calls for row in rows_of(each)} >= {family}


def test_every_other_family_is_always_reported(tmp_path):
    rules = loaded(tmp_path, {}, {}).severity_rules
    assert not rules.disabled


def test_a_severity_of_the_policy_replaces_the_default(tmp_path):
    policy = {"severity": {"public_access": {"everyone": "medium"}, "detection": {"disabled": "low"}}}
    settings = loaded(tmp_path, {}, policy)
    severities = {each.id: rows_of(each, settings)[0]["severity"] for each in EXAMPLES if each.name in NAMES}
    assert set(severities.values()) == {"medium", "low"}


NAMES = ("SetRepositoryPolicy", "DisableSecurityHub")


@pytest.mark.parametrize(
    ("accounts", "sentence"),
    [
        ({"organization": "o-x"}, 'organization: "o-x" is not an organization id; write one such as o-a1b2c3d4e5.'),
        (
            {"known_accounts": ["12"]},
            'known_accounts[0]: an account id has 12 digits; write it in quotes, "111122223333".',
        ),
        ({"organization": 1}, "organization: Expected"),
    ],
)
def test_a_wrong_organization_or_account_is_reported_with_what_to_write(tmp_path, accounts, sentence):
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, accounts, {})
    assert sentence in str(caught.value)
