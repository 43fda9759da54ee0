"""`actions` of policy.yaml and `people` of accounts.yaml."""

import re

import pytest

from gatewatch.config.actions import ActionMode
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.model.severity import Severity

FULL = (
    "actions: {mode: full, team: T012ABC, app: A012ABC, signing_secret: {ssm: /gatewatch/actions/signing},"
    " token: {ssm: /gatewatch/actions/token}, allow: [U012ABC, alice@example.com], two_person_from: high}"
)


def load(folder, policy="{}", accounts="{}"):
    (folder / "accounts.yaml").write_text(accounts, "utf-8")
    (folder / "policy.yaml").write_text(policy, "utf-8")
    return load_settings(folder / "accounts.yaml", folder / "policy.yaml")


def test_actions_are_off_by_default_and_when_yaml_reads_off_as_false(tmp_path):
    assert load(tmp_path).actions.mode is ActionMode.OFF
    assert not load(tmp_path, "actions: {mode: off}").actions.is_on
    assert not load(tmp_path, 'actions: {mode: "off"}').actions.is_on


def test_a_complete_section_is_read(tmp_path):
    found = load(tmp_path, FULL, "people: [{slack: U012ABC, aws: [alice@example.com]}]").actions
    assert (found.mode, found.team, found.expires_minutes) == (ActionMode.FULL, "T012ABC", 15)
    assert found.needs_two_people(Severity.HIGH)
    assert not found.needs_two_people(Severity.MEDIUM)


PROBLEMS = [
    ("{mode: on}", "mode: is true; write off, read_only or full."),
    ("{mode: some}", "mode: Invalid enum value"),
    ("{mode: read_only}", 'team: "" is not the id of a Slack workspace, such as T012ABCDEF.'),
    ("{mode: read_only}", "signing_secret: write either {ssm: /path} or {secret: name}."),
    ("{enterprise: T012ABC}", 'enterprise: "T012ABC" is not the id of a Slack organization, such as E012ABCDEF.'),
    ("{mode: full}", "allow: is empty, so nobody may revert"),
    ("{allow: [bob]}", 'allow[0]: "bob" is neither a Slack user id such as U012ABCDEF nor an e-mail address.'),
    ("{expires_minutes: 0}", "expires_minutes: is not from 1 to 60."),
    ("{mode: read_only, token: {ssm: /gatewatch/token}}", "token: is not below gatewatch/actions/"),
    ("{modus: full}", 'Object contains unknown field "modus"; the keys here are mode, team'),
]


@pytest.mark.parametrize(("section", "sentence"), PROBLEMS)
def test_a_problem_of_the_section_names_its_line_and_key(tmp_path, section, sentence):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, f"actions: {section}")
    assert re.search(rf"policy\.yaml:1: actions[.:].*{re.escape(sentence)}", str(caught.value)), caught.value


def test_mode_full_needs_people(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"policy.yaml:1: actions.mode: is full, but accounts.yaml has no people"
    ):
        load(tmp_path, FULL)


PEOPLE_PROBLEMS = [
    ("[{aws: [alice]}]", "people[0]: names nobody; write slack: U012ABCDEF or email: alice@example.com."),
    ("[{slack: alice, aws: [alice]}]", 'people[0].slack: "alice" is not a Slack user id'),
    ("[{email: alice, aws: [alice]}]", 'people[0].email: "alice" is not an e-mail address.'),
    ("[{slack: U012ABC, aws: []}]", "people[0].aws: is empty"),
    ('[{slack: U012ABC, aws: ["arn:aws:iam::1:user/*"]}]', "people[0].aws[0]:"),
    ("[{slack: U012ABC, aws: [a]}, {slack: U012ABC, aws: [b]}]", "people[1]: is a second entry for one person"),
    ("[{email: a@b.c, aws: [a]}, {email: A@b.c, aws: [b]}]", "people[1]: is a second entry for one person"),
]


@pytest.mark.parametrize(("people", "sentence"), PEOPLE_PROBLEMS)
def test_a_problem_of_people_names_its_line_and_key(tmp_path, people, sentence):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, accounts=f"people: {people}")
    assert re.search(rf"accounts\.yaml:1: {re.escape(sentence)}", str(caught.value)), caught.value


STORE = "id: d-1234567890, region: us-east-1, role: 'arn:aws:iam::111122223333:role/gatewatch/people'"
STORE_PROBLEMS = [
    ("{region: us-east-1}", 'identity_store.id: "" is not the id of an identity store'),
    ("{id: d-1}", 'identity_store.id: "d-1" is not the id of an identity store'),
    ("{id: d-1234567890, region: everywhere}", 'identity_store.region: "everywhere" is not a Region'),
    ("{id: d-1234567890, region: us-east-1, role: people}", 'identity_store.role: "people" is not the ARN of a role'),
]


@pytest.mark.parametrize(("store", "sentence"), STORE_PROBLEMS)
def test_a_problem_of_the_identity_store_names_its_line_and_key(tmp_path, store, sentence):
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, accounts=f"identity_store: {store}")
    assert re.search(rf"accounts\.yaml:1: {re.escape(sentence)}", str(caught.value)), caught.value


def test_an_identity_store_takes_the_place_of_people_and_is_off_by_default(tmp_path):
    assert not load(tmp_path).identity_store.is_on
    assert load(tmp_path, FULL, f"identity_store: {{{STORE}}}").identity_store.is_on
