"""What the members of the demo own: groups that the story opens, and the instances behind them.

Made before the story is told, so that functions/alert finds it when it asks what a group is attached to; and so that
the embedded EC2 is awake, which takes it a second that a look has not.
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
class Plot:
    """A group by the id that the story gives it, and its instances: those with a public address, and those without."""

    account: str
    region: str
    group_id: str
    name: str
    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()


PLOTS = (
    Plot("111122223333", "ap-northeast-2", "sg-092913bcbacbb07b7", "payments-web", ("web-1",), ("batch-1", "batch-2")),
    Plot("444455556666", "us-east-1", "sg-01b0650fc9daae133", "old-remote-desktop"),
)


def furnish(cloud: Cloud) -> dict[str, str]:
    """The ids that the embedded AWS gave to the groups, by those of the story."""
    return {plot.group_id: _built(cloud.session(plot.account, plot.region).client("ec2"), plot) for plot in PLOTS}


def _built(ec2: EC2Client, plot: Plot) -> str:
    subnet = ec2.describe_subnets()["Subnets"][0]
    vpc_id = subnet["VpcId"]
    group_id = ec2.create_security_group(GroupName=plot.name, Description=plot.name, VpcId=vpc_id)["GroupId"]
    image = ec2.register_image(Name=plot.name)["ImageId"]
    for name, is_public in {**dict.fromkeys(plot.public, True), **dict.fromkeys(plot.private, False)}.items():
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


def with_ids(record: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A record of the story, of the groups as they are called here."""
    text = json.dumps(record)
    for of_story, here in ids.items():
        text = text.replace(of_story, here)
    return dict(json.loads(text))
