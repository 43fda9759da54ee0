"""Actor and access method, for every kind of `userIdentity`, user agent and source address."""

import json

import pytest

from gatewatch.events.user_identity import with_credentials
from gatewatch.model.api_call import Actor
from support.limits import ends

SSO_ROLE = "AWSReservedSSO_Admin_0123456789abcdef"
ISSUER = {
    "type": "Role",
    "arn": f"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/{SSO_ROLE}",
    "userName": SSO_ROLE,
}
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@pytest.mark.parametrize(
    ("user", "actor", "actor_type"),
    [
        ({"type": "IAMUser", "userName": "alice+ops@example.com"}, "alice+ops@example.com", "IAMUser"),
        ({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice"}, "alice", "IAMUser"),
        ({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/team/a/alice"}, "alice", "IAMUser"),
        ({"type": "IAMUser", "accountId": "111122223333", "userName": HIDDEN}, "unknown", "IAMUser"),
        ({"type": "IAMUser", "userName": ""}, "unknown", "IAMUser"),
        ({"type": "Root", "arn": "arn:aws:iam::111122223333:root", "principalId": "111122223333"}, "root", "Root"),
        ({"type": "Root", "userName": "the-alias"}, "root", "Root"),
        (
            {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLEEXAMPLE01:alice@example.com",
                "arn": f"arn:aws:sts::111122223333:assumed-role/{SSO_ROLE}/alice@example.com",
                "sessionContext": {"sessionIssuer": ISSUER},
            },
            f"alice@example.com ({SSO_ROLE})",
            "AssumedRole",
        ),
        (
            {"type": "AssumedRole", "principalId": "AROA1:ci", "sessionContext": {"sessionIssuer": ISSUER}},
            f"ci ({SSO_ROLE})",
            "AssumedRole",
        ),
        (
            {"type": "AssumedRole", "arn": "arn:aws-us-gov:sts::111122223333:assumed-role/deploy/i-01"},
            "i-01 (deploy)",
            "AssumedRole",
        ),
        (
            {"type": "AssumedRole", "principalId": "AROA1:ci", "sessionContext": {"sessionIssuer": {}}},
            "ci",
            "AssumedRole",
        ),
        (
            {"type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/bob", "principalId": "1:bob"},
            "bob",
            "FederatedUser",
        ),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com", "AWSService"),
        ({"accountId": "111122223333", "invokedBy": "ec2.amazonaws.com"}, "ec2.amazonaws.com", "unknown"),
        ({"type": "AWSAccount", "principalId": "AROA1:ci", "accountId": "444455556666"}, "ci", "AWSAccount"),
        ({"type": "AWSAccount", "accountId": "444455556666"}, "account 444455556666", "AWSAccount"),
        (
            {"type": "AWSAccount", "principalId": "AIDA1", "accountId": "444455556666"},
            "account 444455556666",
            "AWSAccount",
        ),
        ({"type": "WebIdentityUser", "principalId": "arn:x:aud:sub", "userName": "sub"}, "sub", "WebIdentityUser"),
        ({"type": "SAMLUser", "principalId": "x:bob", "userName": "bob"}, "bob", "SAMLUser"),
        (
            {"type": "IdentityCenterUser", "arn": "", "onBehalfOf": {"userId": "00000000-0000"}},
            "00000000-0000",
            "IdentityCenterUser",
        ),
        ({"type": "Directory", "directoryId": "d-1234567890"}, "d-1234567890", "Directory"),
        ({"type": "Unknown", "principalId": "", "arn": "", "userName": "", "accountId": "1"}, "unknown", "Unknown"),
        (
            {"type": "Unknown", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci"},
            "ci (deploy)",
            "Unknown",
        ),
        ({}, "unknown", "unknown"),
        (None, "unknown", "unknown"),
        ("alice", "unknown", "unknown"),
        (["alice"], "unknown", "unknown"),
        ({"type": 7, "arn": [], "userName": {}, "sessionContext": "x", "principalId": None}, "unknown", "7"),
    ],
)
def test_the_actor_is_the_best_name_that_the_event_holds(user, actor, actor_type, build, row, shows):
    made = build.authorize(build.item(v4=["10.0.0.0/8"]), userIdentity=user)
    shows(row(made), actor=actor, actor_type=actor_type)


TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) aws-sdk-go-v2/1.30"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
CLOUDSHELL = "aws-cli/2.18.17 md/awscrt exec-env/CloudShell lang/python#3.11"


@pytest.mark.parametrize(
    ("via", "fields", "invoked_by"),
    [
        ("cli", {"userAgent": "aws-cli/1.16.1 Python/3.6"}, None),
        ("cli", {"userAgent": CLOUDSHELL}, None),
        ("cli", {"userAgent": CLOUDSHELL, "sessionCredentialFromConsole": "true"}, None),
        ("sdk", {"userAgent": "Boto3/1.34 md/Botocore#1.34"}, None),
        ("sdk", {"userAgent": "aws-sdk-go-v2/1.30.3 os/linux"}, None),
        ("terraform", {"userAgent": TERRAFORM}, None),
        ("terraform", {"userAgent": "x" * 400 + " HashiCorp/1.0 Terraform/1.5"}, None),
        ("console", {"userAgent": "signin.amazonaws.com"}, None),
        ("console", {"userAgent": "console.ec2.amazonaws.com"}, None),
        ("console", {"userAgent": BROWSER}, None),
        ("console", {"userAgent": "whatever", "sessionCredentialFromConsole": "true"}, None),
        ("console", {"userAgent": "AWS Internal", "sourceIPAddress": "AWS Internal"}, None),
        ("console", {"userAgent": "odd"}, "signin.amazonaws.com"),
        ("cloudformation", {"userAgent": "cloudformation.amazonaws.com"}, "cloudformation.amazonaws.com"),
        ("cloudformation", {"sourceIPAddress": "cloudformation.amazonaws.com", "userAgent": ...}, None),
        ("service", {"userAgent": "elasticloadbalancing.amazonaws.com"}, "elasticloadbalancing.amazonaws.com"),
        ("service", {"sourceIPAddress": "rds.amazonaws.com", "userAgent": ...}, None),
        ("unknown", {"userAgent": ...}, None),
        ("unknown", {"userAgent": "curl/8"}, None),
        ("unknown", {"userAgent": {"odd": 1}}, None),
    ],
)
def test_the_access_method_follows_agent_address_and_invoker(via, fields, invoked_by, build, row, shows):
    user = build.ALICE | ({"invokedBy": invoked_by} if invoked_by else {})
    shows(row(build.authorize(build.item(v4=["10.0.0.0/8"]), userIdentity=user, **fields)), via=via)


def test_a_person_in_the_console_is_not_a_service(build, row, shows):
    user = build.ALICE | {"invokedBy": "signin.amazonaws.com"}
    made = build.authorize(build.item(v4=["10.0.0.0/8"]), userIdentity=user, userAgent="signin.amazonaws.com")
    shows(row(made), actor="alice", via="console")


@pytest.mark.parametrize("address", ["AWS Internal", "...", "2001:db8::1", "256.44.44.11", "rds.amazonaws.com"])
def test_the_source_address_is_given_as_written(address, build, row, shows):
    shows(row(build.authorize(build.item(v4=["10.0.0.0/8"]), sourceIPAddress=address)), source_ip=address)


def test_an_absent_source_address_is_null(build, row, shows):
    shows(row(build.authorize(build.item(v4=["10.0.0.0/8"]), sourceIPAddress=...)), source_ip=None)


def test_a_hostile_user_agent_is_read_in_linear_time(build, results):
    made = build.authorize(build.item(v4=["10.0.0.0/8"]), userAgent="HashiCorp/" * 500_000)
    with ends():
        assert len(results(json.dumps(made))) == 1


def attributes(value):
    return {"sessionContext": {"attributes": {"mfaAuthenticated": value}}}


@pytest.mark.parametrize(
    ("user", "mfa"),
    [
        ({"type": "IAMUser"} | attributes("true"), True),
        ({"type": "IAMUser"} | attributes("false"), False),
        ({"type": "Root"} | attributes("false"), False),
        ({"type": "AssumedRole"} | attributes("true"), True),
        ({"type": "AssumedRole"} | attributes("false"), None),
        ({"type": "IAMUser"}, None),
        ({"type": "IAMUser", "sessionContext": {"attributes": ["x"]}}, None),
        ("not an object", None),
    ],
)
def test_mfa_is_known_where_the_event_tells_it(user, mfa):
    kind = user["type"] if isinstance(user, dict) else "IAMUser"
    assert with_credentials(Actor("alice", kind), user).mfa is mfa


@pytest.mark.parametrize(
    ("key", "shown"), [("AKIAIOSFODNN7EXAMPLE", "AKIA…MPLE"), ("", ""), (None, ""), ({"a": 1}, ""), (HIDDEN, "")]
)
def test_an_access_key_is_masked(key, shown):
    assert with_credentials(Actor("alice", "IAMUser"), {"accessKeyId": key}).access_key == shown
