from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatewatch.config.ingress import EnforcementMode
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.model.account import Account
from gatewatch.model.security_group import Group
from support.paths import ROOT

ACCOUNTS = ROOT / "accounts.yaml"
GROUP = "sg-0123456789abcdef0"
WEB = "allowed: [{ports: 443, peers: [0.0.0.0/0]}]"


@pytest.fixture
def load(tmp_path):
    """Return the ingress policy of a text."""

    def run(text):
        policy = tmp_path / "policy.yaml"
        policy.write_text(f"ingress: {{{text}}}\n", "utf-8")
        accounts = tmp_path / "accounts.yaml"
        accounts.write_text("", "utf-8")
        return load_settings(accounts, policy).ingress

    return run


def account(environment=None, **fields):
    return Account(id="444455556666", alias="x", timezone="UTC", language="en", environment=environment, **fields)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "environments: {dev: enfore}",
            "ingress.environments[...]: Invalid enum value 'enfore'; write one of report, enforce.",
        ),
        ("mode: enfore", "ingress.mode: Invalid enum value 'enfore'"),
        ("alowed: []", 'unknown field "alowed"; the keys here are mode, environments, accounts, allowed, required'),
        ("mode: enforce", "enforces, but allows nothing: every inbound rule would be removed; write allowed rules."),
        ("environments: {dev: enforce}", "enforces, but allows nothing"),
        (
            f'accounts: {{"44": report}}, {WEB}',
            'accounts.44: an account id has 12 digits; write it in quotes, "111122223333".',
        ),
        ("allowed: [{ports: 443}]", 'missing required field "peers"'),
        ("allowed: [{ports: 443, peers: []}]", "allowed[0].peers: is empty; write at least one peer"),
        ("allowed: [{ports: 443, peers: [10.0.0.0]}]", '"10.0.0.0" is not a peer; write a CIDR, sg-…'),
        (
            "required: [{ports: 443, peers: [any_group]}]",
            "any_group can be allowed, but not required; name the group.",
        ),
        ("allowed: [{peers: [10.0.0.0/8]}]", 'tcp needs ports: write 443 or a range such as "1024-65535".'),
        ('allowed: [{ports: "443-80", peers: [10.0.0.0/8]}]', "tcp needs ports"),
        ("allowed: [{ports: 70000, peers: [10.0.0.0/8]}]", "tcp needs ports"),
        ("allowed: [{protocol: tpc, ports: 1, peers: [10.0.0.0/8]}]", '"tpc" is not a protocol; write tcp, udp'),
        ("allowed: [{protocol: all, ports: 1, peers: [10.0.0.0/8]}]", "all has no ports; leave them out."),
        ("allowed: [{protocol: icmp, icmp_type: 300, peers: [10.0.0.0/8]}]", "is a number from 0 to 255"),
        ("fight: {returns: 0}", "returns and hours must be at least 1."),
        (f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b}}]", 'missing required field "expires"'),
        ("exempt_groups: [{owner: a, reason: b, expires: 2027-01-31}]", "covers every group"),
        ('exempt_groups: [{name: "*", owner: a, reason: b, expires: 2027-01-31}]', "covers every group"),
        ("exempt_groups: [{group: web, owner: a, reason: b, expires: 2027-01-31}]", '"web" is not a security group'),
        (f'exempt_groups: [{{group: {GROUP}, owner: " ", reason: b, expires: 2027-01-31}}]', "owner: is empty"),
        (f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: soon}}]", "expires"),
    ],
)
def test_an_invalid_value_is_reported_with_what_to_write(load, text, sentence):
    with pytest.raises(ConfigurationError) as refused:
        load(text)
    assert sentence in str(refused.value)
    assert "policy.yaml" in str(refused.value)


def test_nothing_is_enforced_by_default(load):
    assert load(WEB).mode_of(account("prod", known=True)) is EnforcementMode.REPORT


@pytest.mark.parametrize(
    ("text", "environment", "known", "mode"),
    [
        ("mode: enforce", None, True, EnforcementMode.ENFORCE),
        ("mode: enforce", None, False, EnforcementMode.REPORT),
        ("environments: {dev: enforce}", "dev", True, EnforcementMode.ENFORCE),
        ("environments: {dev: enforce}", "prod", True, EnforcementMode.REPORT),
        ("mode: enforce, environments: {prod: report}", "prod", True, EnforcementMode.REPORT),
        ('environments: {dev: enforce}, accounts: {"444455556666": report}', "dev", True, EnforcementMode.REPORT),
        ('accounts: {"444455556666": enforce}', None, False, EnforcementMode.ENFORCE),
    ],
)
def test_the_most_specific_mode_wins_and_an_unlisted_account_is_never_enforced(load, text, environment, known, mode):
    assert load(f"{text}, {WEB}").mode_of(account(environment, known=known)) is mode


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (datetime(2027, 1, 31, 23, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 11, 59, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 12, tzinfo=UTC), False),
    ],
)
def test_an_exemption_is_active_until_its_last_day_has_ended_in_every_time_zone(load, now, holds):
    ingress = load(f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: 2027-01-31}}]")
    assert (ingress.exemption(Group(id=GROUP), now) is not None) is holds
    assert (ingress.expired_exemption(Group(id=GROUP), now) is not None) is not holds
    assert ingress.exemption(Group(id="sg-0fedcba9876543210"), now) is None


@pytest.mark.parametrize(
    ("criteria", "group", "is_exempt"),
    [
        ("name: k8s-*", Group(id=GROUP, name="k8s-web"), True),
        ("name: [k8s-*, eks-*]", Group(id=GROUP, name="eks-web"), True),
        ("name: k8s-*", Group(id=GROUP, name="web"), False),
        ("name: k8s-*", Group(id=GROUP), False),
        ("tags: {managed-by: eks-*}", Group(id=GROUP, tags=(("managed-by", "eks-1"), ("a", "b"))), True),
        ("tags: {managed-by: eks-*}", Group(id=GROUP, tags=(("managed-by", "me"),)), False),
        ("tags: {managed-by: eks-*, team: web}", Group(id=GROUP, tags=(("managed-by", "eks-1"),)), False),
        ("tags: {managed-by: eks-*}", Group(id=GROUP), False),
        ("name: k8s-*, tags: {team: web}", Group(id=GROUP, name="k8s-web", tags=(("team", "db"),)), False),
    ],
)
def test_groups_are_exempt_by_name_and_tags(load, criteria, group, is_exempt):
    ingress = load(f"exempt_groups: [{{{criteria}, owner: a, reason: b, expires: 2027-01-31}}]")
    assert (ingress.exemption(group, datetime(2027, 1, 1, tzinfo=UTC)) is not None) is is_exempt


def test_an_exemption_may_expire_on_the_last_date_of_the_calendar(load):
    ingress = load(f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: 9999-12-31}}]")
    assert ingress.exemption(Group(id=GROUP), datetime(2027, 1, 31, tzinfo=UTC)) is not None


def test_the_ingress_policy_of_the_repository_is_configured():
    ingress = load_settings(ACCOUNTS, ACCOUNTS.with_name("policy.yaml")).ingress
    assert (ingress.mode, ingress.is_configured) == (EnforcementMode.REPORT, True)
