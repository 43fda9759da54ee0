"""The doctor looks whether members let functions/alert in, where accounts.yaml says that they do."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from moto import mock_aws

from gatewatch.aws.clients import Aws, CoreSession
from gatewatch.config.accounts import READ_ROLE
from gatewatch.config.settings import load_settings
from gatewatch.monitoring.doctor.checks import Examination
from gatewatch.monitoring.doctor.lookup_role import (
    AlertRole,
    gather_alert_role,
    gather_callers,
    judge_alert_role,
    judge_callers,
)
from gatewatch.monitoring.doctor.model import Light, Unseen

REGION = "eu-west-1"
ALERT = "arn:aws:iam::999988887777:role/gatewatch-prod-AlertRole-1A2B3C"
TAKES = f"arn:aws:iam::*:role/{READ_ROLE}"
NAME = READ_ROLE.rpartition("/")[2]


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
    aws.functions.create_function(
        FunctionName="gatewatch-prod-alert",
        Runtime="python3.13",
        Role=role,
        Handler="a.b",
        Code={"ZipFile": code.getvalue()},
    )
    return role


def test_what_the_role_of_the_function_may_take_is_read_from_its_policies(aws):
    assert isinstance(gather_alert_role(aws, "prod"), Unseen)
    other = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/no"}
    role = function(aws, other, denied, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [TAKES]})
    assert gather_alert_role(aws, "prod") == AlertRole(role, (TAKES,))


def test_who_may_take_the_role_of_a_member_is_read_from_its_trust(aws):
    assert gather_callers(aws, READ_ROLE) is None
    aws.iam.create_role(RoleName=NAME, Path="/gatewatch/", AssumeRolePolicyDocument=trust())
    assert gather_callers(aws, READ_ROLE) == (ALERT,)


def light(findings):
    return [(each.light, each.said) for each in findings]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (AlertRole(ALERT, (TAKES,)), (Light.GREEN, f"functions/alert may take {READ_ROLE}")),
        (AlertRole(ALERT, ()), (Light.RED, f"functions/alert may not take {READ_ROLE}")),
        (AlertRole(ALERT, ("arn:aws:iam::*:role/another",)), (Light.RED, f"functions/alert may not take {READ_ROLE}")),
        (Unseen("AccessDenied"), (Light.YELLOW, "could not look: AccessDenied")),
    ],
)
def test_the_hub_may_take_the_role_that_accounts_yaml_names_or_says_what_to_deploy(found, expected):
    (finding,) = judge_alert_role(found, {READ_ROLE})
    assert (finding.light, finding.said) == expected
    assert bool(finding.remedy) == (finding.light is not Light.GREEN)
    assert list(judge_alert_role(found, ())) == []


@pytest.mark.parametrize(
    ("callers", "alert", "expected"),
    [
        ((ALERT,), AlertRole(ALERT, ()), Light.GREEN),
        ((ALERT.replace("1A2B3C", "*"),), AlertRole(ALERT, ()), Light.GREEN),
        ((ALERT.replace("1A2B3C", "9Z8Y7X"),), AlertRole(ALERT, ()), Light.RED),
        ((), AlertRole(ALERT, ()), Light.RED),
        ((ALERT,), Unseen("AccessDenied"), Light.GREEN),
        (None, AlertRole(ALERT, ()), Light.RED),
        (Unseen("AccessDenied"), AlertRole(ALERT, ()), Light.YELLOW),
    ],
)
def test_a_member_without_the_role_or_with_one_for_somebody_else_is_told(callers, alert, expected):
    finding = judge_callers("here", READ_ROLE, callers, alert)
    assert finding.light is expected
    assert ("SurveyorArn" in finding.remedy) == (expected is not Light.GREEN)


@pytest.mark.parametrize(("read_role", "told"), [("", []), (READ_ROLE, [("hub", "read role"), ("a 1", "read role")])])
def test_an_account_is_looked_at_once_and_only_if_it_is_to_be_asked(aws, tmp_path, read_role, told):
    accounts, policy = tmp_path / "accounts.yaml", tmp_path / "policy.yaml"
    accounts.write_text(f'accounts: {{"111122223333": {{alias: a, read_role: "{read_role}"}}}}')
    policy.write_text("routes: [{to: [alerts]}]")
    aws.events.create_event_bus(Name="gatewatch-prod")
    examination = Examination(
        aws=aws,
        settings=load_settings(accounts, policy),
        stage="prod",
        enter=lambda _place: aws,
        now=0,
        regions=("eu-west-1", "us-east-1"),
    )
    found = [(each.where[:3], each.what) for each in examination.findings() if each.what == "read role"]
    assert found == told
