"""EC2 requests about one security group. Each raises botocore's errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from gatewatch.alerts.lookup.network_interfaces import NetworkInterface, instances_to_name, read_interface
from gatewatch.alerts.reachability.network import Interface, Network
from gatewatch.alerts.reachability.queries import managed_resources, read_interface_address
from gatewatch.aws.error_codes import error_code
from gatewatch.events.changes.ip_permissions import read_described_rule
from gatewatch.model.security_group import NO_GROUP, Group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_ec2 import EC2Client

    from gatewatch.model.security_group import SecurityGroupRule

_PAGE_SIZE, _MAX_PAGES = 500, 2  # a message shows "1,000 and more" at most
_MAX_RESULTS = 1000  # of DescribeSecurityGroupRules and DescribeTags


class InterfacePage(Struct, frozen=True):
    """Interfaces that have a group. `is_partial`: there are more. `names_error`: why instance names are missing."""

    interfaces: tuple[NetworkInterface, ...]
    addresses: tuple[Interface, ...]
    is_partial: bool
    names: Mapping[str, str] = {}
    names_error: Exception | None = None
    network: Network | None = None


def find_group(ec2: EC2Client, group_id: str) -> Group:
    """Return `NO_GROUP` for a deleted group."""
    try:
        found = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    except ClientError as error:
        if error_code(error).startswith("InvalidGroup"):
            return NO_GROUP
        raise
    return next((Group(id=group_id, name=each.get("GroupName"), vpc_id=each.get("VpcId")) for each in found), NO_GROUP)


def find_rules(ec2: EC2Client, group_id: str, account_id: str) -> dict[str, SecurityGroupRule]:
    """Return the rules of the first page by id, without those that cannot be parsed."""
    found = ec2.describe_security_group_rules(Filters=_group_filter(group_id), MaxResults=_MAX_RESULTS)[
        "SecurityGroupRules"
    ]
    read = (read_described_rule(each, account_id) for each in found)
    return {each.rule_id: each for each in read if each.rule_id and each.peer and each.traffic.protocol}


def find_interfaces(ec2: EC2Client, group_id: str, may_go_on: Callable[[], bool]) -> InterfacePage:
    """Return the interfaces with a group. When tags cannot be read, instances are shown by id."""
    fields, is_partial = _interfaces(ec2, group_id, may_go_on)
    found, addresses = tuple(map(read_interface, fields)), tuple(map(read_interface_address, fields))
    wanted = instances_to_name(found) if may_go_on() else ()
    try:
        return InterfacePage(found, addresses, is_partial, _instance_names(ec2, wanted) if wanted else {})
    except (ClientError, BotoCoreError) as error:
        return InterfacePage(found, addresses, is_partial, names_error=error)


def _interfaces(ec2: EC2Client, group_id: str, may_go_on: Callable[[], bool]) -> tuple[list[Any], bool]:
    """Return the interfaces and whether there are more. A page can be empty and not be the last."""
    found: list[Any] = []
    request: Any = {
        "Filters": _group_filter(group_id),
        "MaxResults": _PAGE_SIZE,
        **managed_resources(ec2, "DescribeNetworkInterfaces"),
    }
    for _ in range(_MAX_PAGES):
        page = ec2.describe_network_interfaces(**request)
        found += page["NetworkInterfaces"]
        request["NextToken"] = page.get("NextToken")
        if not request["NextToken"] or not may_go_on():
            break
    return found, bool(request["NextToken"])


def _instance_names(ec2: EC2Client, instances: Sequence[str]) -> Mapping[str, str]:
    """Return the Name tags by instance id. DescribeTags needs fewer permissions than DescribeInstances."""
    filters: Any = [{"Name": "resource-id", "Values": list(instances)}, {"Name": "key", "Values": ["Name"]}]
    tags = ec2.describe_tags(Filters=filters, MaxResults=_MAX_RESULTS)["Tags"]
    return {each["ResourceId"]: each["Value"] for each in tags if each["Value"].strip()}


def _group_filter(group_id: str) -> Any:
    return [{"Name": "group-id", "Values": [group_id]}]
