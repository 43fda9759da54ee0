"""Low IAM changes of deployment roles and CloudFormation are info; nothing else is, and no user agent counts."""

import json

import pytest

from gatewatch.alerts.pipeline import Assessor, assess_call
from gatewatch.alerts.rule_history import InMemoryRuleHistory
from gatewatch.config.settings import load_settings
from gatewatch.errors import ConfigurationError
from gatewatch.events.decoding import decode
from support.builders import ACCOUNT, record
from support.paths import ROOT

HOST = "cloudformation.amazonaws.com"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
APP = {"roleName": "app", "assumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})}


def policy(tmp_path, *patterns):
    text = (ROOT / "policy.yaml").read_text("utf-8")
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace("deployment_roles: []", f"deployment_roles: {list(patterns)}"))
    return load_settings(ROOT / "accounts.yaml", path)


@pytest.fixture
def severity(tmp_path):
    settings = policy(tmp_path, f"arn:aws:iam::{ACCOUNT}:role/deploy-*")

    def assess(name, request, **fields):
        (call,) = decode(record(name, request, eventSource="iam.amazonaws.com", **fields))
        return assess_call(call, Assessor(settings, InMemoryRuleHistory())).severity.value

    return assess


def session(role, name="terraform"):
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "userName": role.rpartition("/")[2]}
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{issuer['userName']}/{name}"
    return {"type": "AssumedRole", "arn": arn, "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": issuer}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"userIdentity": session("deploy-prod")}, "info"),
        ({"userIdentity": session("deploy-prod") | {"invokedBy": HOST}}, "info"),
        ({"sourceIPAddress": HOST}, "info"),
        ({"userIdentity": session("Developer", "deploy-prod")}, "low"),
        ({"userIdentity": session("x/deploy-prod")}, "low"),
        ({"userAgent": HOST}, "low"),
        ({"userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.11"}, "low"),
        ({"userIdentity": {"type": "Root", "accountId": ACCOUNT}, "sourceIPAddress": "198.51.100.7"}, "high"),
    ],
)
def test_a_low_change_is_info_by_role_or_cloudformation_only(severity, fields, expected):
    assert severity("CreateRole", APP, **fields) == expected


@pytest.mark.parametrize("fields", [{"userIdentity": session("deploy-prod")}, {"sourceIPAddress": HOST}])
def test_a_more_severe_or_denied_change_stays(severity, fields):
    assert severity("AttachRolePolicy", {"roleName": "app", "policyArn": ADMINISTRATOR}, **fields) == "high"
    assert severity("CreateRole", APP, **fields, errorCode="AccessDenied") == "low"


@pytest.mark.parametrize("pattern", ["deploy-*", "*", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::1:role/x"])
def test_a_pattern_that_is_no_role_arn_is_rejected(tmp_path, pattern):
    with pytest.raises(ConfigurationError, match="deployment_roles"):
        policy(tmp_path, pattern)
