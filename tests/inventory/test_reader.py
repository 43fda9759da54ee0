"""Readings of an embedded account: what is open there, what is not, and what could not be read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatewatch.config.settings import load_settings
from gatewatch.events.canary import AccountRegion
from gatewatch.inventory.model import ResourceKind
from gatewatch.inventory.reader import RegionReader, rules_by_id
from gatewatch.model.reachability import Verdict
from gatewatch.model.severity import Severity
from support.paths import ROOT

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICY = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml").severity_rules
SERVICES = ("ec2", "rds", "s3", "s3control")


@pytest.fixture
def aws():
    with mock_aws():
        session = boto3.Session("access", "secret", region_name=REGION)
        yield SimpleNamespace(**{service: session.client(service) for service in SERVICES})


def read(aws, **fields):
    reader = RegionReader(aws, AccountRegion(ACCOUNT, REGION), POLICY, **{"reads_buckets": True, **fields})
    return reader, reader.read(1000.0)


def items(aws, kind):
    return [each for each in read(aws)[1].items if each.kind is kind]


@pytest.fixture
def group(aws):
    vpc = aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return aws.ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]


def authorize(aws, group, port, cidr):
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
    aws.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def test_rules_that_are_open_to_the_world_are_found_with_their_group(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")
    authorize(aws, group, 443, "0.0.0.0/0")
    authorize(aws, group, 3306, "10.0.0.0/8")
    reader, inventory = read(aws)
    (found,) = [each for each in inventory.items if each.group.id == group]
    assert (found.severity, found.group.name, found.rule.traffic.ports.first) == (Severity.CRITICAL, "web", 22)
    assert found.reachability.verdict is Verdict.NOT_REACHABLE
    assert inventory.unread == {}
    assert {found.rule.rule_id} < set(rules_by_id(reader.rules))


def test_halves_of_the_internet_count_as_the_internet(aws, group):
    authorize(aws, group, 22, "0.0.0.0/1")
    authorize(aws, group, 22, "128.0.0.0/1")
    assert len(items(aws, ResourceKind.RULES)) == 2


def test_an_entry_of_an_own_prefix_list_that_is_the_internet_is_found(aws):
    entries = [{"Cidr": "0.0.0.0/0"}, {"Cidr": "10.0.0.0/8"}]
    created = aws.ec2.create_managed_prefix_list(
        PrefixListName="any", AddressFamily="IPv4", MaxEntries=5, Entries=entries
    )
    (found,) = items(aws, ResourceKind.PREFIX_LISTS)
    assert found.resource_id == created["PrefixList"]["PrefixListId"]
    assert found.rule.peer.text == "0.0.0.0/0"


def test_public_snapshots_images_and_databases_are_found(aws):
    volume = aws.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    public = aws.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    aws.ec2.modify_snapshot_attribute(
        SnapshotId=public, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    image = aws.ec2.register_image(Name="base")["ImageId"]
    aws.ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    for name, is_public in (("open", True), ("closed", False)):
        aws.rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t3.micro",
            Engine="mysql",
            MasterUsername="admin",
            MasterUserPassword="not-a-secret",
            AllocatedStorage=5,
            PubliclyAccessible=is_public,
        )
    found = {(each.kind, each.resource_id.rpartition(":")[2]) for each in read(aws)[1].items}
    assert (ResourceKind.SNAPSHOTS, public) in found
    assert (ResourceKind.IMAGES, image) in found
    assert (ResourceKind.DATABASES, "open") in found
    assert (ResourceKind.DATABASES, "closed") not in found


PUBLIC_ACL = {"Bucket": "by-acl", "ACL": "public-read"}
ALL_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def make_buckets(aws):
    for name in ("by-acl", "by-policy", "private"):
        aws.s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
    aws.s3.put_bucket_acl(**PUBLIC_ACL)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::by-policy/*"}
    aws.s3.put_bucket_policy(Bucket="by-policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def with_policy_status(aws, public):
    """moto has no GetBucketPolicyStatus."""

    def status(Bucket):  # noqa: N803  boto3's name
        if Bucket in public:
            return {"PolicyStatus": {"IsPublic": True}}
        raise ClientError({"Error": {"Code": "NoSuchBucketPolicy", "Message": ""}}, "GetBucketPolicyStatus")

    aws.s3.get_bucket_policy_status = status


def test_buckets_are_public_by_policy_or_by_access_control_list(aws):
    make_buckets(aws)
    with_policy_status(aws, {"by-policy"})
    assert {each.resource_id for each in items(aws, ResourceKind.BUCKETS)} == {"by-acl", "by-policy"}


def test_a_blocked_bucket_or_account_is_not_public(aws):
    make_buckets(aws)
    with_policy_status(aws, {"by-policy"})
    aws.s3.put_public_access_block(Bucket="by-acl", PublicAccessBlockConfiguration=ALL_BLOCKED)
    assert {each.resource_id for each in items(aws, ResourceKind.BUCKETS)} == {"by-policy"}
    aws.s3control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=ALL_BLOCKED)
    assert items(aws, ResourceKind.BUCKETS) == []


def test_buckets_are_read_in_one_region_only(aws):
    make_buckets(aws)
    _, inventory = read(aws, reads_buckets=False)
    assert ResourceKind.BUCKETS not in inventory.unread
    assert not [each for each in inventory.items if each.kind is ResourceKind.BUCKETS]


def test_what_may_not_be_read_is_named_and_all_else_is_read(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")

    def refuse(**_event):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DescribeDBInstances")

    aws.rds.meta.events.register("before-call.rds.DescribeDBInstances", refuse)
    _, inventory = read(aws)
    assert inventory.unread == {ResourceKind.DATABASES: "AccessDenied"}
    assert [each.group.id for each in inventory.items if each.kind is ResourceKind.RULES].count(group) == 1


def test_a_reading_stops_at_its_budget_of_calls(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")
    _, inventory = read(aws, max_calls=3)
    assert inventory.calls == 3
    assert "BudgetExceeded" in inventory.unread.values()
