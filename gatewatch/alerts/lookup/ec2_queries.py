"""The questions about one security group, as EC2 is asked them. Each raises what botocore raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.lookup.network_interfaces import Interface, instances_to_name, read_interface
from gatewatch.events.changes.ip_permissions import read_described_rule
from gatewatch.model.security_group import NO_GROUP, Group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_ec2 import EC2Client

    from gatewatch.model.security_group import SecurityGroupRule

_PAGE, _PAGES = 500, 2  # a thousand interfaces are enough to know that it is many
_MOST = 1000  # in one answer about rules or tags


class Guarded(Struct, frozen=True):
    """What has a group. `is_part`: there is more. `fault`: why the instances have no names."""

    interfaces: tuple[Interface, ...]
    is_part: bool
    names: Mapping[str, str] = {}
    fault: Exception | None = None


def group(ec2: EC2Client, group_id: str) -> Group:
    """A group that is gone is no error, and no group."""
    try:
        found = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code", "").startswith("InvalidGroup"):
            return NO_GROUP
        raise
    return next((Group(id=group_id, name=each.get("GroupName"), vpc_id=each.get("VpcId")) for each in found), NO_GROUP)


def rules(ec2: EC2Client, group_id: str, account_id: str) -> dict[str, SecurityGroupRule]:
    """By their ids; what could not be read is left out, and so is what one answer does not hold."""
    found = ec2.describe_security_group_rules(Filters=_of(group_id), MaxResults=_MOST)["SecurityGroupRules"]
    read = (read_described_rule(each, account_id) for each in found)
    return {each.rule_id: each for each in read if each.rule_id and each.peer and each.traffic.protocol}


def guarded(ec2: EC2Client, group_id: str, may_go_on: Callable[[], bool]) -> Guarded:
    """An instance whose name cannot be had is called by its id."""
    found, is_part = _interfaces(ec2, group_id, may_go_on)
    wanted = instances_to_name(found) if may_go_on() else ()
    try:
        return Guarded(tuple(found), is_part, _names(ec2, wanted) if wanted else {})
    except (ClientError, BotoCoreError) as error:
        return Guarded(tuple(found), is_part, fault=error)


def _interfaces(ec2: EC2Client, group_id: str, may_go_on: Callable[[], bool]) -> tuple[list[Interface], bool]:
    """Those that have the group, and whether there are more. An answer may be empty and not be the last."""
    found: list[Interface] = []
    request: Any = {"Filters": _of(group_id), "MaxResults": _PAGE, **_hidden(ec2)}
    for _ in range(_PAGES):
        answer = ec2.describe_network_interfaces(**request)
        found += map(read_interface, answer["NetworkInterfaces"])
        request["NextToken"] = answer.get("NextToken")
        if not request["NextToken"] or not may_go_on():
            break
    return found, bool(request["NextToken"])


def _names(ec2: EC2Client, instances: Sequence[str]) -> Mapping[str, str]:
    """Their Name tags. DescribeTags tells no more; DescribeInstances would tell all there is of each."""
    filters: Any = [{"Name": "resource-id", "Values": list(instances)}, {"Name": "key", "Values": ["Name"]}]
    tags = ec2.describe_tags(Filters=filters, MaxResults=_MOST)["Tags"]
    return {each["ResourceId"]: each["Value"] for each in tags if each["Value"].strip()}


def _of(group_id: str) -> Any:
    return [{"Name": "group-id", "Values": [group_id]}]


def _hidden(ec2: EC2Client) -> dict[str, bool]:
    """An account may hide what AWS manages for it; the SDK that Lambda brings may be too old to ask for that too."""
    request = ec2.meta.service_model.operation_model("DescribeNetworkInterfaces").input_shape
    name = "IncludeManagedResources"
    return {name: True} if request is not None and name in request.members else {}
