"""What a caller adds to a request, or writes into it oddly, never makes a call look harmless."""

import json

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
