"""New accounts of the organization are added to accounts.yaml, and existing lines are kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gatewatch.aws.clients import Aws
from gatewatch.aws.organization_units import described_accounts
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


UNITS = """sync:
  tags: [team, "cost-*"]
  environment_tag: environment
  owner_tag: owner
  destinations_tag: alerts
  units:
    /Workloads: {environment: test, owner: "@platform"}
    /Workloads/Prod: {environment: prod, destinations: [sec-prod]}
"""


def member(account="777788889999", ou="/Workloads/Prod/Web", **tags):
    return OrganizationAccount(account, "data-lake", "ACTIVE", 0, ou, tags)


def test_a_new_account_gets_what_its_unit_and_its_tags_say(file):
    result = sync_accounts(file(UNITS + EXISTING), [KNOWN, member(team="data", owner="@data", secret="x")])
    assert accounts(result.after)["777788889999"] == {
        "alias": "data-lake",
        "environment": "prod",
        "owner": "@data",
        "destinations": ["sec-prod"],
        "ou": "/Workloads/Prod/Web",
        "tags": {"team": "data"},
    }


def test_a_tag_names_several_destinations_and_comes_before_the_unit(file):
    tags = {"alerts": "sec-all pager", "environment": "dr"}
    entry = accounts(sync_accounts(file(UNITS), [member(**tags)]).after)["777788889999"]
    assert (entry["destinations"], entry["environment"], entry["owner"]) == (["sec-all", "pager"], "dr", "@platform")


def test_new_accounts_are_sorted_and_a_second_run_changes_nothing(file):
    members = [member(account) for account in ("999900001111", "222233334444", "555566667777")]
    after = sync_accounts(file(UNITS + EXISTING), [KNOWN, *members]).after
    assert list(accounts(after)) == ["111122223333", "222233334444", "555566667777", "999900001111"]
    assert sync_accounts(file(after), [KNOWN, *members]).difference == ""


def test_an_existing_account_gets_unit_and_tags_and_keeps_what_was_written_by_hand(file):
    known = member("111122223333", team="data", environment="dr")
    result = sync_accounts(file(UNITS + EXISTING), [known])
    assert accounts(result.after)["111122223333"] == {
        "alias": "payments-prod",
        "owner": "@payments",
        "destinations": ["sec-prod"],
        "environment": "dr",
        "ou": "/Workloads/Prod/Web",
        "tags": {"team": "data"},
    }
    added = [line for line in result.difference.splitlines() if line.startswith(("+ ", "- "))]
    assert added == [
        '+        environment: "dr"',
        '+        ou: "/Workloads/Prod/Web"',
        '+        tags: {"team": "data"}',
    ]


FLOW = 'accounts:\n  "111122223333": {alias: a, environment: prod} # never rename\n  # the end\n'


def test_an_account_in_braces_is_completed_in_its_line(file):
    after = sync_accounts(file(UNITS + FLOW), [member("111122223333", team="data", environment="dr")]).after
    (line,) = [line for line in after.splitlines() if "111122223333" in line]
    assert line == (
        '  "111122223333": {alias: a, environment: prod, owner: "@platform", destinations: ["sec-prod"], '
        'ou: "/Workloads/Prod/Web", tags: {"team": "data"}} # never rename'
    )
    assert "  # the end\n" in after


IN_BRACES = "{alias: a, ou: /Old, tags: {team: old, mine: x}, environment: e, owner: o, destinations: [d]} # kept"
IN_LINES = """
    alias: a
    ou: /Old # kept
    tags:
      team: old
      mine: x
    environment: e
    owner: o
    destinations: [d]"""


@pytest.mark.parametrize("entry", [IN_BRACES, IN_LINES], ids=["in braces", "in lines"])
@pytest.mark.parametrize("tags", [{"team": "new"}, {}])
def test_a_unit_and_tags_that_changed_are_replaced(file, entry, tags):
    after = sync_accounts(
        file(f'{UNITS}accounts:\n  "111122223333": {entry}\n'), [member("111122223333", **tags)]
    ).after
    found = accounts(after)["111122223333"]
    assert (found["ou"], found["tags"], found["environment"]) == ("/Workloads/Prod/Web", tags, "e")
    assert "# kept" in after


def test_tags_that_nobody_asked_for_are_left_alone(file):
    text = 'accounts:\n  "111122223333": {alias: a, tags: {mine: x}}\n'
    after = sync_accounts(file(text), [member("111122223333", team="data")]).after
    assert accounts(after)["111122223333"]["tags"] == {"mine": "x"}


def test_line_ends_of_windows_are_kept(file):
    path = file("")
    path.write_bytes((UNITS + FLOW).replace("\n", "\r\n").encode())
    after = sync_accounts(path, [member("111122223333"), member()]).after
    assert after.count("\r\n") == after.count("\n") > 10
    assert accounts(after).keys() == {"111122223333", "777788889999"}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3), st.text(max_size=20))
def test_tags_and_units_of_any_text_are_only_values(tags, unit):
    text = 'sync: {tags: "*"}\naccounts:\n  "111122223333": {alias: a}\n'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.yaml"
        path.write_text(text, "utf-8")
        after = sync_accounts(path, [OrganizationAccount("111122223333", "a", "ACTIVE", 0, f"/{unit}", tags)]).after
    found = accounts(after)["111122223333"]
    assert found.keys() <= {"alias", "ou", "tags"}
    assert found.get("tags", {}) == tags


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("accounts: null\n", "accounts: is null; write accounts: alone on its line."),
        ('accounts:\n  "111122223333": null\n', ":2: accounts.111122223333: write {alias: name}."),
        ('accounts:\n  "111122223333": &a {alias: x}\n', ":2: uses an anchor; write the values out."),
        ("x: &x 1\naccounts:\n", ":1: uses an anchor; write the values out."),
        ("accounts:\n---\naccounts:\n", "has several documents; keep one"),
        ("\ufeffaccounts:\n", "begins with a byte-order mark; save it as UTF-8 without one."),
        ("accounts: {\n", "is not valid YAML"),
        ("sync: {tagz: a}\naccounts:\n", 'sync: Object contains unknown field "tagz"'),
    ],
)
def test_a_file_that_cannot_be_edited_is_answered_with_a_sentence(file, text, sentence):
    with pytest.raises(ConfigurationError) as caught:
        sync_accounts(file(text), [member("111122223333")])
    assert sentence in str(caught.value)


def test_a_file_that_is_not_utf_8_is_answered_with_a_sentence(file):
    path = file("")
    path.write_bytes(b"accounts: # caf\xe9\n")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        sync_accounts(path, [NEW])


class FailingOrganizations:
    def __init__(self, code):
        self.code = code

    def get_paginator(self, _name):
        return self

    def paginate(self, **_parameters):
        raise ClientError({"Error": {"Code": self.code}}, "ListAccounts")


@pytest.mark.parametrize("listing", [list_accounts_or_raise, described_accounts])
@pytest.mark.parametrize(
    ("code", "remedy"),
    [("AccessDeniedException", "management account"), ("TooManyRequestsException", "try again in some minutes")],
)
def test_a_failed_call_says_what_to_do(listing, code, remedy):
    with pytest.raises(OrganizationError, match=remedy) as caught:
        listing(FailingOrganizations(code))
    assert code in str(caught.value)


def test_the_units_and_tags_of_every_account_are_read(organization):
    client = Aws().organizations
    root = client.list_roots()["Roots"][0]["Id"]
    workloads = client.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
    prod = client.create_organizational_unit(ParentId=workloads, Name="Prod/EU")["OrganizationalUnit"]["Id"]
    account = organization["data-lake"]
    client.move_account(AccountId=account, SourceParentId=root, DestinationParentId=prod)
    client.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "data"}])
    found = {each.name: (each.ou, each.tags) for each in described_accounts(client)}
    assert found == {"master": ("/", {}), "data-lake": ("/Workloads/Prod_EU", {"team": "data"})}


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
    assert accounts(path.read_text("utf-8"))[organization["data-lake"]] == {"alias": "data-lake", "ou": "/"}
    again = CliRunner().invoke(app, ["accounts", "sync", "--accounts", str(path)])
    assert "has every account" in again.output
    assert "111122223333" in again.output
