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
from gatewatch.model.reachability import Layer, Verdict
from gatewatch.model.severity import Severity
from support.paths import ROOT
from support.resource_shares import Ram, share

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICY = load_settings(ROOT / "accounts.yaml", ROOT / "policy.yaml").severity_rules
SERVICES = ("ec2", "ram", "rds", "s3", "s3control")


@pytest.fixture
def aws():
    with mock_aws():
        session = boto3.Session("access", "secret", region_name=REGION)
        yield SimpleNamespace(**{service: session.client(service) for service in SERVICES})


def read(aws, **fields):
    reader = RegionReader(lambda: aws, AccountRegion(ACCOUNT, REGION), POLICY, **{"reads_buckets": True, **fields})
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


def test_a_shared_group_is_listed_with_whom_it_is_shared_and_may_be_reachable_there(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")
    with_shares(aws, *share(group, "444455556666"))
    (found,) = [each for each in read(aws)[1].items if each.group.id == group]
    assert found.shared_with == ("444455556666",)
    assert (found.reachability.verdict, found.reachability.layer) == (Verdict.UNKNOWN, Layer.OTHER_ACCOUNTS)


def test_without_the_right_to_read_shares_no_group_is_not_reachable_and_that_is_named(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")
    refuse(aws.ram, "ram", "GetResourceShareAssociations", "AccessDeniedException")
    _, inventory = read(aws)
    assert inventory.unread == {ResourceKind.GROUP_SHARES: "AccessDeniedException"}
    (found,) = [each for each in inventory.items if each.group.id == group]
    assert (found.group.name, found.reachability.layer) == ("web", Layer.OTHER_ACCOUNTS)


def test_without_an_open_rule_nobody_asks_for_shares(aws):
    refuse(aws.ram, "ram", "GetResourceShareAssociations")
    assert read(with_rules(aws, {"SecurityGroupRules": []}))[1].unread == {}


def with_shares(aws, *associations):
    """moto shares no security groups."""
    paginator, meta = Ram(*associations).get_paginator, aws.ram.meta
    aws.ram = SimpleNamespace(get_paginator=paginator, meta=meta)


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


@pytest.mark.parametrize(
    ("kind", "operation", "key", "type_"),
    [
        (ResourceKind.DATABASE_SNAPSHOTS, "describe_db_snapshots", "DBSnapshot", "snapshot"),
        (
            ResourceKind.DATABASE_CLUSTER_SNAPSHOTS,
            "describe_db_cluster_snapshots",
            "DBClusterSnapshot",
            "cluster-snapshot",
        ),
    ],
)
def test_of_all_public_database_snapshots_of_a_region_those_of_the_account_are_found(aws, kind, operation, key, type_):
    """moto returns no public snapshots."""
    pages = [
        {f"{key}s": [{f"{key}Arn": f"arn:aws:rds:{REGION}:{owner}:{type_}:{name}"} for owner, name in found]}
        for found in ([("444455556666", "foreign")], [], [(ACCOUNT, "orders"), ("444455556666", ACCOUNT)])
    ]
    aws.rds = Paged(aws.rds, operation, pages)
    assert [each.resource_id for each in items(aws, kind)] == [f"arn:aws:rds:{REGION}:{ACCOUNT}:{type_}:orders"]
    (request,) = aws.rds.requests
    assert request["SnapshotType"] == "public"


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
    assert aws.ec2.describe_regions()["Regions"], "the clients may be used after the reading"


def refuse(client, service, operation, code="UnauthorizedOperation"):
    def handler(**_event):
        raise ClientError({"Error": {"Code": code, "Message": ""}}, operation)

    client.meta.events.register(f"before-call.{service}.{operation}", handler)


def test_database_cluster_snapshots_that_may_not_be_read_are_named(aws):
    refuse(aws.rds, "rds", "DescribeDBClusterSnapshots", "AccessDenied")
    assert read(aws)[1].unread == {ResourceKind.DATABASE_CLUSTER_SNAPSHOTS: "AccessDenied"}


@pytest.mark.parametrize("operation", ["DescribeSecurityGroups", "DescribeNetworkInterfaces"])
def test_rules_whose_network_cannot_be_read_are_listed_all_the_same(aws, group, operation):
    authorize(aws, group, 22, "0.0.0.0/0")
    refuse(aws.ec2, "ec2", operation)
    _, inventory = read(aws)
    assert inventory.unread == {ResourceKind.NETWORK: "UnauthorizedOperation"}
    (found,) = [each for each in inventory.items if each.group.id == group]
    assert (found.reachability.verdict, found.reachability.layer) == (Verdict.UNKNOWN, Layer.INTERFACE)
    assert inventory.last_read(ResourceKind.RULES) == inventory.at
    assert inventory.last_read(ResourceKind.NETWORK) is None


def test_a_bucket_that_refuses_everybody_hides_no_other_bucket(aws):
    make_buckets(aws)
    with_policy_status(aws, {"by-policy"})
    block = aws.s3.get_public_access_block

    def get_public_access_block(Bucket):  # noqa: N803  boto3's name
        if Bucket == "by-acl":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetPublicAccessBlock")
        return block(Bucket=Bucket)

    aws.s3.get_public_access_block = get_public_access_block
    reader, inventory = read(aws)
    assert [each.resource_id for each in inventory.items if each.kind is ResourceKind.BUCKETS] == ["by-policy"]
    assert inventory.unread == {ResourceKind.BUCKETS: "AccessDenied"}
    assert reader.unread_ids == {ResourceKind.BUCKETS: ["by-acl"]}
    assert inventory.last_read(ResourceKind.BUCKETS) == inventory.at


def test_a_role_that_cannot_be_assumed_leaves_everything_unread():
    def connect():
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole")

    reader = RegionReader(connect, AccountRegion(ACCOUNT, REGION), POLICY, reads_buckets=False)
    inventory = reader.read(1000.0)
    assert set(inventory.unread) == {*ResourceKind} - {ResourceKind.BUCKETS}
    assert set(inventory.unread.values()) == {"AccessDenied"}
    assert (inventory.items, inventory.read_at, inventory.calls) == ((), {}, 0)


class Paged:
    """A client that answers one operation with pages of its own, and keeps the requests."""

    def __init__(self, client, operation, pages):
        self.client, self.operation, self.pages, self.requests = client, operation, pages, []

    def __getattr__(self, name):
        return getattr(self.client, name)

    def get_paginator(self, name):
        return self if name == self.operation else self.client.get_paginator(name)

    def paginate(self, **request):
        self.requests.append(request)
        return iter(self.pages)


def described(number, **fields):
    return {
        "SecurityGroupRuleId": f"sgr-{number:017x}",
        "GroupId": f"sg-{number // 50:017x}",
        "GroupOwnerId": ACCOUNT,
        "IsEgress": False,
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "CidrIpv4": "10.0.0.0/8",
        **fields,
    }


def with_rules(aws, *pages):
    aws.ec2 = Paged(aws.ec2, "describe_security_group_rules", pages)
    return aws


def test_the_group_of_another_account_is_listed_with_its_owner_and_not_in_the_rule_history(aws):
    shared = described(1, GroupOwnerId="444455556666", CidrIpv4="0.0.0.0/0")
    reader, inventory = read(with_rules(aws, {"SecurityGroupRules": [shared, described(100)]}))
    (found,) = inventory.items
    assert (found.owner_id, found.rule.rule_id) == ("444455556666", "sgr-00000000000000001")
    assert list(rules_by_id(reader.rules)) == ["sgr-00000000000000064"]


@pytest.mark.parametrize(
    "pages",
    [
        [{}],
        [{"SecurityGroupRules": None}],
        [{"SecurityGroupRules": [{}]}],
        [{"SecurityGroupRules": [described(1, FromPort="x", CidrIpv4=7, GroupId=None)]}],
    ],
)
def test_a_response_without_what_is_expected_stops_nothing(aws, pages):
    _, inventory = read(with_rules(aws, *pages))
    assert set(inventory.unread) <= {ResourceKind.RULES}


def test_a_response_of_another_shape_is_named(aws):
    _, inventory = read(with_rules(aws, {"SecurityGroupRules": 7}))
    assert inventory.unread == {ResourceKind.RULES: "TypeError"}


def test_pages_of_rules_have_a_size_because_else_one_response_has_all(aws):
    read(with_rules(aws, {"SecurityGroupRules": []}))
    assert aws.ec2.requests == [{"PaginationConfig": {"PageSize": 1000}}]


def test_interfaces_that_aws_services_manage_and_hide_are_asked_for(aws, group):
    authorize(aws, group, 22, "0.0.0.0/0")
    aws.ec2 = Paged(aws.ec2, "describe_network_interfaces", [{"NetworkInterfaces": []}])
    read(aws)
    (request,) = aws.ec2.requests
    assert request["IncludeManagedResources"] is True
