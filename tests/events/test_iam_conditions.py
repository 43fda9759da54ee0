"""Conditions of open trust policies, and subjects of identity providers that serve the public."""

import json

import pytest

from gatewatch.events.changes.iam_policy import privilege_level_of, read_document
from gatewatch.events.changes.iam_trust_policy import trust_of
from gatewatch.events.changes.resource_policy import grants_of
from gatewatch.model.iam import PrivilegeLevel, Trust
from gatewatch.model.security_group import EveryonePeer

ACCOUNT = "111122223333"
GITHUB = "token.actions.githubusercontent.com"
GITLAB = "gitlab.com"
TERRAFORM = "app.terraform.io"
EVERYONE, LIMITED = Trust(everyone=True), Trust(everyone_if=True)


def document(*statements):
    return read_document(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def trust(condition, principal="*"):
    allow = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    return trust_of(document(allow), ACCOUNT)


def subject(provider, operator, value, claim="sub"):
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"}
    audience = {"StringEquals": {f"{provider}:aud": "sts.amazonaws.com"}}
    return trust(audience | {operator: {f"{provider}:{claim}": value}}, principal)


MET_BY_EVERYONE = (
    {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": "::/0"}},
    {"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "odd"]}},
    {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
    {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/x", "arn:aws:iam::*:root"]}},
    {"StringLike": {"aws:PrincipalArn": "arn:*"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"StringLike": {"aws:PrincipalAccount": "1*"}},
    {"StringLike": {"aws:PrincipalOrgPaths": "o-*/r-ab12/*"}},
    {"StringEquals": {"aws:PrincipalTag/team": "payments"}},
    {"StringEquals": {"aws:PrincipalType": "AssumedRole"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"Bool": {"aws:PrincipalIsAWSService": False}},
    {"StringLike": {"sts:ExternalId": "*"}},
    {"StringLike": {"aws:userid": "*:alice"}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"StringEquals": {"aws:PrincipalOrgID": []}},
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringEquals": {"aws:username": "alice"}},
    {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
    {"StringLike": {"aws:SourceVpc": "vpc-*"}},
    {"StringLike": {"aws:userid": "A*"}},
    {"StringLike": {"aws:userid": "AROA*:deploy"}},
    {"StringLike": {"aws:FederatedProvider": "arn:*"}},
    {},
    None,
)


@pytest.mark.parametrize("condition", MET_BY_EVERYONE)
def test_a_condition_that_everyone_can_meet_is_no_condition(condition):
    assert trust(condition) == EVERYONE


HELD_TO_SOMEBODY = (
    {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}},
    {"StringEquals": {"aws:PrincipalAccount": ["111122223333", "444455556666"]}},
    {"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "2001:db8::/32"]}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}},
    {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
    {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}},
    {"Bool": {"aws:PrincipalIsAWSService": "true"}},
    {"STRINGEQUALS": {"AWS:PRINCIPALORGID": "o-a1b2c3d4e5"}},
    {"StringEqualsIfExists": {"aws:PrincipalTag/x": "y"}, "StringEquals": {"sts:ExternalId": "7f3c"}},
    {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}},
    {"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}},
)


@pytest.mark.parametrize("condition", HELD_TO_SOMEBODY)
def test_a_condition_on_the_caller_or_a_secret_limits(condition):
    assert trust(condition) == LIMITED


@pytest.mark.parametrize("condition", [*MET_BY_EVERYONE, *HELD_TO_SOMEBODY])
def test_a_resource_policy_judges_a_condition_as_a_trust_policy_does(condition):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": condition}
    everyone = next(each for each in grants_of({"Statement": [statement]}, ACCOUNT) if each.peer == EveryonePeer())
    assert everyone.narrowing.narrows == (condition in HELD_TO_SOMEBODY)


@pytest.mark.parametrize(
    ("provider", "operator", "value"),
    [
        (GITHUB, "StringLike", "*"),
        (GITHUB, "StringLike", "repo:*"),
        (GITHUB, "StringLike", "repo*"),
        (GITHUB, "StringLike", "????:*"),
        (GITHUB, "StringLike", "repo:my-org*"),
        (GITHUB, "StringLike", "repo:*/deploy:ref:refs/heads/main"),
        (GITHUB, "StringLike", ["repo:my-org/app:*", "repo:*"]),
        (GITHUB, "StringNotLike", "repo:my-org/*"),
        (GITHUB, "StringLike", []),
        (GITLAB, "StringLike", "project_path:*"),
        (GITLAB, "StringLike", "project_path:?y-group/*"),
        (TERRAFORM, "StringLike", "organization:*:project:*:workspace:*:run_phase:*"),
        (TERRAFORM, "StringLike", "organization:my-*:project:x"),
    ],
)
def test_a_subject_that_leaves_the_owner_open_trusts_everyone(provider, operator, value):
    assert subject(provider, operator, value) == EVERYONE


@pytest.mark.parametrize(
    ("provider", "operator", "value", "claim"),
    [
        (GITHUB, "StringLike", "repo:my-org/*", "sub"),
        (GITHUB, "StringLike", ["repo:my-org/app:*", "repo:my-org/web:*"], "sub"),
        (GITHUB, "StringEquals", "repo:my-org/app:environment:prod", "sub"),
        (GITHUB, "ForAllValues:StringLike", "repo:my-org/*", "sub"),
        (GITHUB, "StringLikeIfExists", "repo:my-org/*", "sub"),
        (GITHUB, "StringEquals", "my-org", "repository_owner"),
        (GITHUB, "StringLike", "my-org/*", "repository"),
        (GITLAB, "StringLike", "project_path:my-group/*:ref_type:branch:ref:main", "sub"),
        (TERRAFORM, "StringLike", "organization:my-org:project:*:workspace:*:run_phase:*", "sub"),
    ],
)
def test_a_subject_with_an_owner_trusts_nobody_outside(provider, operator, value, claim):
    assert subject(provider, operator, value, claim) == Trust()


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringLikeIfExists", "elsewhere.example.com:sub", "repo:my-org/app:*"),
        ("StringLike", "sub", "repo:my-org/app:*"),
        ("StringEqualsIfExists", f"{GITHUB}:repository_owner", "my-org"),
        ("ForAllValues:StringEquals", f"{GITHUB}:repository_owner", "my-org"),
        ("StringEquals", f"{GITHUB}:sub", "environment:prod"),
        ("StringLike", f"{GITHUB}:sub", "ref:refs/heads/main:*"),
    ],
)
def test_a_claim_that_a_token_lacks_or_that_names_no_owner_limits_nobody(operator, key, value):
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}
    assert trust({operator: {key: value}}, principal) == EVERYONE


def test_a_public_provider_without_a_subject_trusts_everyone():
    assert subject(GITHUB, "StringEquals", "sts.amazonaws.com", "aud") == EVERYONE


def level(*statements):
    return privilege_level_of(document(*statements))


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


@pytest.mark.parametrize(
    "action",
    [
        "lambda:CreateFunction",
        "ec2:RunInstances",
        "ecs:RunTask",
        "glue:CreateJob",
        "sagemaker:CreateNotebookInstance",
        "sagemaker:Create*",
        "sagemaker:*",
        "cloudformation:CreateStack",
        "codebuild:CreateProject",
        "datapipeline:ActivatePipeline",
        "DATAPIPELINE:*",
        "states:CreateStateMachine",
    ],
)
def test_pass_role_with_a_service_that_runs_code_escalates(action):
    passing = allow("iam:PassRole")
    assert level(allow(["iam:PassRole", action])) is PrivilegeLevel.ESCALATES
    assert level(passing, allow(action, "arn:aws:x:::one")) is PrivilegeLevel.ESCALATES
    assert level(allow("iam:Pass*", f"arn:aws:iam::{ACCOUNT}:role/*"), allow(action)) is PrivilegeLevel.ESCALATES
    assert level(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/app"), allow(action)) is PrivilegeLevel.ORDINARY
    assert level(passing) is PrivilegeLevel.ORDINARY
    assert level(allow(action)) is PrivilegeLevel.ORDINARY


ALL_ROLES = (
    "arn:*",
    "arn:aws:i*",
    "arn:aws:iam::*",
    "arn:aws:iam::11112222????:role/*",
    f"arn:aws:iam::{ACCOUNT}:r*",
    f"arn:aws:iam::{ACCOUNT}:role*",
    f"arn:aws:iam::{ACCOUNT}:role/?*",
    f"arn:aws:iam::{ACCOUNT}:*/*",
    "*role/*",
)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:DeleteRolePermissionsBoundary", "*"),
        ("iam:DeleteUserPermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:user/*"),
        ("lambda:UpdateFunctionCode", "*"),
        ("lambda:UpdateFunctionCode", "arn:aws:lambda:*:*:function:*"),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/*"),
        ("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/*"),
        ("iam:AddUserToGroup", "arn:aws:iam::*:group/*"),
        ("iam:PutUserPolicy", f"arn:aws:iam::{ACCOUNT}:*"),
        ("sts:AssumeRole", f"arn:aws-us-gov:iam::{ACCOUNT}:role/*"),
        *(("iam:AttachRolePolicy", each) for each in ALL_ROLES),
    ],
)
def test_an_escalating_action_on_all_of_a_kind_escalates(action, resource):
    assert level(allow(action, resource)) is PrivilegeLevel.ESCALATES
    assert level(allow(action, [resource, "arn:aws:s3:::x"])) is PrivilegeLevel.ESCALATES


@pytest.mark.parametrize("principal", [{"AWS": ""}, {"AWS": {"x": 1}}, {"Somebody": "x"}, "", {"AWS": [None]}])
@pytest.mark.parametrize("key", ["Principal", "NotPrincipal"])
def test_a_statement_whose_principal_cannot_be_read_is_unreadable(key, principal):
    assert document({"Effect": "Allow", key: principal, "Action": "*", "Resource": "*"}) is None


@pytest.mark.parametrize("value", [None, {}, ["444455556666"]])
def test_a_condition_with_a_value_that_cannot_be_read_limits_nobody(value):
    assert trust({"StringEquals": {"aws:PrincipalAccount": ["444455556666", value]}}) == EVERYONE


@pytest.mark.parametrize("resource", ["arn:*", "arn:aws:*", "arn:*:*:*:*:*", "arn:aws-cn:*:*", "?*", "**"])
def test_everything_on_every_resource_is_for_administrators_however_it_is_written(resource):
    assert level(allow("*", resource)) is PrivilegeLevel.ADMINISTRATOR


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("*", "arn:aws:*:*:*:*:*:*:*"),
        ("*", "arn:aws-cn:*"),
        ("*", "*:"),
        ("*:*:*", "*"),
        ("????????????????????????????????????????????????*", "*"),
    ],
)
def test_a_denial_of_less_than_everything_hides_no_permission(action, resource):
    denial = {"Effect": "Deny", "Action": action, "Resource": resource}
    assert level(allow("*"), denial) is PrivilegeLevel.ADMINISTRATOR


@pytest.mark.parametrize(
    "text",
    [
        '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Statement": []}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Action": "s3:GetObject", "Resource": "*"}}',
    ],
)
def test_a_document_with_a_repeated_key_is_unreadable(text):
    assert read_document(text) is None


@pytest.mark.parametrize("resource", [f"arn:aws:iam::{ACCOUNT}:role/app-*", f"arn:aws:iam::{ACCOUNT}:role/team/*"])
def test_an_escalating_action_on_some_roles_is_ordinary(resource):
    assert level(allow("iam:AttachRolePolicy", resource)) is PrivilegeLevel.ORDINARY


@pytest.mark.parametrize("pattern", ["*" * 9000 + "x", "a*" * 4000, "?" * 9000, ":" * 9000 + "*x"])
def test_a_hostile_pattern_is_read_fast(pattern):
    assert level(allow(["iam:PassRole", pattern], pattern)) is PrivilegeLevel.ORDINARY
    assert trust({"StringLike": {"aws:PrincipalArn": pattern}}) == EVERYONE
