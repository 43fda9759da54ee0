"""Who called and how: AWS's own fields decide; what the caller writes only names."""

import pytest

from support.builders import ACCOUNT, ALICE, OTHER_ACCOUNT

HOST = "cloudformation.amazonaws.com"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/deployer"
ROOT = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
ORGANIZATION_ROOT = ROOT | {"sessionContext": {"assumedRoot": "true"}}
OPEN_TRUST = '{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}'
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def session(role_arn=ROLE_ARN, name="botocore-session-1", **fields):
    """`userIdentity` of a role session; keywords go into its sessionContext."""
    role = role_arn.rpartition("/")[2]
    issuer = {"type": "Role", "arn": role_arn, "userName": role, "accountId": ACCOUNT}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": issuer} | fields,
    }


@pytest.fixture
def iam(build):
    def make(name, request=None, **fields):
        return build.record(name, request, None, eventSource="iam.amazonaws.com", **fields)

    return make


@pytest.fixture
def open_ssh(build):
    def make(**fields):
        return build.authorize(build.item(v4=["0.0.0.0/0"]), **fields)

    return make


@pytest.mark.parametrize(
    ("agent", "method"),
    [
        (HOST, "unknown"),
        ("backup.amazonaws.com", "unknown"),
        ("cloudformation.amazonaws.com.cn", "unknown"),
        ("AWSPowerShell.Common/4.1", "cli"),
        ("Boto/2.49.0 Python/2.7", "sdk"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.11", "terraform"),
    ],
)
def test_a_service_host_as_user_agent_proves_nothing(open_ssh, row, agent, method):
    assert row(open_ssh(userAgent=agent))["via"] == method


@pytest.mark.parametrize(
    "proof",
    [
        {"sourceIPAddress": HOST},
        {"userIdentity": ALICE | {"invokedBy": HOST}},
        {"userIdentity": ALICE | {"invokedBy": HOST}, "userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.11"},
    ],
)
def test_cloudformation_is_proven_by_what_aws_writes(open_ssh, row, proof):
    assert row(open_ssh(**proof))["via"] == "cloudformation"


@pytest.mark.parametrize(
    "fields",
    [
        {"userAgent": "backup.amazonaws.com"},
        {"request": {"path": "/team/aws-service-role/"}},
        {"request": {"path": "/x/aws-service-role/backup.amazonaws.com/"}},
        {"request": {"roleName": "AWSServiceRoleForBackupX"}, "userAgent": "backup.amazonaws.com"},
        {"userIdentity": session(f"arn:aws:iam::{ACCOUNT}:role/x/aws-service-role/evil")},
        {"userIdentity": session(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role-x/evil")},
        {"userIdentity": session() | {"invokedBy": HOST}, "sourceIPAddress": HOST},
    ],
)
def test_a_role_that_everyone_may_assume_is_critical_whatever_looks_like_aws(iam, row, fields):
    request = {"roleName": "backdoor", "assumeRolePolicyDocument": OPEN_TRUST} | fields.pop("request", {})
    assert row(iam("CreateRole", request, **fields))["severity"] == "critical"


@pytest.mark.parametrize(
    "identity",
    [
        {"type": "AWSService", "invokedBy": "support.amazonaws.com"},
        session(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
        session(f"arn:aws-cn:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"),
    ],
)
def test_a_service_with_an_identity_of_its_own_is_info(iam, row, identity):
    changed = row(iam("AttachRolePolicy", {"roleName": "x", "policyArn": ADMINISTRATOR}, userIdentity=identity))
    assert (changed["severity"], "managed by AWS" in changed["reasons"][0]) == ("info", True)


@pytest.mark.parametrize(
    "service", ["sso.amazonaws.com/AWSServiceRoleForSSO", "controltower.amazonaws.com/AWSServiceRoleForAWSControlTower"]
)
def test_what_identity_center_and_control_tower_hand_out_is_for_people(iam, row, service):
    identity = session(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}") | {"invokedBy": "sso.amazonaws.com"}
    request = {"roleName": "AWSReservedSSO_BreakGlass_0123456789abcdef", "policyArn": ADMINISTRATOR}
    changed = row(iam("AttachRolePolicy", request, userIdentity=identity, sourceIPAddress="sso.amazonaws.com"))
    assert changed["severity"] == "high"


@pytest.mark.parametrize(
    ("identity", "actor", "source_identity"),
    [
        (session(sourceIdentity="dave@example.com"), "dave@example.com (deployer)", "dave@example.com"),
        (session(name="ops", sourceIdentity="x" * 64), f"{'x' * 64} (deployer)", "x" * 64),
        (session(sourceIdentity=""), "botocore-session-1 (deployer)", None),
        (session(sourceIdentity=None), "botocore-session-1 (deployer)", None),
        (session(sourceIdentity=["dave"]), "botocore-session-1 (deployer)", None),
        (session() | {"sessionContext": "odd"}, "botocore-session-1 (deployer)", None),
    ],
)
def test_a_source_identity_is_the_best_name(open_ssh, row, shows, identity, actor, source_identity):
    shows(row(open_ssh(userIdentity=identity)), actor=actor, source_identity=source_identity, severity="critical")


@pytest.mark.parametrize(
    ("delegate", "account"),
    [
        ({"accountId": "777788889999"}, "777788889999"),
        ({"accountId": 777788889999}, "777788889999"),
        ({}, None),
        (None, None),
        ("777788889999", None),
        ([{"accountId": "777788889999"}], None),
    ],
)
def test_a_product_provider_with_delegated_access_is_named(open_ssh, row, shows, delegate, account):
    found = row(open_ssh(userIdentity=session() | {"invokedByDelegate": delegate}))
    shows(found, delegate_account=account, severity="critical")
    assert any("delegated access" in each for each in found["reasons"]) == bool(account)


def root_writes(build, iam):
    narrow = build.item(start=8443, end=8443, v4=["10.1.2.3/32"])
    return [
        build.authorize(narrow),
        build.revoke(narrow),
        build.record("DeleteSecurityGroup", {"groupId": build.GROUP}),
        build.record("DeleteManagedPrefixList", {"prefixListId": build.PREFIX_LIST}),
        build.record(
            "ModifyInstanceAttribute", {"instanceId": "i-1", "groupSet": build.items({"groupId": build.GROUP})}
        ),
        build.record("AuthorizeSecurityGroupIngress", {"groupId": build.GROUP, "ipPermissions": "odd"}),
        iam("CreateGroup", {"groupName": "x"}),
        build.record("StartLogging", {"name": "x"}, eventSource="cloudtrail.amazonaws.com"),
    ]


def test_every_write_by_root_is_at_least_high_and_a_failed_one_low(build, iam, rows):
    for record in root_writes(build, iam):
        (applied,) = rows(record | {"userIdentity": ROOT})
        (failed,) = rows(record | {"userIdentity": ROOT, "errorCode": "InternalError", "responseElements": None})
        assert applied["severity"] in {"high", "critical"}, record["eventName"]
        assert any("root" in each for each in applied["reasons"])
        assert failed["severity"] == "low", record["eventName"]


def test_a_call_that_a_service_makes_for_root_is_not_raised(build, iam, rows):
    for record in root_writes(build, iam)[:5]:
        identity = ROOT | {"invokedBy": HOST}
        (found,) = rows(record | {"userIdentity": identity})
        assert found["severity"] in {"info", "low"}, record["eventName"]


def test_a_root_session_of_the_organization_is_at_least_medium(build, iam, rows):
    for record in root_writes(build, iam):
        (found,) = rows(record | {"userIdentity": ORGANIZATION_ROOT})
        assert found["severity"] in {"medium", "high"}, record["eventName"]
        assert found["actor"] == "root (AssumeRoot)"


@pytest.mark.parametrize("flag", ["true", "True", True])
@pytest.mark.parametrize(
    ("name", "request_", "severity", "resource"),
    [
        ("DeleteAccessKey", {"accessKeyId": "AKIAEXAMPLEEXAMPLE08"}, "medium", "user/root"),
        ("DeleteSigningCertificate", {"certificateId": "x"}, "medium", None),
        ("DeleteLoginProfile", None, "high", "user/root"),
        ("DeleteLoginProfile", {}, "high", "user/root"),
        ("CreateLoginProfile", None, "critical", "user/root"),
        ("CreateAccessKey", None, "critical", "user/root"),
        (
            "DeactivateMFADevice",
            {"serialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device"},
            "critical",
            None,
        ),
    ],
)
def test_credentials_of_root_in_a_root_session(iam, row, shows, flag, name, request_, severity, resource):
    identity = ROOT | {"sessionContext": {"assumedRoot": flag}}
    shows(row(iam(name, request_, userIdentity=identity)), severity=severity, understood=True)
    if resource:
        shows(row(iam(name, request_, userIdentity=identity)), resource_id=resource)


def test_a_network_activity_event_gives_no_row(open_ssh, rows):
    record = open_ssh(eventType="AwsVpceEvent", eventCategory="NetworkActivity", requestParameters=...)
    assert rows(record) == []
    assert rows(open_ssh(eventType="AwsVpceEvent")) == []


def test_a_call_denied_by_a_vpc_endpoint_is_denied(open_ssh, row, shows):
    shows(row(open_ssh(errorCode="VpceAccessDenied")), outcome="denied", severity="high")


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/alice", "us-east-1"),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/alice", "cn-north-1"),
        (f"arn:aws-us-gov:iam::{ACCOUNT}:user/alice", "us-gov-west-1"),
        ("", "us-east-1"),
    ],
)
def test_the_link_of_a_global_event_leads_to_an_existing_region(iam, row, arn, region):
    record = iam("CreateGroup", {"groupName": "x"}, awsRegion="global", userIdentity=ALICE | {"arn": arn})
    assert row(record)["cloudtrail_url"].startswith(f"https://{region}.console.")


def test_the_region_of_the_envelope_comes_before_the_global_one(build, iam, row):
    record = iam("CreateGroup", {"groupName": "x"}, awsRegion="global")
    found = row(build.event(record, source="aws.iam", region="eusc-de-east-1"))
    assert found["cloudtrail_url"].startswith("https://eusc-de-east-1.console.amazonaws-eusc.eu/")


@pytest.mark.parametrize("event_id", [..., None, "", 7])
def test_a_record_without_an_id_has_no_link(open_ssh, row, event_id):
    assert row(open_ssh(eventID=event_id))["cloudtrail_url"] == ""


def test_a_correction_has_its_own_key_and_says_so(open_ssh, results, build):
    addendum = {"reason": "UPDATED_DATA", "originalEventID": "11111111-0000-4000-8000-000000000001"}
    (alert,) = results(build.text(open_ssh(addendum=addendum, sharedEventID="shared")))
    assert alert.call.delivery_key == "11111111-0000-4000-8000-000000000001#correction"
    assert "correction" in {each.code for each in alert.worst.assessment.reasons}


@pytest.mark.parametrize("addendum", [None, "odd", {}, {"originalEventID": None}, []])
def test_an_addendum_without_an_original_is_an_event_of_its_own(open_ssh, results, build, addendum):
    (alert,) = results(build.text(open_ssh(addendum=addendum)))
    assert alert.call.delivery_key == alert.call.event_id


@pytest.mark.parametrize(
    "envelope",
    [
        {"source": "aws.s3"},
        {"source": "com.example.app"},
        {"detail-type": "AWS API Call"},
        {"detail-type": "Scheduled Event"},
        {"account": OTHER_ACCOUNT},
    ],
)
def test_an_envelope_that_contradicts_its_record_is_reported_and_not_trusted(build, open_ssh, row, shows, envelope):
    found = row(build.event(open_ssh(), **envelope))
    shows(found, understood=False, severity="critical")
    assert any("disagree" in each for each in found["reasons"])
    narrow = build.authorize(build.item(v4=["10.0.0.0/24"]))
    shows(row(build.event(narrow, **envelope)), understood=False, severity="high")
    shows(row(build.event(build.revoke(build.item(v4=["10.0.0.0/24"])), **envelope)), severity="medium")


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"account": ...},
        {"source": ...},
        {"detail-type": ...},
        {"detail-type": None},
        {"detail-type": "...", "source": "..."},
        {"account": int(ACCOUNT)},
        {"detail-type": "AWS Service Event via CloudTrail"},
    ],
)
def test_an_envelope_that_lacks_a_field_contradicts_nothing(build, open_ssh, row, envelope):
    event = {key: value for key, value in build.event(open_ssh(), **envelope).items() if value is not ...}
    assert row(event)["understood"]
