from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gatewatch.config.ingress import Mode
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.model.account import Account
from support.paths import ROOT

ACCOUNTS = ROOT / "accounts.yaml"
GROUP = "sg-0123456789abcdef0"
WEB = "allowed: [{ports: 443, peers: [0.0.0.0/0]}]"


@pytest.fixture
def load(tmp_path):
    """The text of `ingress:` -> its value."""

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
        ("mode: enforce", "enforces, but allows nothing: every group would be closed; write allowed rules."),
        ("environments: {dev: enforce}", "enforces, but allows nothing"),
        (f'accounts: {{"44": report}}, {WEB}', "accounts.44: an account id has 12 digits; write it in quotes."),
        ("allowed: [{ports: 443}]", 'missing required field "peers"'),
        ("allowed: [{ports: 443, peers: []}]", "allowed[0].peers: is empty; write at least one peer"),
        ("allowed: [{ports: 443, peers: [10.0.0.0]}]", '"10.0.0.0" is no peer; write a CIDR, sg-…'),
        (
            "required: [{ports: 443, peers: [any_group]}]",
            "any_group may stand, but cannot be required; name the group.",
        ),
        ("allowed: [{peers: [10.0.0.0/8]}]", 'tcp needs ports: write 443 or a range such as "1024-65535".'),
        ('allowed: [{ports: "443-80", peers: [10.0.0.0/8]}]', "tcp needs ports"),
        ("allowed: [{ports: 70000, peers: [10.0.0.0/8]}]", "tcp needs ports"),
        ("allowed: [{protocol: tpc, ports: 1, peers: [10.0.0.0/8]}]", '"tpc" is no protocol; write tcp, udp'),
        ("allowed: [{protocol: all, ports: 1, peers: [10.0.0.0/8]}]", "all has no ports; leave them out."),
        ("allowed: [{protocol: icmp, icmp_type: 300, peers: [10.0.0.0/8]}]", "is a number from 0 to 255"),
        ("fight: {returns: 0}", "returns and hours are numbers from 1 upwards."),
        (f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b}}]", 'missing required field "expires"'),
        ("exempt_groups: [{group: web, owner: a, reason: b, expires: 2027-01-31}]", '"web" is no security group'),
        (f'exempt_groups: [{{group: {GROUP}, owner: " ", reason: b, expires: 2027-01-31}}]', "owner: says nothing"),
        (f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: soon}}]", "expires"),
    ],
)
def test_what_cannot_be_used_is_answered_with_what_to_write(load, text, sentence):
    with pytest.raises(ConfigurationError) as refused:
        load(text)
    assert sentence in str(refused.value)
    assert "policy.yaml" in str(refused.value)


def test_nothing_is_enforced_unless_somebody_chose_it(load):
    assert load(WEB).mode_of(account("prod", known=True)) is Mode.REPORT


@pytest.mark.parametrize(
    ("text", "environment", "known", "mode"),
    [
        ("mode: enforce", None, True, Mode.ENFORCE),
        ("mode: enforce", None, False, Mode.REPORT),
        ("environments: {dev: enforce}", "dev", True, Mode.ENFORCE),
        ("environments: {dev: enforce}", "prod", True, Mode.REPORT),
        ("mode: enforce, environments: {prod: report}", "prod", True, Mode.REPORT),
        ('environments: {dev: enforce}, accounts: {"444455556666": report}', "dev", True, Mode.REPORT),
        ('accounts: {"444455556666": enforce}', None, False, Mode.ENFORCE),
    ],
)
def test_the_nearest_mode_wins_and_an_unknown_account_is_left_alone(load, text, environment, known, mode):
    assert load(f"{text}, {WEB}").mode_of(account(environment, known=known)) is mode


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        (datetime(2027, 1, 31, 23, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 11, 59, tzinfo=UTC), True),
        (datetime(2027, 2, 1, 12, tzinfo=UTC), False),
    ],
)
def test_an_exemption_holds_through_its_last_day_everywhere_on_earth(load, now, holds):
    ingress = load(f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: 2027-01-31}}]")
    assert (ingress.exemption(GROUP, now) is not None) is holds
    assert (ingress.expired_exemption(GROUP, now) is not None) is not holds
    assert ingress.exemption("sg-0fedcba9876543210", now) is None


def test_an_exemption_may_have_the_last_day_that_there_is(load):
    ingress = load(f"exempt_groups: [{{group: {GROUP}, owner: a, reason: b, expires: 9999-12-31}}]")
    assert ingress.exemption(GROUP, datetime(2027, 1, 31, tzinfo=UTC)) is not None


def test_the_policy_of_the_repository_says_something():
    ingress = load_settings(ACCOUNTS, ACCOUNTS.with_name("policy.yaml")).ingress
    assert (ingress.mode, ingress.says_something) == (Mode.REPORT, True)
