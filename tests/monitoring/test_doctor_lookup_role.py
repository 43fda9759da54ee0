"""The doctor's checks of the lookup role in the hub and in member accounts."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from moto import mock_aws

from gatewatch.aws.clients import Aws
from gatewatch.aws.sessions import CoreSession
from gatewatch.config.accounts import LOOKUP_ROLE
from gatewatch.config.settings import load_settings
from gatewatch.monitoring.doctor.checks import HealthCheck
from gatewatch.monitoring.doctor.lookup_role import (
    AlertRole,
    gather_alert_role,
    gather_trusted_callers,
    judge_alert_role,
    judge_trusted_callers,
)
from gatewatch.monitoring.doctor.model import CheckStatus, QueryFailed

REGION = "eu-west-1"
ALERT = "arn:aws:iam::999988887777:role/gatewatch-prod-AlertRole-1A2B3C"
ASSUMABLE = f"arn:aws:iam::*:role/{LOOKUP_ROLE}"
NAME = LOOKUP_ROLE.rpartition("/")[2]


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Aws(CoreSession(REGION, ("testing", "testing", "testing")))


def trust(caller=ALERT):
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    condition = {"ArnLike": {"aws:PrincipalArn": caller}} if caller else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]})


def function(aws, *statements):
    role = aws.iam.create_role(RoleName="alert", AssumeRolePolicyDocument=trust(""))["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    aws.iam.put_role_policy(RoleName="alert", PolicyName="alert", PolicyDocument=document)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("a.py", "")
    aws.lambda_.create_function(
        FunctionName="gatewatch-prod-alert",
        Runtime="python3.13",
        Role=role,
        Handler="a.b",
        Code={"ZipFile": code.getvalue()},
    )
    return role


def test_the_assumable_roles_are_read_from_the_policies_of_the_function_role(aws):
    assert isinstance(gather_alert_role(aws, "prod"), QueryFailed)
    other = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/no"}
    role = function(aws, other, denied, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [ASSUMABLE]})
    assert gather_alert_role(aws, "prod") == AlertRole(role, (ASSUMABLE,))


def test_the_trusted_callers_are_read_from_the_trust_policy(aws):
    assert gather_trusted_callers(aws, LOOKUP_ROLE) is None
    aws.iam.create_role(RoleName=NAME, Path="/gatewatch/", AssumeRolePolicyDocument=trust())
    assert gather_trusted_callers(aws, LOOKUP_ROLE) == (ALERT,)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (AlertRole(ALERT, (ASSUMABLE,)), (CheckStatus.OK, f"functions/alert may assume {LOOKUP_ROLE}")),
        (AlertRole(ALERT, ()), (CheckStatus.ERROR, f"functions/alert may not assume {LOOKUP_ROLE}")),
        (
            AlertRole(ALERT, ("arn:aws:iam::*:role/another",)),
            (CheckStatus.ERROR, f"functions/alert may not assume {LOOKUP_ROLE}"),
        ),
        (QueryFailed("AccessDenied"), (CheckStatus.WARNING, "check failed: AccessDenied")),
    ],
)
def test_a_hub_that_may_not_assume_the_lookup_role_is_an_error_with_a_remedy(found, expected):
    (result,) = judge_alert_role(found, {LOOKUP_ROLE})
    assert (result.status, result.detail) == expected
    assert bool(result.remedy) == (result.status is not CheckStatus.OK)
    assert list(judge_alert_role(found, ())) == []


@pytest.mark.parametrize(
    ("callers", "alert", "expected"),
    [
        ((ALERT,), AlertRole(ALERT, ()), CheckStatus.OK),
        ((ALERT.replace("1A2B3C", "*"),), AlertRole(ALERT, ()), CheckStatus.OK),
        ((ALERT.replace("1A2B3C", "9Z8Y7X"),), AlertRole(ALERT, ()), CheckStatus.ERROR),
        ((), AlertRole(ALERT, ()), CheckStatus.ERROR),
        ((ALERT,), QueryFailed("AccessDenied"), CheckStatus.OK),
        (None, AlertRole(ALERT, ()), CheckStatus.ERROR),
        (QueryFailed("AccessDenied"), AlertRole(ALERT, ()), CheckStatus.WARNING),
    ],
)
def test_a_member_role_that_is_missing_or_trusts_another_caller_is_an_error(callers, alert, expected):
    result = judge_trusted_callers("here", LOOKUP_ROLE, callers, alert)
    assert result.status is expected
    assert ("members.lookups" in result.remedy) == (expected is not CheckStatus.OK)


@pytest.mark.parametrize(
    ("read_role", "expected"), [("", []), (LOOKUP_ROLE, [("hub", "lookup role"), ("a 1", "lookup role")])]
)
def test_the_lookup_role_is_checked_once_per_account_and_only_when_configured(aws, tmp_path, read_role, expected):
    accounts, policy = tmp_path / "accounts.yaml", tmp_path / "policy.yaml"
    accounts.write_text(f'accounts: {{"111122223333": {{alias: a, read_role: "{read_role}"}}}}')
    policy.write_text("routes: [{to: [alerts]}]")
    aws.events.create_event_bus(Name="gatewatch-prod")
    health_check = HealthCheck(
        aws=aws,
        settings=load_settings(accounts, policy),
        stage="prod",
        session_for=lambda _origin: aws,
        now=0,
        regions=("eu-west-1", "us-east-1"),
    )
    results = [(each.where[:3], each.check) for each in health_check.results() if each.check == "lookup role"]
    assert results == expected
