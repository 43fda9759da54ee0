"""What a caller adds to a request, or writes into it oddly, never makes a call look harmless."""

import json
import time

import pytest

EVERYONE = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
POLICY = {"Version": "2012-10-17", "Statement": [EVERYONE]}
ADMINISTRATOR = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


@pytest.fixture
def judged(build, rows):
    """A function from a call to the severity and `understood` of its only row."""

    def run(service, name, request):
        (only,) = rows(build.record(name, request, eventSource=f"{service}.amazonaws.com"))
        return only["severity"], only["understood"]

    return run


@pytest.mark.parametrize("response", [{"_return": True}, {}, {"_return": True, "securityGroupRuleSet": {"items": []}}])
def test_a_dry_run_that_ec2_answered_was_applied(build, row, response):
    record = build.authorize(build.item(v4=["0.0.0.0/0"]), responseElements=response)
    record["requestParameters"]["dryRun"] = True
    assert (row(record)["outcome"], row(record)["severity"]) == ("applied", "critical")


@pytest.mark.parametrize(("name", "outcome"), [("UpdateFunctionCode", "dry_run"), ("DeleteFunction", "applied")])
def test_only_one_call_of_lambda_has_a_dry_run(build, row, name, outcome):
    request = {"functionName": "gatewatch-alert", "dryRun": True}
    dated = name + {"UpdateFunctionCode": "20150331v2", "DeleteFunction": "20150331"}[name]
    assert row(build.record(dated, request, eventSource="lambda.amazonaws.com"))["outcome"] == outcome


@pytest.mark.parametrize("added", [{"dryRun": "true"}, {"DryRun": True}, {"omitted": ""}, {"omitted": True}])
def test_a_parameter_that_the_caller_adds_to_a_request_of_s3_changes_nothing(judged, added):
    request = {"bucketName": "b", "bucketPolicy": POLICY} | added
    assert judged("s3", "PutBucketPolicy", request) == ("critical", True)


@pytest.mark.parametrize(
    ("name", "request_", "severity"),
    [
        ("CreatePolicy", {"policyName": "x", "policyDocument": ADMINISTRATOR}, "high"),
        ("CreateUser", {"userName": "x"}, "low"),
        ("AttachRolePolicy", {"roleName": "x", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, "high"),
    ],
)
def test_only_a_new_role_is_aws_own_work_by_its_path(judged, name, request_, severity):
    assert judged("iam", name, request_ | {"path": "/aws-service-role/x/"}) == (severity, True)


@pytest.mark.parametrize("principal", ["AIDAEXAMPLEEXAMPLE01", 12345678901, "stranger"])
def test_a_grantee_whose_account_is_not_known_is_a_stranger(judged, principal):
    request = {"functionName": "f", "principal": principal, "action": "lambda:InvokeFunction"}
    assert judged("lambda", "AddPermission20150331v2", request) == ("high", True)


def test_the_identity_of_a_cloudfront_distribution_is_no_stranger(judged):
    origin = {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": [EVERYONE | {"Principal": origin}]}}
    assert judged("s3", "PutBucketPolicy", request) == ("info", True)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("http://acs.amazonaws.com/groups/global/allusers", ("critical", True)),
        ("http://acs.amazonaws.com/groups/s3/LogDelivery", ("info", True)),
        ("http://acs.amazonaws.com/groups/global/Unheard", ("high", False)),
    ],
)
def test_a_group_of_an_access_control_list_is_judged_by_what_it_is(judged, group, expected):
    grant = {"Grantee": {"URI": group, "xsi:type": "Group"}, "Permission": "READ"}
    request = {"bucketName": "b", "AccessControlPolicy": {"AccessControlList": {"Grant": grant}}}
    assert judged("s3", "PutBucketAcl", request) == expected


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("CreateVpcPeeringConnection", {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "peerOwnerId": " 555566667777 "}),
        ("ModifyVpcBlockPublicAccessOptions", {"InternetGatewayBlockMode": "off "}),
    ],
)
def test_a_value_that_aws_does_not_have_is_not_read_as_a_harmless_one(judged, name, request_):
    assert judged("ec2", name, request_) == ("high", False)


@pytest.mark.parametrize(
    ("service", "name", "request_", "severity"),
    [
        ("s3", "PutBucketAcl", {"bucketName": "b", "AccessControlPolicy": {"AccessControlList": {"x": 1}}}, "high"),
        ("s3", "PutBucketAcl", {"bucketName": "b", "AccessControlPolicy": {"AccessControlList": "x"}}, "high"),
        ("eks", "UpdateClusterConfig", {"name": "c", "resourcesVpcConfig": {"publicAccessCidrs": [None]}}, "high"),
        ("eks", "UpdateClusterConfig", {"name": "c", "logging": {"clusterLogging": [{"types": ["audit"]}]}}, "medium"),
        ("guardduty", "CreateFilter", {"detectorId": "d", "name": "f", "action": "x"}, "high"),
        ("macie2", "UpdateMacieSession", {"status": "x"}, "high"),
        ("ec2", "ModifySubnetAttribute", {"subnetId": "subnet-1", "mapPublicIpOnLaunch": {"x": True}}, "medium"),
    ],
)
def test_a_setting_of_an_unknown_form_is_not_read_as_a_harmless_one(judged, service, name, request_, severity):
    assert judged(service, name, request_) == (severity, False)


@pytest.mark.parametrize(
    "request_",
    [None, {}, "", [], "text", {"omitted": True}, {"ModifyManagedPrefixListRequest": ""}, {"x": 1}],
)
def test_a_changed_prefix_list_whose_entries_are_not_in_the_event_is_high(build, row, shows, request_):
    response = {"ModifyManagedPrefixListResponse": {"prefixList": {"prefixListId": build.PREFIX_LIST}}}
    found = row(build.record("ModifyManagedPrefixList", request_, response))
    shows(found, family="prefix_list", severity="high", understood=False)


@pytest.mark.parametrize(
    ("name", "request_", "expected"),
    [
        ("PutBucketPolicy", {"bucketPolicy": POLICY, "BucketPolicy": ["{}"]}, "critical"),
        ("PutBucketPolicy", {"BUCKETPOLICY": "", "bucketPolicy": POLICY}, "critical"),
        ("PutBucketPolicy", {"bucketPolicy": POLICY, "PutBucketPolicyRequest": ""}, "critical"),
        ("PutBucketPolicy", {"bucketPolicy": POLICY, "BucketName": ["other"]}, "critical"),
        ("PutBucketAcl", {"x-amz-acl": "public-read", "X-Amz-Acl": "private"}, "critical"),
        ("PutBucketAcl", {"X-Amz-Acl": ["public-read"], "x-amz-acl": ["private"], "acl": "", "ACL": ""}, "critical"),
        ("DeleteBucketPublicAccessBlock", {"bucketname": "other", "Bucketname": ""}, "high"),
    ],
)
def test_a_query_that_the_caller_adds_to_a_request_of_s3_hides_nothing(build, row, shows, name, request_, expected):
    found = row(build.record(name, {"bucketName": "b"} | request_, eventSource="s3.amazonaws.com"))
    shows(found, severity=expected, understood=True, resource_id="b")


def test_a_body_of_s3_that_is_named_as_the_call_is_read_beside_the_names(judged):
    body = {"xmlns": "http://awss3control.amazonaws.com/doc/2018-08-20/", "Policy": json.dumps(POLICY)}
    request = {"name": "ap", "accountId": "111122223333", "PutAccessPointPolicyRequest": body}
    assert judged("s3", "PutAccessPointPolicy", request) == ("critical", True)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("arn:aws:iam::555566667777:role/s3.amazonaws.com", "high"),
        ("arn:aws:iam::555566667777:user/x.alexa.com", "high"),
        ("s3.amazonaws.com", "info"),
        ("s3.amazonaws.com.cn", "info"),
    ],
)
def test_a_role_that_is_named_like_a_service_of_aws_is_no_service(judged, principal, expected):
    request = {"functionName": "f", "principal": principal, "action": "lambda:InvokeFunction", "statementId": "s"}
    assert judged("lambda", "AddPermission20150331v2", request) == (expected, True)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": "555566667777"}}, "high"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:555566667777:*"}}, "high"),
        ({"StringEquals": {"aws:SourceAccount": "111122223333"}}, "info"),
        ({"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}}, "info"),
        ({}, "info"),
    ],
)
def test_a_service_that_acts_for_an_unknown_account_lets_that_account_in(judged, condition, expected):
    statement = EVERYONE | {"Principal": {"Service": "sns.amazonaws.com"}, "Condition": condition}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": statement}}
    assert judged("s3", "PutBucketPolicy", request) == (expected, True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"{each}.0.0.0/8" for each in range(1, 130)], "critical"),
        ([f"{each}.0.0.0/8" for each in range(1, 100)], "high"),
        (["198.51.100.0/24", "nowhere"], "critical"),
    ],
)
def test_addresses_of_a_condition_that_cover_half_of_the_internet_limit_nobody(judged, values, expected):
    statement = EVERYONE | {"Condition": {"IpAddress": {"aws:SourceIp": values}}}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": [statement]}}
    assert judged("s3", "PutBucketPolicy", request) == (expected, True)


def test_an_arn_of_a_condition_that_is_a_policy_variable_limits_nobody(judged):
    statement = EVERYONE | {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::${aws:PrincipalTag/bucket}"}}}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": [statement]}}
    assert judged("s3", "PutBucketPolicy", request) == ("critical", True)


@pytest.mark.parametrize("provider", ["token.actions.githubusercontent.com", "Token.Actions.GitHubUserContent.com"])
@pytest.mark.parametrize(
    ("subject", "expected"),
    [("repo:my-org/*", "low"), ("${token.actions.githubusercontent.com:sub}", "critical"), ("repo:${x}/*", "critical")],
)
def test_a_subject_that_is_a_claim_of_the_same_token_names_no_owner(judged, provider, subject, expected):
    trusted = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{provider}"}
    condition = {"StringLike": {f"{provider}:sub": subject}}
    allow = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    request = {"roleName": "x", "policyDocument": json.dumps({"Statement": [allow]})}
    assert judged("iam", "UpdateAssumeRolePolicy", request) == (expected, True)


def test_a_public_provider_in_another_case_needs_a_subject_too(judged):
    trusted = {"Federated": "arn:aws:iam::111122223333:oidc-provider/GitLab.com"}
    condition = {"StringEquals": {"gitlab.com:aud": "sts.amazonaws.com"}}
    allow = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    request = {"roleName": "x", "policyDocument": json.dumps({"Statement": [allow]})}
    assert judged("iam", "UpdateAssumeRolePolicy", request) == ("critical", True)


@pytest.mark.parametrize(("name", "severity"), [("AttachUserPolicy", "medium"), ("CreateAccessKey", "low")])
def test_the_own_user_is_recognized_in_another_case(build, row, shows, name, severity):
    identity = {"type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice"}
    request = {"userName": "ALICE", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    record = build.record(name, request, eventSource="iam.amazonaws.com", userIdentity=identity)
    shows(row(record), severity=severity)


@pytest.mark.parametrize("action", ["bedrock:CreateAgent", "ec2:AssociateIamInstanceProfile", "imagebuilder:*"])
def test_a_role_passed_to_one_more_service_that_runs_code_escalates(judged, action):
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": ["iam:PassRole", action], "Resource": "*"}]})
    request = {"roleName": "app", "policyName": "p", "policyDocument": document}
    assert judged("iam", "PutRolePolicy", request) == ("medium", True)


@pytest.mark.parametrize(
    ("service", "name", "response", "severities"),
    [
        ("rds", "RestoreDBInstanceFromDBSnapshot", {"publiclyAccessible": True}, ["high"]),
        ("rds", "RestoreDBInstanceFromDBSnapshot", {"publiclyAccessible": False}, []),
        ("rds", "CreateDBInstance", None, []),
        ("rds", "ModifyDBInstance", {"publiclyAccessible": True}, []),
        ("dms", "CreateReplicationInstance", {"replicationInstance": {"publiclyAccessible": True}}, ["high"]),
    ],
)
def test_a_new_database_may_be_public_though_the_request_says_nothing(build, rows, service, name, response, severities):
    request = {"dBInstanceIdentifier": "db", "replicationInstanceIdentifier": "r"}
    found = rows(build.record(name, request, response, eventSource=f"{service}.amazonaws.com"))
    assert [each["severity"] for each in found] == severities


def test_a_number_of_thousands_of_digits_leaves_a_policy_readable(judged):
    document = json.dumps({"Statement": [EVERYONE]}).replace("{", '{"Id": ' + "9" * 5000 + ", ", 1)
    request = {"queueUrl": "q", "attributes": {"Policy": document}}
    assert judged("sqs", "SetQueueAttributes", request) == ("critical", True)


def test_a_statement_with_thousands_of_grantees_takes_no_quadratic_time(build, rows):
    statement = EVERYONE | {"Principal": {"AWS": [f"{number:012d}" for number in range(1, 3001)]}}
    request = {"bucketName": "b", "bucketPolicy": {"Statement": [statement]}}
    began = time.process_time()
    assert len(rows(build.record("PutBucketPolicy", request, eventSource="s3.amazonaws.com"))) == 3000
    assert time.process_time() - began < 5, "with a digest for each grantee it takes 20 seconds"
