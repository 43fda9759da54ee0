"""accounts.yaml takes up the organization's new accounts, and keeps every word that people wrote."""

from __future__ import annotations

import pytest
import yaml
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gatewatch.aws.organizations import Member, OrganizationError, listed_members
from gatewatch.cli.accounts_sync import synced
from gatewatch.cli.app import app
from gatewatch.errors import ConfigurationError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.paths import ROOT

NEW = Member("777788889999", "data-lake", "ACTIVE")
KNOWN = Member("111122223333", "renamed since", "ACTIVE")
WRITTEN = """# Who the accounts are.
defaults:
  timezone: Asia/Seoul # the clock in the messages

accounts:
    # the crown jewels
    "111122223333":
        alias: payments-prod # never rename
        owner: "@payments"
        destinations:
          - sec-prod
    # the last one

# the end
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "accounts.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


def accounts(text):
    return yaml.safe_load(text)["accounts"]


def test_a_new_account_is_a_new_line_and_no_other_line_changes(file):
    result = synced(file(WRITTEN), [KNOWN, NEW])
    added = '    "777788889999": {alias: "data-lake"}\n'
    assert result.after.replace(added, "") == WRITTEN
    assert accounts(result.after).keys() == {"111122223333", "777788889999"}
    assert accounts(result.after)["111122223333"]["alias"] == "payments-prod"


def test_nothing_new_is_no_difference(file):
    result = synced(file(WRITTEN), [KNOWN])
    assert (result.after, result.difference) == (WRITTEN, "")


def test_the_difference_shows_what_would_be_written(file):
    difference = synced(file(WRITTEN), [KNOWN, NEW]).difference
    assert [line for line in difference.splitlines() if line.startswith("+ ")] == [
        '+    "777788889999": {alias: "data-lake"}'
    ]


def test_an_account_that_is_gone_is_named_and_kept(file):
    closed = Member("111122223333", "x", "SUSPENDED")
    result = synced(file(WRITTEN), [closed, Member("444455556666", "closing", "PENDING_CLOSURE")])
    assert result.gone == ("111122223333",)
    assert result.after == WRITTEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accounts:\n",
        "accounts: # none yet\n",
        "defaults: {timezone: UTC}",
        "defaults: {timezone: UTC}\naccounts:\n",
        "accounts:\ndefaults: {timezone: UTC}\n",
        'accounts:\n  "111122223333": {alias: a}',
        'accounts:\n  "111122223333": {alias: a}\ndefaults: {timezone: UTC}\n',
        'accounts:\n  "111122223333":\n    alias: >-\n      folded\n      text\n',
    ],
)
def test_a_file_of_any_usual_form_takes_the_account(file, text):
    result = synced(file(text), [NEW])
    assert accounts(result.after)["777788889999"] == {"alias": "data-lake"}
    assert {key: value for key, value in yaml.safe_load(result.after).items() if key != "accounts"} == {
        key: value for key, value in (yaml.safe_load(text) or {}).items() if key != "accounts"
    }


def test_a_file_that_is_not_there_begins(tmp_path):
    assert accounts(synced(tmp_path / "accounts.yaml", [NEW]).after) == {"777788889999": {"alias": "data-lake"}}


@pytest.mark.parametrize("text", ['accounts: {"111122223333": {alias: a}}\n', "accounts: [a]\n", "accounts: 7\n"])
def test_a_file_that_cannot_be_added_to_is_refused(file, text):
    with pytest.raises(ConfigurationError, match="accounts"):
        synced(file(text), [NEW])


def test_the_repositorys_own_file_takes_an_account():
    result = synced(ROOT / "accounts.yaml", [NEW])
    assert accounts(result.after).keys() == {*accounts(result.before), "777788889999"}


@given(st.text(max_size=80))
def test_whatever_an_account_is_called_it_is_only_a_name(name):
    result = synced(ROOT / "accounts.yaml", [Member("777788889999", name, "ACTIVE")])
    assert accounts(result.after).keys() == {*accounts(result.before), "777788889999"}
    assert isinstance(accounts(result.after)["777788889999"]["alias"], str)


class Refusing:
    def get_paginator(self, _name):
        return self

    def paginate(self):
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListAccounts")


def test_who_may_not_ask_the_organization_is_told_who_may():
    with pytest.raises(OrganizationError, match="management account"):
        listed_members(Refusing())


@pytest.fixture
def organization():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("organizations")
        client.create_organization(FeatureSet="ALL")
        client.create_account(AccountName="data-lake", Email="data-lake@example.com")
        with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
            yield {account["Name"]: account["Id"] for account in client.list_accounts()["Accounts"]}


def test_the_command_shows_and_then_writes(organization, file):
    path = file(WRITTEN)
    shown = CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path)])
    assert shown.exit_code == 0, shown.exception
    assert organization["data-lake"] in shown.output
    assert path.read_text("utf-8") == WRITTEN
    CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path), "--write"])
    assert accounts(path.read_text("utf-8"))[organization["data-lake"]] == {"alias": "data-lake"}
    again = CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path)])
    assert "names every account" in again.output
    assert "111122223333" in again.output
