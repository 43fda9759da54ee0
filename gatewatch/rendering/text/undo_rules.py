"""The arguments of the AWS CLI that take changes of security group rules back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gatewatch.model.aws_cli import cli_arguments
from gatewatch.model.change import Action
from gatewatch.model.security_group import CidrPeer, Direction, GroupPeer, PrefixListPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gatewatch.model.alert import Alert
    from gatewatch.model.change import Change
    from gatewatch.model.security_group import SecurityGroupRule

MAX_RULES = 20  # in one command, which a person reads before it runs
_json = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for every call


def undo_of_rules(alert: Alert, worst: Change) -> tuple[str, ...]:
    """Revokes every rule that the call added to the group, or restores every rule that it modified."""
    changes = [
        each.change
        for each in alert.changes
        if each.is_applied and each.change.action is worst.action and each.change.group == worst.group
    ]
    if worst.action is Action.ASSOCIATE:
        given = {"group_id": worst.group.id, "vpc_id": worst.group.vpc_id}
        return cli_arguments("ec2", "disassociate-security-group-vpc", **given)
    if alert.omitted or len(changes) > MAX_RULES:
        return ()
    if worst.action is Action.AUTHORIZE:
        return _revoke(changes, worst)
    return _restore(changes, worst) if worst.action is Action.MODIFY else ()


def _revoke(changes: Sequence[Change], worst: Change) -> tuple[str, ...]:
    direction = worst.rule.direction
    if direction is None or any(each.rule.direction is not direction for each in changes):
        return ()
    group = {"group_id": worst.group.id} if worst.group.id else {"group_name": worst.group.name}
    if worst.group.id is None and direction is Direction.EGRESS:
        return ()
    ids = tuple(each.rule.rule_id for each in changes if each.rule.rule_id)
    if len(ids) == len(changes):
        return cli_arguments("ec2", f"revoke-security-group-{direction}", **group, security_group_rule_ids=ids)
    permissions = [_permission(each.rule) for each in changes]
    if None in permissions:
        return ()
    return cli_arguments("ec2", f"revoke-security-group-{direction}", **group, ip_permissions=_json(permissions))


def _restore(changes: Sequence[Change], worst: Change) -> tuple[str, ...]:
    """All rules as they were before."""
    updates = [_update(each) for each in changes]
    if None in updates:
        return ()
    given = {"group_id": worst.group.id, "security_group_rules": _json(updates)}
    return cli_arguments("ec2", "modify-security-group-rules", **given)


def _update(change: Change) -> dict[str, Any] | None:
    before, rule_id = change.previous, change.rule.rule_id
    if before is None or rule_id is None or (peer := _peer_of_request(before)) is None:
        return None
    if (traffic := _traffic(before)) is None:
        return None
    description = {"Description": before.description} if before.description else {}
    return {"SecurityGroupRuleId": rule_id, "SecurityGroupRule": traffic | peer | description}


def _peer_of_request(rule: SecurityGroupRule) -> dict[str, str] | None:
    match rule.peer:
        case CidrPeer(cidr):
            return {"CidrIpv6" if ":" in cidr else "CidrIpv4": cidr}
        case PrefixListPeer(prefix_list_id):
            return {"PrefixListId": prefix_list_id}
        case GroupPeer(name, owner=None) if name.startswith("sg-"):
            return {"ReferencedGroupId": name}
    return None


def _permission(rule: SecurityGroupRule) -> dict[str, Any] | None:
    traffic = _traffic(rule)
    if traffic is None:
        return None
    match rule.peer:
        case CidrPeer(cidr) if ":" in cidr:
            return traffic | {"Ipv6Ranges": [{"CidrIpv6": cidr}]}
        case CidrPeer(cidr):
            return traffic | {"IpRanges": [{"CidrIp": cidr}]}
        case PrefixListPeer(prefix_list_id):
            return traffic | {"PrefixListIds": [{"PrefixListId": prefix_list_id}]}
        case GroupPeer(name, owner):
            pair = {"GroupId" if name.startswith("sg-") else "GroupName": name} | ({"UserId": owner} if owner else {})
            return traffic | {"UserIdGroupPairs": [pair]}
    return None


def _traffic(rule: SecurityGroupRule) -> dict[str, Any] | None:
    traffic = rule.traffic
    if traffic.protocol is None:
        return None
    first: dict[str, Any] = {"IpProtocol": traffic.protocol}
    if traffic.ports:
        return first | {"FromPort": traffic.ports.first, "ToPort": traffic.ports.last}
    return first | ({"FromPort": traffic.icmp.type, "ToPort": traffic.icmp.code} if traffic.icmp else {})
