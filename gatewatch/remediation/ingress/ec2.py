"""Security group rules to and from EC2's request and response shapes, and the calls that change them."""

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

    from gatewatch.remediation.ingress.plan import Authorize


def describe_group(ec2: EC2Client, group_id: str) -> Group:
    """Return a group with its name and VPC. Raises `ClientError`."""
    (group,) = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    return Group(id=group_id, name=group.get("GroupName"), vpc_id=group.get("VpcId"))


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


def authorize(ec2: EC2Client, group_id: str, action: Authorize) -> str | None:
    """Authorise one rule and return its id. Raises `ClientError`."""
    tags = [{"Key": key, "Value": value} for key, value in action.tags if not key.startswith("aws:")]
    specifications: Any = [{"ResourceType": "security-group-rule", "Tags": tags}] if tags else []
    more: Any = {"TagSpecifications": specifications} if specifications else {}
    answer = ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[ip_permission(action.rule)], **more)
    rules = answer.get("SecurityGroupRules") or [{}]
    return rules[0].get("SecurityGroupRuleId")


def revoke(ec2: EC2Client, group_id: str, rule_id: str) -> None:
    """Revoke one rule by its id. Raises `ClientError`."""
    ec2.revoke_security_group_ingress(GroupId=group_id, SecurityGroupRuleIds=[rule_id])


def ip_permission(rule: SecurityGroupRule) -> IpPermissionTypeDef:
    """Return one rule as an IpPermission: protocol, ports and a list of one peer."""
    permission: Any = {"IpProtocol": "-1" if rule.traffic.protocol == ALL_PROTOCOLS else rule.traffic.protocol}
    if rule.traffic.ports:
        permission |= {"FromPort": rule.traffic.ports.first, "ToPort": rule.traffic.ports.last}
    if rule.traffic.icmp:
        permission |= {"FromPort": rule.traffic.icmp.type, "ToPort": rule.traffic.icmp.code}
    description = {"Description": rule.description} if rule.description else {}
    key, peer = _peer(rule)
    return permission | {key: [peer | description]}  # type: ignore[no-any-return]


def _peer(rule: SecurityGroupRule) -> tuple[str, dict[str, str]]:
    match rule.peer:
        case CidrPeer(cidr):
            return ("Ipv6Ranges", {"CidrIpv6": cidr}) if rule.peer.kind == "ipv6" else ("IpRanges", {"CidrIp": cidr})
        case PrefixListPeer(prefix_list_id):
            return "PrefixListIds", {"PrefixListId": prefix_list_id}
        case GroupPeer(name, owner):
            return "UserIdGroupPairs", {"GroupId": name} | ({"UserId": owner} if owner else {})
        case None:
            raise ValueError("a rule without a peer cannot be authorised")
