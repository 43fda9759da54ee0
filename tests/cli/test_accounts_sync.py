"""New accounts of the organization are added to accounts.yaml, and existing lines are kept."""

from __future__ import annotations

import pytest
import yaml
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gatewatch.aws.organizations import OrganizationAccount, OrganizationError, list_accounts_or_raise
from gatewatch.cli.accounts_sync import sync_accounts
from gatewatch.cli.app import app
from gatewatch.errors import ConfigurationError
from gatewatch.local.aws.server import HUB_ACCOUNT, HUB_REGION, Cloud
from gatewatch.local.lambda_.event_source_mapping import lambda_environment
from support.paths import ROOT

NEW = OrganizationAccount("777788889999", "data-lake", "ACTIVE")
KNOWN = OrganizationAccount("111122223333", "renamed since", "ACTIVE")
EXISTING = """# The accounts.
defaults:
  timezone: Asia/Seoul # the clock in the messages

accounts:
    # production
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


def test_a_new_account_adds_one_line_and_changes_no_other(file):
    result = sync_accounts(file(EXISTING), [KNOWN, NEW])
    added = '    "777788889999": {alias: "data-lake"}\n'
    assert result.after.replace(added, "") == EXISTING
    assert accounts(result.after).keys() == {"111122223333", "777788889999"}
    assert accounts(result.after)["111122223333"]["alias"] == "payments-prod"


def test_without_new_accounts_there_is_no_difference(file):
    result = sync_accounts(file(EXISTING), [KNOWN])
    assert (result.after, result.difference) == (EXISTING, "")


def test_the_difference_shows_the_added_lines(file):
    difference = sync_accounts(file(EXISTING), [KNOWN, NEW]).difference
    assert [line for line in difference.splitlines() if line.startswith("+ ")] == [
        '+    "777788889999": {alias: "data-lake"}'
    ]


def test_an_inactive_account_is_reported_and_kept(file):
    closed = OrganizationAccount("111122223333", "x", "SUSPENDED")
    result = sync_accounts(file(EXISTING), [closed, OrganizationAccount("444455556666", "closing", "PENDING_CLOSURE")])
    assert result.inactive == ("111122223333",)
    assert result.after == EXISTING


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
def test_an_account_can_be_added_to_any_usual_layout(file, text):
    result = sync_accounts(file(text), [NEW])
    assert accounts(result.after)["777788889999"] == {"alias": "data-lake"}
    assert {key: value for key, value in yaml.safe_load(result.after).items() if key != "accounts"} == {
        key: value for key, value in (yaml.safe_load(text) or {}).items() if key != "accounts"
    }


def test_a_missing_file_is_created(tmp_path):
    assert accounts(sync_accounts(tmp_path / "accounts.yaml", [NEW]).after) == {"777788889999": {"alias": "data-lake"}}


@pytest.mark.parametrize("text", ['accounts: {"111122223333": {alias: a}}\n', "accounts: [a]\n", "accounts: 7\n"])
def test_a_file_to_which_lines_cannot_be_added_is_an_error(file, text):
    with pytest.raises(ConfigurationError, match="accounts"):
        sync_accounts(file(text), [NEW])


def test_an_account_can_be_added_to_the_repositorys_own_file():
    result = sync_accounts(ROOT / "accounts.yaml", [NEW])
    assert accounts(result.after).keys() == {*accounts(result.before), "777788889999"}


@given(st.text(max_size=80))
def test_any_account_name_is_only_an_alias(name):
    result = sync_accounts(ROOT / "accounts.yaml", [OrganizationAccount("777788889999", name, "ACTIVE")])
    assert accounts(result.after).keys() == {*accounts(result.before), "777788889999"}
    assert isinstance(accounts(result.after)["777788889999"]["alias"], str)


class DenyingOrganizations:
    def get_paginator(self, _name):
        return self

    def paginate(self):
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListAccounts")


def test_a_denied_call_names_the_accounts_that_may_list_the_organization():
    with pytest.raises(OrganizationError, match="management account"):
        list_accounts_or_raise(DenyingOrganizations())


@pytest.fixture
def organization():
    with Cloud() as cloud:
        client = cloud.session(HUB_ACCOUNT, HUB_REGION).client("organizations")
        client.create_organization(FeatureSet="ALL")
        client.create_account(AccountName="data-lake", Email="data-lake@example.com")
        with lambda_environment(cloud.variables(HUB_ACCOUNT, HUB_REGION)):
            yield {account["Name"]: account["Id"] for account in client.list_accounts()["Accounts"]}


def test_the_command_shows_the_changes_and_writes_them_with_write(organization, file):
    path = file(EXISTING)
    preview = CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path)])
    assert preview.exit_code == 0, preview.exception
    assert organization["data-lake"] in preview.output
    assert path.read_text("utf-8") == EXISTING
    CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path), "--write"])
    assert accounts(path.read_text("utf-8"))[organization["data-lake"]] == {"alias": "data-lake"}
    again = CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path)])
    assert "has every account" in again.output
    assert "111122223333" in again.output
