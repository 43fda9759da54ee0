"""Sign-ins, successful and failed, with and without MFA."""

import json

import pytest

ACCOUNT = "111122223333"
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
SSO = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLEEXAMPLE01:alice@example.com",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com",
    "accountId": ACCOUNT,
}
HIDDEN = {"type": "IAMUser", "accountId": ACCOUNT, "accessKeyId": "", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}
FAILURE = {"errorMessage": "Failed authentication"}


@pytest.fixture(scope="session")
def login(build):
    def make(result="Success", mfa="Yes", name="ConsoleLogin", **fields):
        whole = {
            "eventSource": "signin.amazonaws.com",
            "eventType": "AwsConsoleSignIn",
            "additionalEventData": {"MFAUsed": mfa, "LoginTo": "https://console.aws.amazon.com"},
        }
        return build.record(name, None, {name: result}, **(whole | fields))

    return make


@pytest.mark.parametrize(
    ("user", "mfa", "severity", "reason"),
    [
        (None, "Yes", "info", ""),
        (None, "No", "medium", "signed in without MFA"),
        (ROOT, "Yes", "high", "the root user signed in"),
        (ROOT, "No", "critical", "signed in without MFA"),
        (SSO, "No", "info", ""),
        (None, None, "info", ""),
    ],
)
def test_severity_of_a_sign_in_depends_on_identity_and_mfa(login, row, user, mfa, severity, reason):
    identity = {"userIdentity": user} if user else {}
    shown = row(login(mfa=mfa, **identity))
    assert (shown["family"], shown["action"], shown["outcome"]) == ("sign_in", "other", "applied")
    assert shown["severity"] == severity
    assert reason in " ".join(shown["reasons"])


def test_an_identity_center_session_names_the_person(login, row):
    assert row(login(userIdentity=SSO))["actor"] == "alice@example.com (AWSReservedSSO_Admin_0123456789abcdef)"


@pytest.mark.parametrize("fields", [FAILURE, {}, {"errorMessage": "No username found in supplied account"}])
def test_a_failed_sign_in_is_recognized_by_message_or_response(login, row, shows, fields):
    shows(row(login("Failure", userIdentity=HIDDEN, **fields)), outcome="failed", severity="info", understood=True)


@pytest.mark.parametrize("additional", [None, ..., {}, "odd", {"MFAUsed": 7}])
def test_a_sign_in_without_additional_data_is_info(login, row, shows, additional):
    shows(row(login(additionalEventData=additional)), severity="info", understood=True)


@pytest.mark.parametrize("detail_type", ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"])
def test_both_spellings_of_the_detail_type_are_read(login, row, build, detail_type):
    envelope = build.event(login(), **{"detail-type": detail_type, "source": "aws.signin"})
    assert row(envelope)["event_name"] == "ConsoleLogin"


@pytest.mark.parametrize("name", ["CheckMfa", "GetSigninToken", "RenewRole", "CredentialChallenge"])
def test_the_steps_of_a_sign_in_give_no_row(login, rows, name):
    assert rows(login(name=name)) == []


def test_a_role_switch_names_the_role(login, results):
    extra = {"SwitchTo": "arn:aws:iam::444455556666:role/ops", "RedirectTo": "https://x"}
    (alert,) = results(json.dumps(login(name="SwitchRole", additionalEventData=extra)))
    assert alert.changes[0].change.facts.role == "arn:aws:iam::444455556666:role/ops"


def test_the_recovery_of_a_password_is_high(login, row, shows):
    shows(row(login(name="PasswordRecoveryRequested", userIdentity=ROOT)), severity="high")


def failures(login, count, **fields):
    return [
        login("Failure", eventTime=f"2026-01-24T03:0{number}:00Z", eventID=f"e-{number}", **FAILURE, **fields)
        for number in range(count)
    ]


def test_every_fifth_failure_within_minutes_is_a_burst(login, rows):
    found = rows(*failures(login, 10))
    assert [each["severity"] for each in found] == ["info"] * 4 + ["high"] + ["info"] * 4 + ["high"]
    assert "5 failed sign-ins within 10 minutes" in found[4]["reasons"][0]


def test_many_names_from_one_address_are_a_burst(login, rows):
    found = rows(*failures(login, 5, userIdentity=HIDDEN))
    assert found[-1]["severity"] == "high"


def test_a_duplicate_event_counts_once(login, rows):
    one = login("Failure", **FAILURE)
    assert {each["severity"] for each in rows(*[one] * 9)} == {"info"}


def test_failures_outside_the_window_are_no_burst(login, rows):
    far = [login("Failure", eventTime=f"2026-01-2{day}T03:00:00Z", eventID=f"e-{day}", **FAILURE) for day in range(5)]
    assert {each["severity"] for each in rows(*far)} == {"info"}
