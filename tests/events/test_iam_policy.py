"""Privilege level and trusted principals of policy documents. Cases from the IAM user guide's grammar."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewatch.events.changes.iam_policy import privilege_level_of, read_document
from gatewatch.events.changes.iam_trust_policy import trust_of
from gatewatch.model.iam import PrivilegeLevel, Trust

ACCOUNT, OTHER = "111122223333", "444455556666"


def allow(action="*", resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def document(*statements):
    return read_document(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def trust(principal, **more):
    return trust_of(document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal} | more), ACCOUNT)


@pytest.mark.parametrize(
    "statement",
    [
        allow(),
        allow(["s3:GetObject", "*"], ["arn:aws:s3:::mine", "*"]),
        allow("*:*", "arn:aws:*:*:*:*"),
        allow("**"),
        allow("iam:*"),
        allow("IAM:*"),
        allow("i?m:*"),
        allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::one"},
    ],
)
def test_a_document_that_allows_everything_or_all_of_iam_is_administrator(statement):
    assert privilege_level_of(document(statement)) is PrivilegeLevel.ADMINISTRATOR


@pytest.mark.parametrize(
    "statement", [allow("iam:PutUserPolicy"), allow("iam:Attach*"), allow("sts:AssumeRole"), allow("sts:*")]
)
def test_a_document_that_allows_privilege_escalation_escalates(statement):
    assert privilege_level_of(document(statement)) is PrivilegeLevel.ESCALATES


@pytest.mark.parametrize(
    "statements",
    [
        [allow("s3:*")],
        [allow("ec2:Describe*")],
        [allow("*", "arn:aws:s3:::mine/*")],
        [allow("iam:*", "arn:aws:iam::111122223333:user/${aws:username}")],
        [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
        [allow(), {"Effect": "Deny", "Action": "*", "Resource": "*"}],
    ],
)
def test_other_documents_are_ordinary(statements):
    assert privilege_level_of(document(*statements)) is PrivilegeLevel.ORDINARY


def test_a_conditional_deny_of_everything_does_not_cancel_administrator_rights():
    denial = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:a": "b"}}}
    assert privilege_level_of(document(allow(), denial)) is PrivilegeLevel.ADMINISTRATOR


def test_a_document_has_deny_when_a_statement_denies():
    assert document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}).has_deny
    assert not document(allow()).has_deny


def test_a_single_statement_needs_no_list():
    assert read_document({"Statement": allow()}) == document(allow())


def test_url_encoded_documents_are_read():
    text = json.dumps({"Statement": [allow("s3:Get*")]})
    assert read_document(quote(text)) == read_document(text)


def test_lower_case_keys_are_read():
    assert read_document({"statement": {"effect": "Allow", "action": "*", "resource": "*"}}) == document(allow())


@pytest.mark.parametrize(
    "value", [None, 7, "", "no json", "[]", "{}", '{"Statement": []}', '{"Statement": [1]}', '{"Statement": {}}']
)
def test_an_unreadable_document_is_none(value):
    assert read_document(value) is None


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["Statement", "Effect", "Action", "Principal", "Condition", "Resource", "AWS"]) | st.text(), inner
)))  # fmt: skip
def test_no_document_raises(value):
    read = read_document(value) or read_document(json.dumps({"Statement": value}))
    if read:
        privilege_level_of(read)
        trust_of(read, ACCOUNT)


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": "arn:aws:iam::4444*:root"},
        {"AWS": ["arn:aws:iam::111122223333:root", "*"]},
        {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_an_open_trust_policy_without_a_condition_trusts_everyone(principal):
    assert trust(principal).everyone


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        {"StringEquals": {"sts:ExternalId": "7"}},
        {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/ci"]}},
    ],
)
def test_a_condition_on_the_caller_trusts_everyone_if_it_is_met(condition):
    assert trust("*", Condition=condition) == Trust(everyone_if=True)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"aws:PrincipalArn": "*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "444455556666"}},
        {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}},
        "odd",
    ],
)
def test_a_condition_that_limits_no_caller_trusts_everyone(condition):
    assert trust({"AWS": "*"}, Condition=condition).everyone


@pytest.mark.parametrize(
    "name", [OTHER, f"arn:aws:iam::{OTHER}:root", f"arn:aws-cn:iam::{OTHER}:role/ci", f"arn:aws:sts::{OTHER}:x/y"]
)
def test_another_account_is_recognized_in_every_form_of_principal(name):
    assert trust({"AWS": [name, f"arn:aws:iam::{ACCOUNT}:root"]}) == Trust(accounts=(OTHER,))


@pytest.mark.parametrize("principal", [{"Service": "ec2.amazonaws.com"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}])
def test_services_and_the_own_account_are_not_foreign(principal):
    assert trust(principal) == Trust()


@pytest.mark.parametrize("name", ["AIDAEXAMPLE", "44445555666", "somebody"])
def test_a_principal_of_an_unknown_account_is_foreign(name):
    assert trust({"AWS": name}) == Trust(accounts=(name,))


def test_not_principal_trusts_everyone():
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": OTHER}}
    assert trust_of(document(statement), ACCOUNT).everyone


def test_a_deny_trusts_nobody():
    assert trust("*", Effect="Deny") == Trust()


@pytest.mark.parametrize(
    ("provider", "key", "everyone"),
    [
        ("token.actions.githubusercontent.com", "token.actions.githubusercontent.com:sub", False),
        ("token.actions.githubusercontent.com", "token.actions.githubusercontent.com:aud", True),
        ("cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com:aud", False),
    ],
)
def test_a_public_provider_needs_a_condition_on_the_subject(provider, key, everyone):
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"}
    assert trust(principal, Condition={"StringEquals": {key: "value"}}).everyone is everyone


@pytest.mark.parametrize("provider", ["saml-provider/theirs", "oidc-provider/oidc.example.com/id/1"])
def test_a_provider_of_another_account_is_foreign(provider):
    held = {"StringEquals": {"oidc.example.com/id/1:sub": "a"}}
    assert trust({"Federated": f"arn:aws:iam::{OTHER}:{provider}"}, Condition=held) == Trust(accounts=(OTHER,))


def test_a_saml_provider_is_private():
    assert trust({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/ours"}) == Trust()
