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


GROUPS = (
    DemoGroup(
        "111122223333", "ap-northeast-2", "sg-092913bcbacbb07b7", "payments-web", ("web-1",), ("batch-1", "batch-2")
    ),
    DemoGroup("444455556666", "us-east-1", "sg-01b0650fc9daae133", "old-remote-desktop"),
)


def create_groups(cloud: Cloud) -> dict[str, str]:
    """Create the groups and instances; return the ids that moto gave to the groups, by those of the scenario."""
    return {
        group.group_id: _create(cloud.session(group.account, group.region).client("ec2"), group) for group in GROUPS
    }


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
    """The record with the group ids of the scenario replaced by those that moto gave."""
    text = json.dumps(record)
    for scenario_id, moto_id in ids.items():
        text = text.replace(scenario_id, moto_id)
    return dict(json.loads(text))
