"""AWS resources of the demo's member accounts: the security groups that the scenario opens, and their instances.

Created before the scenario is published, so that the lookup of functions/alert finds them, and so that moto's EC2 is
initialized: that takes about a second, longer than a lookup may take.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatewatch.local.aws.event_history import PastCall

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import SubnetTypeDef

    from gatewatch.local.aws.server import Cloud


@dataclass(frozen=True)
class DemoGroup:
    """A security group, its id in the scenario, and its instances: `public` ones have a public IP address."""

    account: str
    region: str
    group_id: str
    name: str
    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


HOME, ABROAD = "ap-northeast-2", "us-east-1"
PAYMENTS, SHOP, UNLISTED = "111122223333", "444455556666", "777788889999"
LEGACY_GROUP, WEB_GROUP = "sg-legacy-jump-host", "sg-008250218c791b143"
_SILENT_EVENT = "7a6f0c1d-52b8-4f0e-9f43-0d2b6d0c8e11"
WEB_SSH_RULE = "sgr-01d89196f8266f7f5"
GROUPS = (
    DemoGroup(PAYMENTS, HOME, "sg-092913bcbacbb07b7", "payments-web", ("web-1",), ("batch-1", "batch-2")),
    DemoGroup(SHOP, ABROAD, "sg-01b0650fc9daae133", "old-remote-desktop"),
    DemoGroup(PAYMENTS, HOME, "sg-0ec964d3d4496eba5", "jihoon-workstation", private=("jihoon-workstation",)),
    DemoGroup(PAYMENTS, HOME, "sg-0df1db1afefc8cb0e", "payments-reporting", ("reporting-1",)),
    DemoGroup(PAYMENTS, HOME, "sg-05d0f57dc32af3935", "metrics"),
    DemoGroup(PAYMENTS, HOME, "sg-01936524a9ad401f8", "batch-jobs"),
    DemoGroup(PAYMENTS, HOME, WEB_GROUP, "web-stack", ("web-2",)),
    DemoGroup(PAYMENTS, HOME, LEGACY_GROUP, "legacy-jump-host", ("jump-host",)),
    DemoGroup(PAYMENTS, ABROAD, "sg-00589f4d7ac844524", "partner-api"),
    DemoGroup(SHOP, HOME, "sg-063f2f15eade2fa29", "=1+1 *bold* @channel"),
    DemoGroup(SHOP, HOME, "sg-0161cfaa0dee8643b", "customer-demo", ("customer-demo",)),
    DemoGroup(SHOP, ABROAD, "sg-02bce7a51afd9b8e1", "unused"),
    DemoGroup(UNLISTED, HOME, "sg-0dd9d5791b501d678", "test-database"),
)
BUCKET = "payments-old-receipts"
PREFIX_LIST = "pl-01d778df2be848f77"
_IMAGE = "ami-0demo"  # moto does not check it, and an image that it registers has a public snapshot
_SSH_FROM_ANYWHERE: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def create_groups(cloud: Cloud) -> dict[str, str]:
    """Create what exists before the hub: groups with their instances, a prefix list, an open rule, a public bucket.

    Returns the ids that moto gave to them, by those of the scenario.
    """
    places = dict.fromkeys((each.account, each.region) for each in GROUPS)
    clients = {place: cloud.client(*place, "ec2") for place in places}
    subnets = {place: _subnet_with_internet(ec2) for place, ec2 in clients.items()}
    ids = {}
    for group in GROUPS:
        place = group.account, group.region
        ids[group.group_id] = _create(clients[place], group, subnets[place])
    home = clients[PAYMENTS, HOME]
    home.authorize_security_group_ingress(GroupId=ids[LEGACY_GROUP], IpPermissions=[_SSH_FROM_ANYWHERE])
    cloud.session(PAYMENTS, HOME).client("s3").create_bucket(
        Bucket=BUCKET, ACL="public-read", CreateBucketConfiguration={"LocationConstraint": HOME}
    )
    return {**ids, PREFIX_LIST: _create_prefix_list(home)}


def _create(ec2: EC2Client, group: DemoGroup, subnet: SubnetTypeDef) -> str:
    group_id = ec2.create_security_group(GroupName=group.name, Description="demo", VpcId=subnet["VpcId"])["GroupId"]
    instances = {**dict.fromkeys(group.public, True), **dict.fromkeys(group.private, False)}
    for name, is_public in instances.items():
        ec2.run_instances(
            ImageId=_IMAGE,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": subnet["SubnetId"],
                    "Groups": [group_id],
                    "AssociatePublicIpAddress": is_public,
                }
            ],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
    return group_id


def _create_prefix_list(ec2: EC2Client) -> str:
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=20, AddressFamily="IPv4", Entries=[{"Cidr": "203.0.113.0/24"}]
    )
    return made["PrefixList"]["PrefixListId"]


def _subnet_with_internet(ec2: EC2Client) -> SubnetTypeDef:
    """Return a subnet of the default VPC after adding a route to the internet."""
    subnet = ec2.describe_subnets()["Subnets"][0]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=subnet["VpcId"], InternetGatewayId=gateway)
    main: Any = [
        {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    (table,) = ec2.describe_route_tables(Filters=main)["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    return subnet


def open_without_event(cloud: Cloud, ids: Mapping[str, str], at: datetime) -> None:
    """Open a rule that an event reported as narrow, by a call that no event reports; Event history has it."""
    ec2, group_id = cloud.client(PAYMENTS, HOME, "ec2"), ids[WEB_GROUP]
    update: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    ec2.modify_security_group_rules(
        GroupId=group_id, SecurityGroupRules=[{"SecurityGroupRuleId": ids[WEB_SSH_RULE], "SecurityGroupRule": update}]
    )
    call = PastCall(group_id, "ModifySecurityGroupRules", "jihoon.park", _SILENT_EVENT, at.timestamp())
    cloud.event_history.calls.append(call)


def with_group_ids(record: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The record with the ids of groups and rules of the scenario replaced by those that moto gave."""
    text = json.dumps(record)
    for scenario_id, moto_id in ids.items():
        text = text.replace(scenario_id, moto_id)
    return dict(json.loads(text))
