"""Security group rules to and from EC2's request and response shapes, and the calls that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewatch.events.changes.ip_permissions import read_described_rule
from gatewatch.model.network import ALL_PROTOCOLS
from gatewatch.model.security_group import CidrPeer, Group, GroupPeer, PrefixListPeer, SecurityGroupRule
from gatewatch.remediation.ingress.plan import CurrentRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ec2 import EC2Client
    from types_boto3_ec2.type_defs import IpPermissionTypeDef


def describe_group(ec2: EC2Client, group_id: str) -> Group:
    """Return a group with its name, VPC and tags. Raises `ClientError`."""
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    return read_group(group)


def read_group(group: Mapping[str, Any]) -> Group:
    """Read a group of DescribeSecurityGroups, or the configuration of a configuration item."""
    fields = {key.lower(): value for key, value in group.items()}
    tags = [{key.lower(): value for key, value in each.items()} for each in fields.get("tags") or ()]
    return Group(
        id=fields.get("groupid"),
        name=fields.get("groupname"),
        vpc_id=fields.get("vpcid"),
        tags=tuple((str(each.get("key")), str(each.get("value"))) for each in tags),
    )


def current_rules(ec2: EC2Client, group_id: str, account_id: str) -> tuple[CurrentRule, ...]:
    """Return the current inbound rules of a group. Raises `ClientError`."""
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}], PaginationConfig={"PageSize": 1000}
    )
    rules = (rule for page in pages for rule in page["SecurityGroupRules"])
    return tuple(read_current_rule(rule, account_id) for rule in rules if not rule.get("IsEgress"))


def read_current_rule(rule: Mapping[str, Any], account_id: str) -> CurrentRule:
    """Read one rule of DescribeSecurityGroupRules; a peer or protocol that cannot be read is None."""
    tags = sorted((tag["Key"], tag["Value"]) for tag in rule.get("Tags") or ())
    return CurrentRule(read_described_rule(rule, account_id), tuple(tags))


def rule_request(rule: SecurityGroupRule) -> dict[str, Any]:
    """Return one rule as a SecurityGroupRuleRequest of EC2, which does not name the owner of a referenced group."""
    first, last = _ports(rule) or (-1, -1)
    key, peer = _peer(rule)
    request = {"IpProtocol": _protocol(rule), "FromPort": first, "ToPort": last}
    return request | _description(rule) | {_REQUEST_FIELDS[key]: next(iter(peer.values()))}


def ip_permission(rule: SecurityGroupRule) -> IpPermissionTypeDef:
    """Return one rule as an IpPermission: protocol, ports and a list of one peer."""
    permission: Any = {"IpProtocol": _protocol(rule)}
    if ports := _ports(rule):
        permission |= {"FromPort": ports[0], "ToPort": ports[1]}
    key, peer = _peer(rule)
    return permission | {key: [peer | _description(rule)]}  # type: ignore[no-any-return]


_REQUEST_FIELDS = {
    "IpRanges": "CidrIpv4",
    "Ipv6Ranges": "CidrIpv6",
    "PrefixListIds": "PrefixListId",
    "UserIdGroupPairs": "ReferencedGroupId",
}


def _protocol(rule: SecurityGroupRule) -> str | None:
    return "-1" if rule.traffic.protocol == ALL_PROTOCOLS else rule.traffic.protocol


def _ports(rule: SecurityGroupRule) -> tuple[int, int] | None:
    """Return the first and last port, or the ICMP type and code."""
    if rule.traffic.ports:
        return rule.traffic.ports.first, rule.traffic.ports.last
    return (rule.traffic.icmp.type, rule.traffic.icmp.code) if rule.traffic.icmp else None


def _description(rule: SecurityGroupRule) -> dict[str, str]:
    return {"Description": rule.description} if rule.description else {}


def _peer(rule: SecurityGroupRule) -> tuple[str, dict[str, str]]:
    match rule.peer:
        case CidrPeer(cidr):
            return ("Ipv6Ranges", {"CidrIpv6": cidr}) if rule.peer.kind == "ipv6" else ("IpRanges", {"CidrIp": cidr})
        case PrefixListPeer(prefix_list_id):
            return "PrefixListIds", {"PrefixListId": prefix_list_id}
        case GroupPeer(name, owner):
            return "UserIdGroupPairs", {"GroupId": name} | ({"UserId": owner} if owner else {})
        case _:
            raise ValueError("a rule without a CIDR, prefix list or group cannot be authorised")
