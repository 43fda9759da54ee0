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
    shows(
        row(login("Failure", "No", userIdentity=HIDDEN, **fields)), outcome="failed", severity="info", understood=True
    )


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
        login("Failure", "No", eventTime=f"2026-01-24T03:0{number}:00Z", eventID=f"e-{number}", **FAILURE, **fields)
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
    one = login("Failure", "No", **FAILURE)
    assert {each["severity"] for each in rows(*[one] * 9)} == {"info"}


def test_failures_outside_the_window_are_no_burst(login, rows):
    far = [
        login("Failure", "No", eventTime=f"2026-01-2{day}T03:00:00Z", eventID=f"e-{day}", **FAILURE) for day in range(5)
    ]
    assert {each["severity"] for each in rows(*far)} == {"info"}


def root_of(account):
    return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}


def root_failures(login, accounts, **fields):
    return [
        login(
            "Failure",
            "No",
            userIdentity=root_of(account),
            recipientAccountId=account,
            eventID=f"e-{number}",
            eventTime=f"2026-01-24T03:00:{number:02}Z",
            **FAILURE | fields,
        )
        for number, account in enumerate(accounts)
    ]


def test_a_failed_sign_in_as_root_is_at_least_low(login, row, shows):
    shows(row(login("Failure", "No", userIdentity=ROOT, **FAILURE)), outcome="failed", severity="low")


def test_root_failures_from_one_address_are_high_from_the_second_account_on(login, rows):
    accounts = [ACCOUNT, ACCOUNT, "444455556666", "999988887777", ACCOUNT]
    found = rows(*root_failures(login, accounts))
    assert [each["severity"] for each in found] == ["low", "low", "high", "high", "high"]
    assert "2 accounts" in found[2]["reasons"][0]
    assert "3 accounts" in found[3]["reasons"][0]


@pytest.mark.parametrize(
    "fields",
    [{"sourceIPAddress": None}, {"sourceIPAddress": ...}, {"userIdentity": {"type": "IAMUser", "userName": "root"}}],
)
def test_without_an_address_or_root_nothing_is_counted_over_accounts(login, rows, fields):
    records = [each | fields for each in root_failures(login, [ACCOUNT, "444455556666", "999988887777"])]
    found = rows(*({key: value for key, value in each.items() if value is not ...} for each in records))
    assert {each["severity"] for each in found} <= {"low", "info"}


def test_root_failures_from_several_addresses_are_no_spraying(login, rows):
    records = root_failures(login, [ACCOUNT, "444455556666", "999988887777"])
    found = rows(*(each | {"sourceIPAddress": f"198.51.100.{index}"} for index, each in enumerate(records)))
    assert {each["severity"] for each in found} == {"low"}


def test_one_address_in_five_accounts_is_a_burst(login, rows):
    accounts = ["111122223333", "444455556666", "999988887777", "222233334444", "555566667777"]
    users = [{"type": "IAMUser", "accountId": each, "userName": f"user-{each}"} for each in accounts]
    records = [
        login(
            "Failure",
            "No",
            userIdentity=user,
            recipientAccountId=user["accountId"],
            eventID=user["userName"],
            **FAILURE,
        )
        for user in users
    ]
    assert [each["severity"] for each in rows(*records)] == ["info"] * 4 + ["high"]


@pytest.mark.parametrize("identity", [ROOT, HIDDEN, None])
def test_a_failure_after_the_right_password_is_medium(login, row, identity):
    fields = {"userIdentity": identity} if identity else {}
    found = row(login("Failure", "Yes", **FAILURE | fields))
    assert (found["severity"], "password was right" in found["reasons"][0]) == ("medium", True)


def credential(login, result="Failure", name="bob@example.com", **fields):
    identity = {"type": "IdentityCenterUser", "arn": "", "accountId": ACCOUNT, "onBehalfOf": {"userId": "9468-1234"}}
    extra = {"AuthWorkflowID": "wf-1", "CredentialType": "PASSWORD", "UserName": name}
    whole = {
        "eventType": "AwsServiceEvent",
        "userIdentity": identity,
        "additionalEventData": extra,
        "serviceEventDetails": {"CredentialVerification": result},
    }
    return login(name="CredentialVerification", responseElements=None, **(whole | fields))


def test_a_password_that_identity_center_refuses_is_a_failed_sign_in(login, row, shows):
    shows(row(credential(login)), family="sign_in", outcome="failed", severity="info", actor="bob@example.com")


@pytest.mark.parametrize("result", ["Success", "success"])
def test_a_password_that_identity_center_accepts_gives_no_row(login, rows, result):
    assert rows(credential(login, result)) == []


@pytest.mark.parametrize(
    "details", [None, {}, "odd", {"CredentialVerification": "Odd"}, {"CredentialVerification": None}]
)
def test_an_unknown_result_of_a_password_check_is_not_understood(login, row, shows, details):
    shows(row(credential(login, serviceEventDetails=details)), understood=False, severity="medium")


@pytest.mark.parametrize("name", ["", None, 7, ["bob"]])
def test_without_a_user_name_the_actor_is_the_user_id(login, row, name):
    found = row(credential(login, name=name))
    assert found["actor"] in {"9468-1234", "7"}


def test_guessed_passwords_of_identity_center_are_a_burst(login, rows):
    records = [
        credential(login, eventID=f"e-{number}", eventTime=f"2026-05-04T09:00:2{number}Z") for number in range(6)
    ]
    assert [each["severity"] for each in rows(*records)] == ["info"] * 4 + ["high", "info"]


@pytest.mark.parametrize("session", ["i-0123456789abcdef0", "i-0a1b2c3d"])
def test_an_instance_role_at_the_console_is_high(login, row, session):
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{session}"
    found = row(login(userIdentity=SSO | {"arn": arn, "principalId": f"AROAEXAMPLE:{session}"}))
    assert (found["severity"], "EC2 instance" in found["reasons"][0]) == ("high", True)


@pytest.mark.parametrize("session", ["i-am-alice", "alice", "i-", "x-i-0123456789abcdef0"])
def test_another_session_at_the_console_is_info(login, row, session):
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/{session}"
    assert row(login(userIdentity=SSO | {"arn": arn, "principalId": f"AROAEXAMPLE:{session}"}))["severity"] == "info"


@pytest.mark.parametrize(
    ("source", "account", "severity"),
    [
        ("arn:aws:iam::222233334444:user/alice@example.com", "222233334444", "medium"),
        ("arn:aws:sts::222233334444:assumed-role/x/y", "222233334444", "medium"),
        ("arn:aws-cn:iam::222233334444:user/alice", "222233334444", "medium"),
        ("arn:aws:iam::444455556666:user/alice", "444455556666", "low"),
        (f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT, "low"),
        (None, None, "info"),
        ("odd", None, "info"),
        (["arn:aws:iam::222233334444:user/alice"], None, "info"),
    ],
)
def test_a_role_switch_names_the_account_it_came_from(login, row, shows, source, account, severity):
    identity = SSO | {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/alice@example.com"}
    record = login(name="SwitchRole", userIdentity=identity, additionalEventData={"SwitchFrom": source})
    kind = "account" if account else None
    shows(row(record), peer=account, peer_kind=kind, severity=severity, actor="alice@example.com (admin)")


def test_a_role_switch_without_a_target_names_the_role_of_the_session(login, results):
    identity = SSO | {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/alice@example.com"}
    record = login(name="SwitchRole", userIdentity=identity, additionalEventData={"SwitchFrom": "x"})
    (alert,) = results(json.dumps(record))
    assert alert.changes[0].change.facts.role == "admin"


def _failures(login, names):
    user = {"type": "Unknown", "accountId": ACCOUNT, "principalId": ACCOUNT, "arn": ""}
    for number, name in enumerate(names):
        yield login(
            name="CredentialVerification",
            eventID=f"{number}",
            userIdentity=user,
            additionalEventData={"UserName": name},
            serviceEventDetails={"CredentialVerification": "Failure"},
        )


def test_the_fifth_failure_of_a_name_is_a_burst_though_its_address_failed_more_often(login, rows):
    found = rows(*_failures(login, ["x", "y", "bob", "bob", "bob", "bob", "bob"]))
    assert [each["severity"] for each in found] == ["info"] * 4 + ["high", "info", "high"]


def test_a_name_in_another_case_is_the_same_name(login, rows):
    records = _failures(login, ["bob", "BOB", "Bob", "bOb", "boB"])
    found = rows(*({**each, "sourceIPAddress": f"198.51.100.{number}"} for number, each in enumerate(records)))
    assert [each["severity"] for each in found] == ["info"] * 4 + ["high"]


def test_every_fifth_of_hundreds_of_failures_is_a_burst(login, rows):
    severities = [each["severity"] for each in rows(*_failures(login, ["bob"] * 230))]
    assert [number for number, each in enumerate(severities, start=1) if each == "high"] == list(range(5, 231, 5))


def test_failures_of_an_earlier_window_are_not_counted_after_hundreds(login, rows):
    later = [each | {"eventTime": "2026-01-24T09:00:00Z"} for each in _failures(login, ["bob"] * 4)]
    records = [*_failures(login, ["bob"] * 230), *({**each, "eventID": f"later-{each['eventID']}"} for each in later)]
    assert [each["severity"] for each in rows(*records)][-4:] == ["info"] * 4
