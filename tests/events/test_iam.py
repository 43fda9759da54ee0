"""IAM: every write gives one row with a plain headline, a severity and its reasons; reads give none."""

import json

import pytest

from gatewatch.model.alert import Alert
from gatewatch.rendering.text import headline as words
from gatewatch.rendering.text.labels import load_labels
from support.paths import TEMPLATES

ACCOUNT, OURS, STRANGER = "111122223333", "444455556666", "555566667777"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
CI = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLEEXAMPLE01:build",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build",
    "accountId": ACCOUNT,
    "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/ci", "userName": "ci"}},
}
REFUSED = {"errorCode": "AccessDenied", "responseElements": None}


def policy(action="*", resource="*", **more):
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource} | more]}, indent=2)


def trust(principal, **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


OWN = {"userName": "alice", "policyName": "p", "policyDocument": policy("s3:*")}


@pytest.fixture(scope="session")
def iam(build):
    def make(name, request=None, response=None, **fields):
        place = {"eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1"}
        return build.record(name, request, response, **(place | fields))

    return make


@pytest.fixture(scope="session")
def said(results):
    english = load_labels(TEMPLATES, "en")

    def run(document):
        (alert,) = [each for each in results(json.dumps(document)) if isinstance(each, Alert)]
        return words.headline(alert, english)

    return run


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("AttachRolePolicy", "attach"),
        ("DetachUserPolicy", "detach"),
        ("CreateUser", "create"),
        ("DeleteRole", "delete"),
        ("PutUserPolicy", "other"),
        ("AddUserToGroup", "other"),
        ("UpdateAccessKey", "other"),
        ("AcquireRole", "other"),
        ("SomethingThatIamLearnsNextYear", "other"),
    ],
)
def test_every_write_is_told_with_the_action_that_its_name_says(iam, row, shows, name, action):
    told = row(iam(name, {"userName": "bob"}))
    shows(told, family="iam", action=action, outcome="applied", understood=True, group_id=None, protocol=None)


@pytest.mark.parametrize("name", ["ListUsers", "GetRole", "SimulatePrincipalPolicy", "GenerateCredentialReport"])
@pytest.mark.parametrize("read_only", [True, False, ...])
def test_a_read_is_nobodys_business(iam, rows, name, read_only):
    assert rows(iam(name, {"userName": "bob"}, readOnly=read_only)) == []


def test_a_call_that_nobody_listed_and_that_says_it_only_reads_is_a_read(iam, rows):
    assert rows(iam("LookAtUsers", {"userName": "bob"}, readOnly=True)) == []


def test_a_listed_write_is_told_even_when_the_record_calls_it_a_read(iam, row):
    assert row(iam("CreateUser", {"userName": "bob"}, readOnly=True))["action"] == "create"


def test_a_write_that_answers_nothing_was_applied(iam, row, shows):
    told = row(iam("AttachRolePolicy", {"roleName": "ci", "policyArn": ADMIN}, None))
    shows(told, outcome="applied", severity="high", resource_id="role/ci", region="us-east-1")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (("AttachRolePolicy", {"roleName": "ci", "policyArn": ADMIN}), "alice gave role ci AdministratorAccess"),
        (
            ("DetachGroupPolicy", {"groupName": "ops", "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/team/Deploy"}),
            "alice took policy Deploy from group ops",
        ),
        (("CreateAccessKey", {"userName": "bob"}), "Access key created for bob by alice"),
        (("UpdateAccessKey", {"userName": "bob", "status": "Inactive"}), "Access key of bob deactivated by alice"),
        (("UpdateAccessKey", {"userName": "bob", "status": "Active"}), "Access key of bob activated by alice"),
        (("AddUserToGroup", {"userName": "bob", "groupName": "admins"}), "alice added user bob to group admins"),
        (("DeactivateMFADevice", {"userName": "bob", "serialNumber": "x"}), "MFA device removed from bob by alice"),
        (
            ("PutUserPolicy", {"userName": "bob", "policyName": "all", "policyDocument": policy()}),
            "alice gave user bob administrator rights by inline policy all",
        ),
        (
            ("UpdateAssumeRolePolicy", {"roleName": "ci", "policyDocument": trust("*")}),
            "alice let everyone assume role ci",
        ),
        (
            ("UpdateAssumeRolePolicy", {"roleName": "ci", "policyDocument": trust({"AWS": STRANGER})}),
            "alice let account 555566667777 assume role ci",
        ),
        (("CreateGroup", {"groupName": "ops"}), "Group ops created by alice"),
        (("DeleteAccountPasswordPolicy", None), "Password policy of the account deleted by alice"),
        (("EnableOrganizationsRootSessions", None), "EnableOrganizationsRootSessions called by alice"),
        (("ChangePassword", None), "alice changed their own password"),
    ],
)
def test_a_headline_says_in_plain_words_who_did_what_to_whom(iam, said, call, sentence):
    assert said(iam(*call)) == sentence


def test_the_mfa_device_of_root_is_named_as_such(iam, said):
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"
    call = iam("DeactivateMFADevice", {"serialNumber": serial}, userIdentity=ROOT)
    assert said(call) == "MFA device removed from root by root"


def test_a_refused_call_without_parameters_still_says_what_it_was_about(iam, said, row, shows):
    message = "User: x is not authorized to perform: iam:AddUserToGroup on resource: group data-team because no policy"
    call = iam("AddUserToGroup", None, errorMessage=message, **REFUSED)
    assert said(call) == "Denied attempt to add a user to group data-team"
    shows(row(call), outcome="denied", severity="low", understood=True)


@pytest.mark.parametrize(
    ("name", "request_", "severity", "reason"),
    [
        ("AttachUserPolicy", {"userName": "bob", "policyArn": ADMIN}, "high", "AdministratorAccess gives"),
        ("AttachUserPolicy", {"userName": "bob", "policyArn": ADMIN.replace("Admin", "Other")}, "low", "more rights"),
        ("AttachUserPolicy", {"userName": "bob", "policyArn": "arn:aws-cn:iam::aws:policy/IAMFullAccess"}, "high", ""),
        ("PutRolePolicy", {"roleName": "r", "policyName": "p", "policyDocument": policy()}, "high", "everything"),
        ("PutRolePolicy", {"roleName": "r", "policyName": "p", "policyDocument": policy("s3:*")}, "low", ""),
        ("CreatePolicy", {"policyName": "p", "policyDocument": policy("iam:PutUserPolicy")}, "medium", "oneself"),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust("*")}, "critical", "anyone"),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"AWS": STRANGER})}, "high", STRANGER),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"AWS": OURS})}, "low", ""),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"Service": "ec2"})}, "low", ""),
        ("CreateAccessKey", {"userName": "bob"}, "medium", "somebody other"),
        ("CreateAccessKey", {"userName": "alice"}, "low", ""),
        ("CreateAccessKey", None, "low", ""),
        ("CreateLoginProfile", {"userName": "bob"}, "medium", "somebody other"),
        ("DeactivateMFADevice", {"userName": "bob"}, "high", "password alone"),
        ("DeleteUserPermissionsBoundary", {"userName": "bob"}, "high", "caps"),
        ("DeleteAccountPasswordPolicy", None, "high", "weak defaults"),
        ("UpdateAccountPasswordPolicy", {"minimumPasswordLength": 6}, "medium", "CIS"),
        ("DetachUserPolicy", {"userName": "bob", "policyArn": DENY_ALL}, "medium", "denied"),
        ("DeleteRolePolicy", {"roleName": "r", "policyName": "DenyEverything"}, "medium", "denied"),
        ("DeleteRolePolicy", {"roleName": "r", "policyName": "s3"}, "info", None),
        ("PutUserPolicy", OWN, "medium", "permissions of the caller"),
        ("SetDefaultPolicyVersion", {"policyArn": "arn:aws:iam::111122223333:policy/p"}, "medium", "version"),
        ("CreateSAMLProvider", {"name": "idp"}, "medium", "vouches"),
        ("CreateServiceLinkedRole", {"aWSServiceName": "ecs.amazonaws.com"}, "info", "AWS manages"),
        ("TagRole", {"roleName": "r"}, "info", None),
    ],
)  # fmt: skip
def test_a_change_is_as_dangerous_as_what_it_allows(iam, row, name, request_, severity, reason):
    told = row(iam(name, request_))
    assert told["severity"] == severity
    assert (told["reasons"] == []) if reason is None else reason in " ".join(told["reasons"])


def test_a_full_password_policy_is_no_weakness(iam, row):
    strong = {
        "minimumPasswordLength": 14,
        "passwordReusePrevention": 24,
        "requireSymbols": True,
        "requireNumbers": True,
    }
    both = {"requireUppercaseCharacters": True, "requireLowercaseCharacters": True}
    assert row(iam("UpdateAccountPasswordPolicy", strong | both))["severity"] == "info"


def test_a_role_that_changes_its_own_permissions_is_told(iam, row):
    request_ = {"roleName": "ci", "policyName": "p", "policyDocument": policy("s3:*")}
    assert row(iam("PutRolePolicy", request_, userIdentity=CI))["severity"] == "medium"


def test_whatever_root_does_is_high_and_its_own_keys_are_critical(iam, row):
    assert row(iam("CreateGroup", {"groupName": "x"}, userIdentity=ROOT))["severity"] == "high"
    told = row(iam("CreateAccessKey", None, {"accessKey": {"accessKeyId": "AKIAEXAMPLE0000000001"}}, userIdentity=ROOT))
    assert told["severity"] == "critical"


def test_a_denied_call_is_one_step_down_and_a_failed_one_is_nothing(iam, row):
    request_ = {"roleName": "ci", "policyArn": ADMIN}
    assert row(iam("AttachRolePolicy", request_, **REFUSED))["severity"] == "medium"
    assert row(iam("AttachRolePolicy", request_, errorCode="NoSuchEntityException"))["severity"] == "info"


@pytest.mark.parametrize(
    "call",
    [
        ("AttachRolePolicy", None),
        ("AttachRolePolicy", {"omitted": True}),
        ("PutRolePolicy", {"roleName": "r", "policyName": "p", "policyDocument": "no json"}),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": 7}),
    ],
)
def test_what_cannot_be_read_is_told_as_such(iam, row, shows, call):
    shows(row(iam(*call)), understood=False, severity="medium", outcome="applied")


def test_no_whole_key_id_leaves_the_room(iam, results):
    key_id = "AKIAEXAMPLE0000ABCDE"
    answer = {"accessKey": {"accessKeyId": key_id, "userName": "bob", "status": "Active"}}
    (alert,) = results(json.dumps(iam("CreateAccessKey", {"userName": "bob"}, answer)))
    assert alert.changes[0].change.facts.key == "AKIA…BCDE"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
    ],
)
def test_the_iam_console_of_the_right_partition_is_one_click_away(iam, results, region, host):
    (alert,) = results(json.dumps(iam("CreateUser", {"userName": "a/b@c"}, awsRegion=region)))
    assert alert.links.iam == f"https://{host}/iam/home?region={region}#/users/details/a%2Fb%40c"


def test_an_isolated_partition_has_no_console(iam, results):
    (alert,) = results(json.dumps(iam("CreateUser", {"userName": "bob"}, awsRegion="us-iso-east-1")))
    assert alert.links.iam == ""
