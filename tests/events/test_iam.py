"""IAM: every write gives one row with a plain headline, a severity and its reasons; reads give none."""

import json
from urllib.parse import quote

import pytest

from gatewatch.model.alert import Alert
from gatewatch.rendering.text.headline import alert_headline
from gatewatch.rendering.text.labels import load_labels
from support.paths import TEMPLATES
from support.rendering import sns_bodies

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
def headline(results):
    english = load_labels(TEMPLATES, "en")

    def run(document):
        (alert,) = [each for each in results(json.dumps(document)) if isinstance(each, Alert)]
        return alert_headline(alert, english)

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
        ("SomethingThatIamLearnsNextYear", "other"),
    ],
)
def test_every_write_gives_a_row_with_the_action_of_its_name(iam, row, shows, name, action):
    shown = row(iam(name, {"userName": "bob"}))
    shows(shown, family="iam", action=action, outcome="applied", group_id=None, protocol=None)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("AttachRolePolicy", {"roleName": "ci"}),
        ("AttachRolePolicy", {"roleName": "ci", "policyArn": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
        ("AttachUserPolicy", {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("PutUserPolicy", {"userName": "bob", "policyName": "p"}),
        ("CreatePolicy", {"policyName": "p"}),
        ("CreatePolicyVersion", {"policyArn": "arn:aws:iam::111122223333:policy/p"}),
        ("UpdateAssumeRolePolicy", {"roleName": "ci"}),
        ("CreateRole", {"roleName": "ci", "assumeRolePolicyDocument": None}),
        ("AddUserToGroup", {"userName": "bob"}),
    ],
)
def test_a_call_without_what_it_must_name_is_not_understood(iam, row, shows, name, request_):
    shows(row(iam(name, request_)), severity="medium", understood=False)


@pytest.mark.parametrize(("policy", "severity"), [("AdministratorAccess", "high"), ("ReadOnlyAccess", "low")])
def test_a_boundary_that_limits_nothing_is_as_severe_as_none(iam, row, policy, severity):
    request = {"roleName": "ci", "permissionsBoundary": f"arn:aws:iam::aws:policy/{policy}"}
    assert row(iam("PutRolePermissionsBoundary", request))["severity"] == severity


@pytest.mark.parametrize(("status", "severity"), [("Inactive", "info"), ("Active", "medium"), (7, "medium")])
def test_only_the_word_inactive_switches_a_key_off(iam, row, status, severity):
    shown = row(iam("UpdateAccessKey", {"userName": "bob", "accessKeyId": "AKIAEXAMPLE00000063A6", "status": status}))
    assert shown["severity"] == severity


@pytest.mark.parametrize("name", ["ListUsers", "GetRole", "SimulatePrincipalPolicy", "GenerateCredentialReport"])
@pytest.mark.parametrize("read_only", [True, False, ...])
def test_a_read_gives_no_row(iam, rows, name, read_only):
    assert rows(iam(name, {"userName": "bob"}, readOnly=read_only)) == []


def test_an_unlisted_read_only_call_gives_no_row(iam, rows):
    assert rows(iam("LookAtUsers", {"userName": "bob"}, readOnly=True)) == []


def test_a_listed_write_is_reported_even_when_the_record_says_read_only(iam, row):
    assert row(iam("CreateUser", {"userName": "bob"}, readOnly=True))["action"] == "create"


def test_a_write_with_a_null_response_is_applied(iam, row, shows):
    shown = row(iam("AttachRolePolicy", {"roleName": "ci", "policyArn": ADMIN}, None))
    shows(shown, outcome="applied", severity="high", resource_id="role/ci", region="us-east-1")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            ("AttachRolePolicy", {"roleName": "ci", "policyArn": ADMIN}),
            "Policy AdministratorAccess attached to role ci by alice",
        ),
        (
            ("DetachGroupPolicy", {"groupName": "ops", "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/team/Deploy"}),
            "Policy Deploy detached from group ops by alice",
        ),
        (("CreateAccessKey", {"userName": "bob"}), "Access key created for bob by alice"),
        (("UpdateAccessKey", {"userName": "bob", "status": "Inactive"}), "Access key of bob deactivated by alice"),
        (("UpdateAccessKey", {"userName": "bob", "status": "Active"}), "Access key of bob activated by alice"),
        (("AddUserToGroup", {"userName": "bob", "groupName": "admins"}), "User bob added to group admins by alice"),
        (("DeactivateMFADevice", {"userName": "bob", "serialNumber": "x"}), "MFA device removed from bob by alice"),
        (
            ("PutUserPolicy", {"userName": "bob", "policyName": "all", "policyDocument": policy()}),
            "Administrator rights granted to user bob by alice through inline policy all",
        ),
        (
            ("UpdateAssumeRolePolicy", {"roleName": "ci", "policyDocument": trust("*")}),
            "Role ci can now be assumed by anyone",
        ),
        (
            ("UpdateAssumeRolePolicy", {"roleName": "ci", "policyDocument": trust({"AWS": STRANGER})}),
            "Role ci can now be assumed by other accounts (555566667777)",
        ),
        (("CreateGroup", {"groupName": "ops"}), "Group ops created by alice"),
        (("DeleteAccountPasswordPolicy", None), "Account password policy deleted by alice"),
        (("EnableOrganizationsRootSessions", None), "EnableOrganizationsRootSessions called by alice"),
        (("ChangePassword", None), "alice changed their own password"),
    ],
)
def test_a_headline_names_actor_operation_and_entity(iam, headline, call, sentence):
    assert headline(iam(*call)) == sentence


def test_a_headline_names_a_role_session_without_its_role(iam, headline, row):
    session = {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/carol@example.com",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/Admin"}},
    }
    call = iam("CreateAccessKey", {"userName": "bob"}, userIdentity=session)
    assert row(call)["actor"] == "carol@example.com (Admin)"
    assert headline(call) == "Access key created for bob by carol@example.com"


def test_removing_the_mfa_device_of_root_names_the_root_user(iam, headline):
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"
    call = iam("DeactivateMFADevice", {"serialNumber": serial}, userIdentity=ROOT)
    assert headline(call) == "MFA device removed from root by root"


def test_a_denied_call_without_parameters_names_its_resource(iam, headline, row, shows):
    message = "User: x is not authorized to perform: iam:AddUserToGroup on resource: group data-team because no policy"
    call = iam("AddUserToGroup", None, errorMessage=message, **REFUSED)
    assert headline(call) == "Denied attempt to add a user to group data-team"
    shows(row(call), outcome="denied", severity="low", understood=True)


@pytest.mark.parametrize(
    ("name", "request_", "severity", "reason"),
    [
        ("AttachUserPolicy", {"userName": "bob", "policyArn": ADMIN}, "high", "AdministratorAccess grants"),
        ("AttachUserPolicy", {"userName": "bob", "policyArn": ADMIN.replace("Admin", "Other")}, "low", "additional"),
        ("AttachUserPolicy", {"userName": "bob", "policyArn": "arn:aws-cn:iam::aws:policy/IAMFullAccess"}, "high", ""),
        ("PutRolePolicy", {"roleName": "r", "policyName": "p", "policyDocument": policy()}, "high", "everything"),
        ("PutRolePolicy", {"roleName": "r", "policyName": "p", "policyDocument": policy("s3:*")}, "low", ""),
        ("CreatePolicy", {"policyName": "p", "policyDocument": policy("iam:PutUserPolicy")}, "medium", "escalation"),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust("*")}, "critical", "anyone"),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"AWS": STRANGER})}, "high", STRANGER),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"AWS": OURS})}, "low", ""),
        ("CreateRole", {"roleName": "r", "assumeRolePolicyDocument": trust({"Service": "ec2"})}, "low", ""),
        ("CreateAccessKey", {"userName": "bob"}, "medium", "someone other"),
        ("CreateAccessKey", {"userName": "alice"}, "low", ""),
        ("CreateAccessKey", None, "low", ""),
        ("CreateLoginProfile", {"userName": "bob"}, "medium", "someone other"),
        ("DeactivateMFADevice", {"userName": "bob"}, "high", "password alone"),
        ("DeleteUserPermissionsBoundary", {"userName": "bob"}, "high", "limit the permissions"),
        ("DeleteAccountPasswordPolicy", None, "high", "default password policy"),
        ("UpdateAccountPasswordPolicy", {"minimumPasswordLength": 6}, "medium", "CIS"),
        ("DetachUserPolicy", {"userName": "bob", "policyArn": DENY_ALL}, "medium", "denied"),
        ("DeleteRolePolicy", {"roleName": "r", "policyName": "DenyEverything"}, "medium", "denied"),
        ("DeleteRolePolicy", {"roleName": "r", "policyName": "s3"}, "info", None),
        ("PutUserPolicy", OWN, "medium", "caller's own permissions"),
        ("SetDefaultPolicyVersion", {"policyArn": "arn:aws:iam::111122223333:policy/p"}, "medium", "version"),
        ("CreateSAMLProvider", {"name": "idp"}, "medium", "authenticates"),
        ("CreateServiceLinkedRole", {"aWSServiceName": "ecs.amazonaws.com"}, "info", "managed by AWS"),
        ("TagRole", {"roleName": "r"}, "info", None),
    ],
)  # fmt: skip
def test_severity_follows_the_permissions_granted(iam, row, name, request_, severity, reason):
    shown = row(iam(name, request_))
    assert shown["severity"] == severity
    assert (shown["reasons"] == []) if reason is None else reason in " ".join(shown["reasons"])


def test_a_password_policy_that_meets_cis_is_not_weak(iam, row):
    strong = {
        "minimumPasswordLength": 14,
        "passwordReusePrevention": 24,
        "requireSymbols": True,
        "requireNumbers": True,
    }
    both = {"requireUppercaseCharacters": True, "requireLowercaseCharacters": True}
    assert row(iam("UpdateAccountPasswordPolicy", strong | both))["severity"] == "info"


def test_a_role_that_changes_its_own_permissions_is_high(iam, row):
    request_ = {"roleName": "ci", "policyName": "p", "policyDocument": policy("s3:*")}
    assert row(iam("PutRolePolicy", request_, userIdentity=CI))["severity"] == "medium"


def test_calls_by_root_are_high_and_its_own_keys_are_critical(iam, row):
    assert row(iam("CreateGroup", {"groupName": "x"}, userIdentity=ROOT))["severity"] == "high"
    shown = row(
        iam("CreateAccessKey", None, {"accessKey": {"accessKeyId": "AKIAEXAMPLE0000000001"}}, userIdentity=ROOT)
    )
    assert shown["severity"] == "critical"


def test_a_denied_call_is_one_level_lower_and_a_failed_one_is_info(iam, row):
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
def test_an_unreadable_call_is_not_understood(iam, row, shows, call):
    shows(row(iam(*call)), understood=False, severity="medium", outcome="applied")


def test_no_message_holds_a_whole_access_key_id(iam, results):
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
def test_the_iam_console_link_is_in_the_partition_of_the_event(iam, results, region, host):
    (alert,) = results(json.dumps(iam("CreateUser", {"userName": "a/b@c"}, awsRegion=region)))
    assert alert.links.iam == f"https://{host}/iam/home?region={region}#/users/details/a%2Fb%40c"


def test_an_isolated_partition_has_no_console(iam, results):
    (alert,) = results(json.dumps(iam("CreateUser", {"userName": "bob"}, awsRegion="us-iso-east-1")))
    assert alert.links.iam == ""


QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
DENY_ONLY = json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})


@pytest.mark.parametrize(
    ("name", "request_", "reason"),
    [
        ("AttachUserPolicy", {"policyArn": QUARANTINE}, "exposed"),
        ("AttachUserPolicy", {"policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine"}, "exposed"),
        ("AttachUserPolicy", {"policyArn": "arn:aws-us-gov:iam::aws:policy/AWSCompromisedKeyQuarantineV2"}, "exposed"),
        (
            "PutUserPolicy",
            {"policyName": "AWSExposedCredentialPolicy_DO_NOT_REMOVE", "policyDocument": DENY_ONLY},
            "exposed",
        ),
        ("DetachUserPolicy", {"policyArn": QUARANTINE}, "lifted"),
        ("DeleteUserPolicy", {"policyName": "AWSExposedCredentialPolicy_DO_NOT_REMOVE"}, "lifted"),
    ],
)
def test_a_user_that_aws_put_in_quarantine_is_high(iam, row, name, request_, reason):
    shown = row(iam(name, {"userName": "ci-deploy"} | request_))
    assert shown["severity"] == "high"
    assert reason in shown["reasons"][0]


def test_the_advice_for_an_exposed_key_is_to_rotate_it(iam, results):
    attached = iam("AttachUserPolicy", {"userName": "ci-deploy", "policyArn": QUARANTINE}, None)
    (alert,) = results(json.dumps(attached))
    (body,) = sns_bodies(alert)
    assert "Rotate the access key" in body.mail
    assert "undo" not in body.mail


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("PutRolePolicy", {"roleName": "app", "policyName": "p", "policyDocument": DENY_ONLY}),
        ("PutUserPolicy", {"userName": "alice", "policyName": "p", "policyDocument": DENY_ONLY}),
        ("AttachRolePolicy", {"roleName": "app", "policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}),
        ("CreatePolicy", {"policyName": "p", "policyDocument": DENY_ONLY}),
    ],
)
def test_a_policy_that_only_denies_is_low_and_gives_no_rights(iam, row, name, request_):
    shown = row(iam(name, request_))
    assert shown["severity"] == "low"
    assert not any("more rights" in each or "new permissions" in each for each in shown["reasons"])


@pytest.mark.parametrize("request_", [None, {}])
@pytest.mark.parametrize(
    ("name", "severity"),
    [("CreateLoginProfile", "info"), ("UpdateLoginProfile", "info"), ("DeleteLoginProfile", "info")],
)
def test_a_login_profile_without_parameters_is_the_callers_own(iam, row, shows, name, request_, severity):
    shown = row(iam(name, request_, None))
    shows(shown, resource_id="user/alice", understood=True)
    assert shown["severity"] in {severity, "low"}


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("AcceptDelegationRequest", {"delegationRequestId": "x"}),
        ("SendDelegationToken", {"delegationRequestId": "x"}),
        ("EnableOrganizationsRootSessions", None),
        ("EnableOrganizationsRootCredentialsManagement", None),
        ("EnableOutboundWebIdentityFederation", None),
        ("UpdateOpenIDConnectProvider", {"openIDConnectProviderArn": "arn:aws:iam::111122223333:oidc-provider/x"}),
    ],
)
def test_new_ways_into_an_account_are_medium(iam, row, shows, name, request_):
    shows(row(iam(name, request_, None)), severity="medium", understood=True)


@pytest.mark.parametrize("place", ["request", "response", "encoded"])
def test_a_role_made_from_a_template_is_assessed_by_its_trust_policy(iam, row, shows, place):
    document = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]})
    request, response = {"roleName": "vendor"}, None
    if place == "request":
        request |= {"assumeRolePolicyDocument": document}
    else:
        response = {"role": {"assumeRolePolicyDocument": quote(document) if place == "encoded" else document}}
    shows(row(iam("AcquireRole", request, response)), severity="critical", resource_id="role/vendor")


def test_a_role_made_from_a_template_with_unknown_trust_is_not_understood(iam, row, shows):
    shows(
        row(iam("AcquireRole", {"roleName": "vendor", "templateArn": "x"}, None)), severity="medium", understood=False
    )
