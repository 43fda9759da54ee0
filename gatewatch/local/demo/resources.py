"""AWS resources of the demo's member accounts: the security groups that the scenario opens, and their instances.

Created before the scenario is published, so that the lookup of functions/alert finds them, and so that moto's EC2 is
initialized: that takes about a second, longer than a lookup may take.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ec2 import EC2Client

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


@dataclass(frozen=True)
class DemoRule:
    """A rule that a call of the scenario opens, and its id there. It exists, so that it can be reverted."""

    group_id: str
    rule_id: str
    port: int
    cidr: str
    description: str


RULES = (DemoRule("sg-01b0650fc9daae133", "sgr-0d00af971c3c6aea7", 3389, "::/0", "rdp for the migration"),)
GROUPS = (
    DemoGroup(
        "111122223333", "ap-northeast-2", "sg-092913bcbacbb07b7", "payments-web", ("web-1",), ("batch-1", "batch-2")
    ),
    DemoGroup("444455556666", "us-east-1", "sg-01b0650fc9daae133", "old-remote-desktop"),
)


def create_groups(cloud: Cloud) -> dict[str, str]:
    """Create groups, instances and rules; return the ids that moto gave to them, by those of the scenario."""
    ids = {}
    for group in GROUPS:
        ec2 = cloud.session(group.account, group.region).client("ec2")
        ids[group.group_id] = _create(ec2, group)
        own = (rule for rule in RULES if rule.group_id == group.group_id)
        ids |= {rule.rule_id: _open(ec2, ids[group.group_id], rule) for rule in own}
    return ids


def _open(ec2: EC2Client, group_id: str, rule: DemoRule) -> str:
    source: Any = {"CidrIpv6": rule.cidr, "Description": rule.description}
    permission: Any = {"IpProtocol": "tcp", "FromPort": rule.port, "ToPort": rule.port, "Ipv6Ranges": [source]}
    made = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[permission])
    return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def _create(ec2: EC2Client, group: DemoGroup) -> str:
    subnet = ec2.describe_subnets()["Subnets"][0]
    vpc_id = subnet["VpcId"]
    _connect_to_internet(ec2, vpc_id)
    group_id = ec2.create_security_group(GroupName=group.name, Description=group.name, VpcId=vpc_id)["GroupId"]
    image = ec2.register_image(Name=group.name)["ImageId"]
    for name, is_public in {**dict.fromkeys(group.public, True), **dict.fromkeys(group.private, False)}.items():
        ec2.run_instances(
            ImageId=image,
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


def _connect_to_internet(ec2: EC2Client, vpc_id: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc_id, InternetGatewayId=gateway)
    main: Any = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = ec2.describe_route_tables(Filters=main)["RouteTables"]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def with_group_ids(record: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The record with the ids of groups and rules of the scenario replaced by those that moto gave."""
    text = json.dumps(record)
    for scenario_id, moto_id in ids.items():
        text = text.replace(scenario_id, moto_id)
    return dict(json.loads(text))
